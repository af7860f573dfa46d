// AdminInterface: the admin server of a role, where --admin asks for one.
#ifndef MING_CLI_ADMIN_SETUP_H_
#define MING_CLI_ADMIN_SETUP_H_

#include <functional>
#include <memory>
#include <utility>

#include "ming/admin/admin_server.h"
#include "ming/admin/role_report.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/cli/setting.h"
#include "ming/net/reactor.h"

namespace ming::ws {
class WsContext;
}  // namespace ming::ws

namespace ming::cli {

class AdminInterface final : private admin::ReportSource {
 public:
  // Null where `flag`, an address, is not set. Says where it listens, and warns where strangers
  // reach it. `report` tells what the role knows of itself; what is true of every role is added
  // here. It runs in the loop while the interface lives. `context` and `reactor` outlive it.
  static Result<std::unique_ptr<AdminInterface>> Start(net::Reactor& reactor,
                                                       ws::WsContext& context, const Setting& flag,
                                                       std::function<admin::RoleReport()> report);

 private:
  AdminInterface(net::Reactor& reactor, std::function<admin::RoleReport()> report)
      : reactor_(reactor), report_(std::move(report)), started_(reactor.Now()) {}

  admin::RoleReport Report() const override;

  net::Reactor& reactor_;
  const std::function<admin::RoleReport()> report_;
  const Timestamp started_;
  std::unique_ptr<admin::AdminServer> server_;
};

}  // namespace ming::cli

#endif  // MING_CLI_ADMIN_SETUP_H_
