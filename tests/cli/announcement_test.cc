#include "ming/cli/announcement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ming::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TunnelAnnouncement Tunnel() {
  TunnelAnnouncement tunnel;
  tunnel.id = "myhost";
  tunnel.protocol = "tcp";
  tunnel.signal = "ws://192.0.2.1:8080";
  return tunnel;
}

TEST(Announcement, ServerSaysWhereItListensAndWhatToTypeElsewhere) {
  ServerAnnouncement server;
  server.listen = HostPort{"127.0.0.1", Port(8080)};
  server.machine = "box";
  EXPECT_EQ(AnnounceServer(server),
            "ming server: listening on 127.0.0.1:8080 (ws://, without tokens)\n"
            "  beside the service:  ming host --id myhost --signal ws://127.0.0.1:8080 "
            "--remote localhost:22\n"
            "  where you are:       ming client --id myhost --signal ws://127.0.0.1:8080 "
            "--local localhost:2222\n");
}

TEST(Announcement, ServerOnEveryAddressNamesTheMachine) {
  ServerAnnouncement server;
  server.machine = "box";
  server.tls = true;
  server.tokens = true;
  for (const char* host : {"", "0.0.0.0", "::"}) {
    server.listen = HostPort{host, Port(443)};
    EXPECT_THAT(AnnounceServer(server), HasSubstr("--signal wss://box:443 --token-file FILE"));
  }
}

TEST(Announcement, HostAndClientNameBothEnds) {
  const HostPort remote{"localhost", Port(22)};
  EXPECT_THAT(AnnounceHost(Tunnel(), remote),
              StartsWith("ming host: forwarding tcp of clients of \"myhost\" to localhost:22"));
  EXPECT_THAT(AnnounceHost(Tunnel(), remote),
              HasSubstr("ming client --id myhost --signal ws://192.0.2.1:8080 --local"));
  const std::string client = AnnounceClient(Tunnel(), {"127.0.0.1:25565", "[::1]:25565"});
  EXPECT_THAT(client, StartsWith("ming client: listening on 127.0.0.1:25565 and [::1]:25565"));
  EXPECT_THAT(client, HasSubstr("ming host --id myhost --signal ws://192.0.2.1:8080 --remote"));
  EXPECT_THAT(client, HasSubstr("connect your application to 127.0.0.1:25565\n"));
}

TEST(Announcement, CommandsCarryTheProtocol) {
  TunnelAnnouncement tunnel = Tunnel();
  EXPECT_THAT(AnnounceClient(tunnel, {"a:1"}), Not(HasSubstr("--protocol")));
  tunnel.protocol = "udp";
  EXPECT_THAT(AnnounceClient(tunnel, {"a:1"}), HasSubstr(" --protocol udp "));
}

TEST(Announcement, CommandsQuoteForTheShell) {
  TunnelAnnouncement tunnel = Tunnel();
  tunnel.id = "it's $HOME";
  tunnel.signal = "ws://[::1]:8080";
  const std::string host = AnnounceHost(tunnel, HostPort{"localhost", Port(22)});
  EXPECT_THAT(host, HasSubstr("--id 'it'\\''s $HOME' --signal 'ws://[::1]:8080'"));
}

}  // namespace
}  // namespace ming::cli
