// `ming reverse server` and `ming reverse client`, also called as `reverse-tunnel`.
#include <glog/logging.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "ming/cli/command.h"
#include "ming/cli/commands.h"
#include "ming/cli/live_status.h"
#include "ming/cli/process_setup.h"
#include "ming/cli/reverse_flags.h"
#include "ming/cli/service_notify.h"
#include "ming/cli/status_text.h"
#include "ming/cli/stop_signals.h"
#include "ming/net/reactor.h"
#include "ming/net/resolver.h"
#include "ming/net/system_random.h"

namespace ming::cli {
namespace {

using reverse::ClientEnd;
using reverse::ReverseClient;
using reverse::ReverseCounters;
using reverse::ReverseServer;

// RT1's own codes (docs/reverse.md): 5 is "replaced by another client".
constexpr auto kReplaced = static_cast<ExitCode>(5);

std::string Describe(const ReverseCounters& counters, const std::string& rate) {
  return FormatCount(counters.active, "connection") + ", " + std::to_string(counters.pending) +
         " waiting, " + rate;
}

void AnnounceReverseServer(const ReverseServer& server) {
  std::string callers;
  for (const std::string& address : server.caller_addresses()) {
    callers += (callers.empty() ? "" : " and ") + address;
  }
  std::printf(
      "ming reverse server: callers connect to %s, the client to %s\n"
      "  beside the service:  ming reverse client --server THIS-HOST:%d --target localhost:8080\n",
      callers.c_str(), server.client_address().c_str(), server.client_port().value());
  std::fflush(stdout);
  LOG(INFO) << "event=listening a=\"" << callers << "\" b=\"" << server.client_address() << "\"";
}

ExitCode RunReverseServer(const Invocation& invocation) {
  UseLogLevel(invocation.settings);
  const auto options = ReverseServerSettings(invocation.settings);
  if (!options.ok()) return Fail(options.status());
  RaiseDescriptorLimit();
  net::Reactor reactor;
  net::SystemRandom random;
  std::unique_ptr<ReverseServer> server;
  ServiceNotifier notifier(NotifySocket(invocation.environment));
  const StopSignals signals(reactor, ExitCode::kOk, [&] {
    notifier.Stopping();
    server->Stop();
  });
  auto started = ReverseServer::Start(reactor, random, *options, [&reactor] { reactor.Stop(); });
  if (!started.ok()) {
    return Fail(WithHint(started.status(), "choose another with --listen-a or --listen-b"));
  }
  server = *std::move(started);
  AnnounceReverseServer(*server);
  LOG(WARNING) << "Without TLS and tokens anyone who reaches " << server->client_address()
               << " can pose as the client, and all bytes are readable on the way";
  notifier.Ready();
  RateMeter rate;
  const LiveStatus live(reactor, [&] {
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
  UseLogLevel(invocation.settings);
  const auto options = ReverseClientSettings(invocation.settings);
  if (!options.ok()) return Fail(options.status());
  RaiseDescriptorLimit();
  net::Reactor reactor;
  net::Resolver resolver(reactor);
  net::SystemRandom random;
  std::unique_ptr<ReverseClient> client;
  ServiceNotifier notifier(NotifySocket(invocation.environment));
  const StopSignals signals(reactor, ExitCode::kOk, [&] {
    notifier.Stopping();
    LOG(INFO) << "event=shutdown active=" << client->counters().active;
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
  notifier.Ready();
  RateMeter rate;
  const LiveStatus live(reactor, [&] {
    const ReverseCounters counters = client->counters();
    const std::string moved =
        FormatRate(rate.Update(reactor.Now(), counters.bytes_in + counters.bytes_out));
    return (client->connected() ? "connected: " : "waiting for the server: ") +
           Describe(counters, moved);
  });
  reactor.Run();
  client.reset();
  if (!why.ok()) PrintError(why);
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
