#include <glog/logging.h>
#include <unistd.h>

#include <array>
#include <cstdio>
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
#include "ming/cli/server_flags.h"
#include "ming/cli/service_notify.h"
#include "ming/cli/status_text.h"
#include "ming/cli/stop_signals.h"
#include "ming/net/glib_bridge.h"
#include "ming/net/reactor.h"
#include "ming/signaling/signaling_server.h"
#include "ming/ws/ws_context.h"

namespace ming::cli {
namespace {

using signaling::SignalingServer;
using signaling::SignalingServerMetrics;
using signaling::SignalingServerOptions;

std::string MachineName() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.data();
}

bool HasTokens(const SignalingServerOptions& options) {
  return !options.core.valid_tokens.empty() || !options.core.host_tokens.empty();
}

void Announce(const SignalingServerOptions& options, Port port) {
  ServerAnnouncement announcement;
  announcement.listen = HostPort{options.listen.host, port};
  announcement.tls = options.tls.has_value();
  announcement.tokens = HasTokens(options);
  announcement.machine = MachineName();
  std::fputs(AnnounceServer(announcement).c_str(), stdout);
  std::fflush(stdout);
}

std::string DescribeServer(const SignalingServerMetrics& metrics, double message_rate) {
  return "serving: " + FormatCount(metrics.hosts, "host") + ", " +
         FormatCount(metrics.clients, "client") + ", " +
         std::to_string(static_cast<uint64_t>(message_rate)) + " messages/s";
}

ExitCode RunServer(const Invocation& invocation) {
  const Result<SignalingServerOptions> options = ServerOptions(invocation.settings);
  if (!options.ok()) return Fail(options.status());
  RaiseDescriptorLimit();
  net::Reactor reactor;
  reactor.SetSpin(SpinOf(invocation.settings));
  std::unique_ptr<SignalingServer> server;
  RunState state = RunState::kRunning;
  ServiceNotifier notifier(NotifySocket(invocation.environment));
  const StopSignals signals(reactor, ExitCode::kOk, [&] {
    LOG(INFO) << "Stopping: connections are being closed; a second signal stops at once";
    notifier.Stopping();
    state = RunState::kStopping;
    server->Shutdown([&reactor] { reactor.Stop(); });
  });
  net::GlibBridge glib(reactor);
  const auto websockets = ws::WsContext::Create(reactor, glib);
  if (!websockets.ok()) return Fail(websockets.status());
  const auto admin =
      AdminInterface::Start(reactor, **websockets, invocation.settings.Get("admin"),
                            [&server, &state] { return ReportServer(server->metrics(), state); });
  if (!admin.ok()) return Fail(admin.status());
  auto started = SignalingServer::Start(reactor, **websockets, *options);
  if (!started.ok()) return Fail(WithHint(started.status(), "choose another with --addr"));
  server = *std::move(started);
  Announce(*options, server->port());
  notifier.Ready();
  RateMeter messages;
  const LiveStatus live(reactor, [&] {
    const SignalingServerMetrics& metrics = server->metrics();
    return DescribeServer(metrics, messages.Update(reactor.Now(), metrics.messages_received_total));
  });
  reactor.Run();
  server.reset();
  return ExitCode::kOk;
}

}  // namespace

Command ServerCommand() {
  Command command;
  command.help = {"server", "bring hosts and clients together (signaling)",
                  "Hosts register here, clients find them here; the tunnelled bytes do not pass "
                  "through it. Run it where both can connect to.",
                  "ming server --addr :8080", ""};
  command.flags = ServerFlags();
  command.kind = CommandKind::kRole;
  command.run = RunServer;
  return command;
}

}  // namespace ming::cli
