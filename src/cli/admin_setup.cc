#include "ming/cli/admin_setup.h"

#include <glog/logging.h>

#include <chrono>
#include <string>

#include "ming/cli/build_info.h"
#include "ming/cli/command.h"
#include "ming/cli/common_flags.h"

namespace ming::cli {

Result<std::unique_ptr<AdminInterface>> AdminInterface::Start(
    net::Reactor& reactor, ws::WsContext& context, const Setting& flag,
    std::function<admin::RoleReport()> report) {
  if (flag.value.empty()) return std::unique_ptr<AdminInterface>();
  std::unique_ptr<AdminInterface> interface(new AdminInterface(reactor, std::move(report)));
  admin::AdminOptions options;
  options.listen = AddressValue(flag.value);
  auto server = admin::AdminServer::Start(context, options, *interface);
  if (!server.ok()) return WithHint(server.status(), "choose another with --" + flag.name);
  interface->server_ = *std::move(server);
  const HostPort real{options.listen.host, interface->server_->port()};
  LOG(INFO) << "Admin interface: listening on " << real.ToString()
            << " (HTTP: /healthz, /readyz, /status, /metrics)";
  if (!IsLoopbackOnly(real)) {
    LOG(WARNING) << "anybody who reaches " << real.ToString() << " can read status and metrics (--"
                 << flag.name << " localhost:PORT keeps them to this machine)";
  }
  return interface;
}

admin::RoleReport AdminInterface::Report() const {
  admin::RoleReport report = report_();
  report.facts.insert(report.facts.begin(),
                      {{"ming", ProjectVersion()}, {"commit", BuildCommit()}});
  const double uptime = std::chrono::duration<double>(reactor_.Now() - started_).count();
  report.metrics.insert(
      report.metrics.begin(),
      {{"build_info",
        "the version of ming",
        admin::MetricKind::kGauge,
        "version",
        {{ProjectVersion(), 1}}},
       admin::Gauge("uptime_seconds", "time since the start", uptime),
       admin::Gauge("ready", "1 where /readyz says so", report.not_ready ? 0 : 1)});
  return report;
}

}  // namespace ming::cli
