#include <glog/logging.h>

#include <memory>
#include <string>
#include <utility>

#include "ming/cli/admin_setup.h"
#include "ming/cli/announcement.h"
#include "ming/cli/commands.h"
#include "ming/cli/live_status.h"
#include "ming/cli/process_setup.h"
#include "ming/cli/role_reports.h"
#include "ming/cli/service_notify.h"
#include "ming/cli/status_text.h"
#include "ming/cli/stop_signals.h"
#include "ming/cli/tunnel_flags.h"
#include "ming/cli/tunnel_role.h"
#include "ming/net/reactor.h"
#include "ming/p2p/tunnel_host.h"
#include "ming/p2p/tunnel_services.h"

namespace ming::cli {
namespace {

class HostRun final : public p2p::TunnelHost::Observer {
 public:
  HostRun(net::Reactor& reactor, const Invocation& invocation)
      : reactor_(reactor), notifier_(NotifySocket(invocation.environment)) {}

  void Start(p2p::TunnelServices& services, const p2p::TunnelHostOptions& options) {
    host_ = p2p::TunnelHost::Start(services, options, *this);
  }

  void Stop() {
    LOG(INFO) << "Stopping: connections may end by themselves; a second signal stops at once";
    notifier_.Stopping();
    state_ = RunState::kStopping;
    host_->Drain(reactor_.Now() + DrainTimeout());
  }

  admin::RoleReport Report(const TunnelName& name) const {
    return ReportHost(host_->GetStatus(), name, state_);
  }

  std::string Describe() {
    const p2p::TunnelHostStatus status = host_->GetStatus();
    const uint64_t bytes = status.path_bytes_sent + status.path_bytes_received;
    const std::string rate = FormatRate(rate_.Update(reactor_.Now(), bytes));
    if (!status.registered) return "not registered: waiting for the signaling server, " + rate;
    return "registered: " + FormatCount(status.connected, "client") + ", " +
           FormatCount(status.flows.active, "connection") + ", " + rate;
  }

  p2p::TunnelEnd end() const { return end_; }
  const Status& why() const { return why_; }

 private:
  void OnRegistered() override { notifier_.Ready(); }

  void OnHostEnded(p2p::TunnelEnd end, const Status& why) override {
    end_ = end;
    why_ = why;
    reactor_.Stop();
  }

  net::Reactor& reactor_;
  ServiceNotifier notifier_;
  RateMeter rate_;
  RunState state_ = RunState::kRunning;
  std::unique_ptr<p2p::TunnelHost> host_;
  p2p::TunnelEnd end_ = p2p::TunnelEnd::kFailed;
  Status why_;
};

ExitCode RunHost(const Invocation& invocation) {
  const Result<p2p::TunnelHostOptions> options = HostOptions(invocation.settings);
  if (!options.ok()) return Fail(options.status());
  const Status interfaces = CheckInterfaces(options->peer.ice.interfaces);
  if (!interfaces.ok()) return Fail(interfaces);
  RaiseDescriptorLimit();
  net::Reactor reactor;
  std::unique_ptr<HostRun> run;
  const StopSignals signals(reactor, ExitCode::kOk, [&run] { run->Stop(); });
  const auto services = p2p::TunnelServices::Create(reactor);
  if (!services.ok()) return Fail(services.status());
  run = std::make_unique<HostRun>(reactor, invocation);
  const TunnelName name{options->id, options->protocol};
  auto admin = AdminInterface::Start(reactor, (*services)->websockets(), invocation.settings,
                                     [&run, &name] { return run->Report(name); });
  if (!admin.ok()) return Fail(admin.status());
  PrintAnnouncement(AnnounceHost(AnnouncementOf(invocation.settings), options->tcp.remote));
  WarnOfSignaling(options->signaling);
  run->Start(**services, *options);
  {
    const LiveStatus live(reactor, [&run] { return run->Describe(); });
    reactor.Run();
  }
  const ExitCode code = ReportEnd(run->end(), run->why(), options->id);
  run.reset();
  return code;
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
