#include "ming/cli/service_notify.h"

#include <glog/logging.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <utility>

#include "ming/net/unique_fd.h"

namespace ming::cli {

void ServiceNotifier::Ready() {
  if (std::exchange(ready_, true)) return;
  Send("READY=1");
}

void ServiceNotifier::Stopping() { Send("STOPPING=1"); }

void ServiceNotifier::Send(const std::string& state) const {
  if (socket_path_.empty()) return;
  sockaddr_un address{};
  if (socket_path_.size() >= sizeof(address.sun_path)) {
    LOG(WARNING) << "NOTIFY_SOCKET is too long for a socket name";
    return;
  }
  address.sun_family = AF_UNIX;
  std::copy(socket_path_.begin(), socket_path_.end(), address.sun_path);
  if (socket_path_[0] == '@') address.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_path_.size());
  const net::UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto* where = reinterpret_cast<const sockaddr*>(&address);
  if (!fd.valid() ||
      ::sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL, where, length) < 0) {
    PLOG(WARNING) << "cannot tell the service manager " << state;
  }
}

}  // namespace ming::cli
