// `ming reverse server` and `ming reverse client`, also called as `reverse-tunnel`.
#include <glog/logging.h>

#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "ming/base/log_event.h"
#include "ming/cli/command.h"
#include "ming/cli/commands.h"
#include "ming/cli/common_flags.h"
#include "ming/cli/live_status.h"
#include "ming/cli/process_setup.h"
#include "ming/cli/reverse_flags.h"
#include "ming/cli/reverse_reports.h"
#include "ming/cli/reverse_security.h"
#include "ming/cli/reverse_statistics.h"
#include "ming/cli/service_notify.h"
#include "ming/cli/status_text.h"
#include "ming/cli/stop_signals.h"
#include "ming/net/reactor.h"
#include "ming/net/resolver.h"
#include "ming/net/system_random.h"
#include "ming/reverse/reverse_log.h"

namespace ming::cli {
namespace {

using reverse::ClientEnd;
using reverse::ReverseClient;
using reverse::ReverseCounters;
using reverse::ReverseServer;
using reverse::ReverseServerOptions;

// RT1's own codes (docs/reverse.md): 5 is "replaced by another client".
constexpr auto kReplaced = static_cast<ExitCode>(5);

std::string Describe(const ReverseCounters& counters, const std::string& rate) {
  return FormatCount(counters.active, "connection") + ", " + std::to_string(counters.pending) +
         " waiting, " + rate;
}

// A status line would break the lines of a JSON log.
std::unique_ptr<LiveStatus> ShowLive(net::Reactor& reactor, const JsonLog* json,
                                     std::function<std::string()> describe) {
  if (json != nullptr) return nullptr;
  return std::make_unique<LiveStatus>(reactor, std::move(describe));
}

void AnnounceReverseServer(const ReverseServer& server, const ReverseServerOptions& options) {
  std::string callers;
  for (const std::string& address : server.caller_addresses()) {
    callers += (callers.empty() ? "" : " and ") + address;
  }
  std::string flags = options.certificate != nullptr ? " --tls" : "";
  if (options.client_trust != nullptr) flags += " --tls-cert FILE --tls-key FILE";
  if (!options.token.empty()) flags += " --token-file FILE";
  const reverse::ClientSelector& first = options.core.listeners.front();
  if (first.kind != reverse::ClientSelector::Kind::kAny) {
    const bool by_id = first.kind == reverse::ClientSelector::Kind::kId;
    flags += (by_id ? " --id " : " --id NAME --label ") + first.name;
  }
  if (options.core.udp) flags += " --udp";
  std::printf(
      "ming reverse server: callers connect to %s, the client to %s\n"
      "  beside the service:  ming reverse client --server THIS-HOST:%d --target "
      "localhost:8080%s\n",
      callers.c_str(), server.client_address().c_str(), server.client_port().value(),
      flags.c_str());
  std::fflush(stdout);
  LogEvent(LogLevel::kInfo, "listening")
      .Add("a", callers)
      .Add("b", server.client_address())
      .Write();
}

ExitCode RunReverseServer(const Invocation& invocation) {
  const std::unique_ptr<JsonLog> json = UseLogFlags(invocation.settings);
  const auto options = ReverseServerSettings(invocation.settings);
  if (!options.ok()) return Fail(options.status());
  RaiseDescriptorLimit();
  net::Reactor reactor;
  reactor.SetSpin(SpinOf(invocation.settings));
  ReverseStatistics statistics(reactor);
  net::SystemRandom random;
  std::unique_ptr<ReverseServer> server;
  ServiceNotifier notifier(NotifySocket(invocation.environment));
  const StopSignals signals(reactor, ExitCode::kOk, [&] {
    notifier.Stopping();
    statistics.NoteStopping();
    server->Stop();
  });
  auto started = ReverseServer::Start(reactor, random, *options, [&reactor] { reactor.Stop(); });
  if (!started.ok()) {
    return Fail(WithHint(started.status(), "choose another with --listen-a or --listen-b"));
  }
  server = *std::move(started);
  if (Status status = statistics.Start(
          invocation.settings, [&server] { return server->counters(); }, ReportReverseServer);
      !status.ok()) {
    return Fail(status);
  }
  AnnounceReverseServer(*server, *options);
  const std::string warning = SecurityWarning(*options, server->client_address());
  if (!warning.empty()) LOG(WARNING) << warning;
  notifier.Ready();
  RateMeter rate;
  const auto live = ShowLive(reactor, json.get(), [&] {
    const ReverseCounters counters = server->counters();
    return FormatCount(counters.clients, "client") + ", " +
           Describe(counters,
                    FormatRate(rate.Update(reactor.Now(), counters.bytes_in + counters.bytes_out)));
  });
  reactor.Run();
  server.reset();
  return ExitCode::kOk;
}

ExitCode CodeOf(ClientEnd end) {
  switch (end) {
    case ClientEnd::kStopped:
      return ExitCode::kOk;
    case ClientEnd::kServerLost:
      return ExitCode::kLost;
    case ClientEnd::kRefused:
      return ExitCode::kRefused;
    case ClientEnd::kReplaced:
      return kReplaced;
  }
  return ExitCode::kFailure;
}

ExitCode RunReverseClient(const Invocation& invocation) {
  const std::unique_ptr<JsonLog> json = UseLogFlags(invocation.settings);
  const auto options = ReverseClientSettings(invocation.settings);
  if (!options.ok()) return Fail(options.status());
  RaiseDescriptorLimit();
  net::Reactor reactor;
  reactor.SetSpin(SpinOf(invocation.settings));
  ReverseStatistics statistics(reactor);
  net::Resolver resolver(reactor);
  net::SystemRandom random;
  std::unique_ptr<ReverseClient> client;
  ServiceNotifier notifier(NotifySocket(invocation.environment));
  const StopSignals signals(reactor, ExitCode::kOk, [&] {
    notifier.Stopping();
    statistics.NoteStopping();
    reverse::ShutdownEvent(client->counters().active).Write();
    client->Stop();
  });
  std::printf("ming reverse client: callers of %s reach %s\n", options->server.ToString().c_str(),
              options->target.ToString().c_str());
  std::fflush(stdout);
  std::optional<ClientEnd> ended;
  Status why;
  client = std::make_unique<ReverseClient>(reactor, resolver, random, *options,
                                           [&](ClientEnd end, const Status& reason) {
                                             ended = end;
                                             why = reason;
                                             reactor.Stop();
                                           });
  if (Status status = statistics.Start(
          invocation.settings, [&client] { return client->counters(); }, ReportReverseClient);
      !status.ok()) {
    return Fail(status);
  }
  const std::string warning = SecurityWarning(*options);
  if (!warning.empty()) LOG(WARNING) << warning;
  notifier.Ready();
  RateMeter rate;
  const auto live = ShowLive(reactor, json.get(), [&] {
    const ReverseCounters counters = client->counters();
    const std::string moved =
        FormatRate(rate.Update(reactor.Now(), counters.bytes_in + counters.bytes_out));
    return (client->connected() ? "connected: " : "waiting for the server: ") +
           Describe(counters, moved);
  });
  reactor.Run();
  client.reset();
  if (!why.ok() && json != nullptr) LOG(ERROR) << why.message();
  if (!why.ok() && json == nullptr) PrintError(why);
  return CodeOf(ended.value_or(ClientEnd::kStopped));
}

}  // namespace

Command ReverseServerCommand() {
  Command command;
  command.help = {"reverse server", "reverse TCP tunnel: where callers connect",
                  "Takes callers on one port and hands each to the client, which connected from "
                  "behind its NAT to the other port.",
                  "ming reverse server --listen-a :18080 --listen-b :19090", ""};
  command.flags = ReverseServerFlags();
  command.run = RunReverseServer;
  return command;
}

Command ReverseClientCommand() {
  Command command;
  command.help = {"reverse client", "reverse TCP tunnel: beside the service",
                  "Connects to the server's second port and joins each of its callers with the "
                  "target. Needs no port of its own.",
                  "ming reverse client --server localhost:19090 --target localhost:8080", ""};
  command.flags = ReverseClientFlags();
  command.run = RunReverseClient;
  return command;
}

}  // namespace ming::cli
