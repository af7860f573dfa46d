#include <memory>
#include <string>

#include "ming/cli/announcement.h"
#include "ming/cli/commands.h"
#include "ming/cli/role_reports.h"
#include "ming/cli/status_text.h"
#include "ming/cli/tunnel_flags.h"
#include "ming/cli/tunnel_role.h"
#include "ming/cli/tunnel_run.h"
#include "ming/p2p/tunnel_host.h"

namespace ming::cli {
namespace {

class HostRole final : public TunnelCommand, private p2p::TunnelHost::Observer {
 public:
  HostRole(TunnelRun& run, const p2p::TunnelHostOptions& options, const Settings& settings)
      : run_(run), options_(options), settings_(settings) {}

  Status Start(p2p::TunnelServices& services) override {
    PrintAnnouncement(AnnounceHost(AnnouncementOf(settings_), options_.tcp.remote));
    WarnOfSignaling(options_.signaling);
    host_ = p2p::TunnelHost::Start(services, options_, *this);
    return Status::Ok();
  }

  void Drain(Timestamp deadline) override { host_->Drain(deadline); }

  admin::RoleReport Report(RunState state) const override {
    return ReportHost(host_->GetStatus(), {options_.id, options_.protocol}, state);
  }

  std::string Describe(const std::string& rate) const override {
    const p2p::TunnelHostStatus status = host_->GetStatus();
    if (!status.registered) return "not registered: waiting for the signaling server, " + rate;
    return "registered: " + FormatCount(status.connected, "client") + ", " +
           FormatCount(status.flows.active, "connection") + ", " + rate;
  }

  uint64_t path_bytes() const override {
    const p2p::TunnelHostStatus status = host_->GetStatus();
    return status.path_bytes_sent + status.path_bytes_received;
  }

 private:
  void OnRegistered() override { run_.NoteReady(); }
  void OnHostEnded(p2p::TunnelEnd end, const Status& why) override { run_.End(end, why); }

  TunnelRun& run_;
  const p2p::TunnelHostOptions& options_;
  const Settings& settings_;
  std::unique_ptr<p2p::TunnelHost> host_;
};

ExitCode RunHost(const Invocation& invocation) {
  const Result<p2p::TunnelHostOptions> options = HostOptions(invocation.settings);
  if (!options.ok()) return Fail(options.status());
  const Status interfaces = CheckInterfaces(options->peer.ice.interfaces);
  if (!interfaces.ok()) return Fail(interfaces);
  return RunTunnel(invocation, options->id, [&](TunnelRun& run) {
    return std::make_unique<HostRole>(run, *options, invocation.settings);
  });
}

}  // namespace

Command HostCommand() {
  Command command;
  command.help = {"host", "offer a service of this machine to clients",
                  "Registers an ID at the signaling server, answers clients that ask for it, and "
                  "connects each of their connections to one address (--remote).",
                  "ming host --id myhost --remote localhost:22", ""};
  command.flags = HostFlags();
  command.kind = CommandKind::kRole;
  command.run = RunHost;
  return command;
}

}  // namespace ming::cli
