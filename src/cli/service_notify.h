// Tells systemd how the service is (sd_notify(3)): a datagram to the socket that NOTIFY_SOCKET
// names.
#ifndef MING_CLI_SERVICE_NOTIFY_H_
#define MING_CLI_SERVICE_NOTIFY_H_

#include <string>

#include "ming/base/status.h"

namespace ming::cli {

class ServiceNotifier {
 public:
  // `socket_path` is a path, or an abstract name behind '@'; empty: nobody is told.
  explicit ServiceNotifier(std::string socket_path) : socket_path_(std::move(socket_path)) {}

  // The service does its work. Later calls do nothing.
  void Ready();
  void Stopping();

 private:
  void Send(const std::string& state) const;

  std::string socket_path_;
  bool ready_ = false;
};

}  // namespace ming::cli

#endif  // MING_CLI_SERVICE_NOTIFY_H_
