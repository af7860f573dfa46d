#include <glog/logging.h>

#include <memory>
#include <string>
#include <utility>

#include "ming/cli/announcement.h"
#include "ming/cli/commands.h"
#include "ming/cli/common_flags.h"
#include "ming/cli/role_reports.h"
#include "ming/cli/status_text.h"
#include "ming/cli/tunnel_flags.h"
#include "ming/cli/tunnel_role.h"
#include "ming/cli/tunnel_run.h"
#include "ming/p2p/tunnel_client.h"

namespace ming::cli {
namespace {

void WarnOfListener(const HostPort& local) {
  if (IsLoopbackOnly(local)) return;
  LOG(WARNING) << "anybody who reaches " << local.ToString()
               << " may use this tunnel (--local localhost:PORT keeps it to this machine)";
}

class ClientRole final : public TunnelCommand, private p2p::TunnelClient::Observer {
 public:
  ClientRole(TunnelRun& run, const p2p::TunnelClientOptions& options, const Settings& settings)
      : run_(run), options_(options), settings_(settings) {}

  Status Start(p2p::TunnelServices& services) override {
    auto client = p2p::TunnelClient::Start(services, options_, *this);
    if (!client.ok()) return WithHint(client.status(), "choose another with --local");
    client_ = *std::move(client);
    PrintAnnouncement(AnnounceClient(AnnouncementOf(settings_), client_->local_addresses()));
    WarnOfListener(options_.tcp.local);
    WarnOfSignaling(options_.signaling);
    return Status::Ok();
  }

  void Drain(Timestamp deadline) override { client_->Drain(deadline); }

  admin::RoleReport Report(RunState state) const override {
    return ReportClient(client_->GetStatus(), {options_.host_id, options_.protocol}, state);
  }

  std::string Describe(const std::string& rate) const override {
    const p2p::TunnelClientStatus status = client_->GetStatus();
    std::string text(p2p::ClientStateName(status.state));
    if (status.state == p2p::ClientState::kConnected) {
      text += ": " + status.path;
      if (status.round_trip_time) text += ", " + FormatDelay(*status.round_trip_time);
    }
    text += ", " + rate + ", " + FormatCount(status.flows.active, "connection");
    if (status.flows.waiting > 0) text += ", " + std::to_string(status.flows.waiting) + " waiting";
    return text;
  }

  uint64_t path_bytes() const override {
    const p2p::TunnelClientStatus status = client_->GetStatus();
    return status.path_bytes_sent + status.path_bytes_received;
  }

 private:
  void OnPathUp() override {
    run_.NoteReady();
    LOG(INFO) << "Connected: " << client_->GetStatus().path;
  }

  void OnPathDown(const Status& why) override {
    if (run_.state() == RunState::kStopping) return;
    LOG(WARNING) << "Path lost, looking for another: " << why.message();
  }

  void OnClientEnded(p2p::TunnelEnd end, const Status& why) override { run_.End(end, why); }

  TunnelRun& run_;
  const p2p::TunnelClientOptions& options_;
  const Settings& settings_;
  std::unique_ptr<p2p::TunnelClient> client_;
};

ExitCode RunClient(const Invocation& invocation) {
  const Result<p2p::TunnelClientOptions> options = ClientOptions(invocation.settings);
  if (!options.ok()) return Fail(options.status());
  const Status interfaces = CheckInterfaces(options->peer.ice.interfaces);
  if (!interfaces.ok()) return Fail(interfaces);
  return RunTunnel(invocation, options->host_id, [&](TunnelRun& run) {
    return std::make_unique<ClientRole>(run, *options, invocation.settings);
  });
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
