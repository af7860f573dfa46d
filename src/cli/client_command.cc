#include <glog/logging.h>

#include <memory>
#include <string>
#include <utility>

#include "ming/cli/admin_setup.h"
#include "ming/cli/announcement.h"
#include "ming/cli/commands.h"
#include "ming/cli/common_flags.h"
#include "ming/cli/live_status.h"
#include "ming/cli/process_setup.h"
#include "ming/cli/role_reports.h"
#include "ming/cli/service_notify.h"
#include "ming/cli/status_text.h"
#include "ming/cli/stop_signals.h"
#include "ming/cli/tunnel_flags.h"
#include "ming/cli/tunnel_role.h"
#include "ming/net/reactor.h"
#include "ming/p2p/tunnel_client.h"
#include "ming/p2p/tunnel_services.h"

namespace ming::cli {
namespace {

class ClientRun final : public p2p::TunnelClient::Observer {
 public:
  ClientRun(net::Reactor& reactor, const Invocation& invocation)
      : reactor_(reactor), notifier_(NotifySocket(invocation.environment)) {}

  Status Start(p2p::TunnelServices& services, const p2p::TunnelClientOptions& options) {
    auto client = p2p::TunnelClient::Start(services, options, *this);
    if (!client.ok()) return client.status();
    client_ = *std::move(client);
    return Status::Ok();
  }

  void Stop() {
    LOG(INFO) << "Stopping: connections may end by themselves; a second signal stops at once";
    notifier_.Stopping();
    state_ = RunState::kStopping;
    client_->Drain(reactor_.Now() + DrainTimeout());
  }

  admin::RoleReport Report(const TunnelName& name) const {
    return ReportClient(client_->GetStatus(), name, state_);
  }

  std::string Describe() {
    const p2p::TunnelClientStatus status = client_->GetStatus();
    const uint64_t bytes = status.path_bytes_sent + status.path_bytes_received;
    const std::string rate = FormatRate(rate_.Update(reactor_.Now(), bytes));
    std::string text(p2p::ClientStateName(status.state));
    if (status.state == p2p::ClientState::kConnected) {
      text += ": " + status.path;
      if (status.round_trip_time) text += ", " + FormatDelay(*status.round_trip_time);
    }
    text += ", " + rate + ", " + FormatCount(status.flows.active, "connection");
    if (status.flows.waiting > 0) text += ", " + std::to_string(status.flows.waiting) + " waiting";
    return text;
  }

  const p2p::TunnelClient& client() const { return *client_; }
  p2p::TunnelEnd end() const { return end_; }
  const Status& why() const { return why_; }

 private:
  void OnPathUp() override {
    notifier_.Ready();
    LOG(INFO) << "Connected: " << client_->GetStatus().path;
  }

  void OnPathDown(const Status& why) override {
    if (state_ == RunState::kStopping) return;
    LOG(WARNING) << "Path lost, looking for another: " << why.message();
  }

  void OnClientEnded(p2p::TunnelEnd end, const Status& why) override {
    end_ = end;
    why_ = why;
    reactor_.Stop();
  }

  net::Reactor& reactor_;
  ServiceNotifier notifier_;
  RateMeter rate_;
  RunState state_ = RunState::kRunning;
  std::unique_ptr<p2p::TunnelClient> client_;
  p2p::TunnelEnd end_ = p2p::TunnelEnd::kFailed;
  Status why_;
};

void WarnOfListener(const HostPort& local) {
  if (IsLoopbackOnly(local)) return;
  LOG(WARNING) << "anybody who reaches " << local.ToString()
               << " may use this tunnel (--local localhost:PORT keeps it to this machine)";
}

ExitCode RunClient(const Invocation& invocation) {
  const Result<p2p::TunnelClientOptions> options = ClientOptions(invocation.settings);
  if (!options.ok()) return Fail(options.status());
  const Status interfaces = CheckInterfaces(options->peer.ice.interfaces);
  if (!interfaces.ok()) return Fail(interfaces);
  RaiseDescriptorLimit();
  net::Reactor reactor;
  std::unique_ptr<ClientRun> run;
  const StopSignals signals(reactor, ExitCode::kOk, [&run] { run->Stop(); });
  const auto services = p2p::TunnelServices::Create(reactor);
  if (!services.ok()) return Fail(services.status());
  run = std::make_unique<ClientRun>(reactor, invocation);
  const TunnelName name{options->host_id, options->protocol};
  auto admin = AdminInterface::Start(reactor, (*services)->websockets(), invocation.settings,
                                     [&run, &name] { return run->Report(name); });
  if (!admin.ok()) return Fail(admin.status());
  if (Status started = run->Start(**services, *options); !started.ok()) {
    return Fail(WithHint(started, "choose another with --local"));
  }
  PrintAnnouncement(
      AnnounceClient(AnnouncementOf(invocation.settings), run->client().local_addresses()));
  WarnOfListener(options->tcp.local);
  WarnOfSignaling(options->signaling);
  {
    const LiveStatus live(reactor, [&run] { return run->Describe(); });
    reactor.Run();
  }
  const ExitCode code = ReportEnd(run->end(), run->why(), options->host_id);
  run.reset();
  return code;
}

}  // namespace

Command ClientCommand() {
  Command command;
  command.help = {"client", "reach the service behind a host",
                  "Listens on a local port. Each connection made to it crosses a WebRTC data "
                  "channel to the host and comes out at the service behind it.",
                  "ming client --id myhost --local localhost:2222", ""};
  command.flags = ClientFlags();
  command.kind = CommandKind::kRole;
  command.run = RunClient;
  return command;
}

}  // namespace ming::cli
