// AdminServer: health, status and metrics of a process over HTTP.
#ifndef MING_ADMIN_ADMIN_SERVER_H_
#define MING_ADMIN_ADMIN_SERVER_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "ming/admin/role_report.h"
#include "ming/base/ip_address.h"
#include "ming/base/status.h"
#include "ming/base/time.h"

namespace ming::ws {
class WsContext;
}  // namespace ming::ws

namespace ming::admin {

struct AdminOptions {
  // Loopback unless somebody wants it otherwise: what is shown is not secret, but nobody else's
  // business. Port 0: any.
  HostPort listen{"localhost", Port(0)};
  // Requests in progress, 1 to 10,000; one more makes the oldest leave. A few scrapers and probes
  // at once; each holds a descriptor and about 10 KiB.
  size_t max_connections = 32;
  // From accept until the answer is sent, 100 ms to 2 min; a connection that is slower is dropped.
  Duration request_timeout = std::chrono::seconds(5);
};

// All problems of `options`, one sentence each; empty: valid.
std::vector<std::string> Validate(const AdminOptions& options);

class AdminServer {
 public:
  // Listens at once and answers from `source`, which outlives the server, as `context` does. CHECKs
  // that `options` validates. kUnavailable: the address is taken or not ours.
  static Result<std::unique_ptr<AdminServer>> Start(ws::WsContext& context,
                                                    const AdminOptions& options,
                                                    const ReportSource& source);
  // Drops what it is answering.
  virtual ~AdminServer() = default;

  // The real port.
  virtual Port port() const = 0;
};

}  // namespace ming::admin

#endif  // MING_ADMIN_ADMIN_SERVER_H_
