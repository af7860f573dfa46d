// Every flag of a role acts: it arrives in the options.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "ming/cli/command.h"
#include "ming/cli/command_line.h"
#include "ming/cli/common_flags.h"
#include "ming/cli/gflags_table.h"
#include "ming/cli/server_flags.h"
#include "ming/cli/tunnel_flags.h"

#include "test_folder.h"

namespace ming::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

using Words = std::vector<std::string>;

// Self-signed, valid for a century.
constexpr char kAuthority[] = R"(-----BEGIN CERTIFICATE-----
MIIBNDCB56ADAgECAhQH5X2AjgUgWAFBCjgjfV3QloCp4jAFBgMrZXAwDzENMAsG
A1UEAwwEdGVzdDAgFw0yNjExMjAwODMxNTNaGA8yMTI2MTAyNzA4MzE1M1owDzEN
MAsGA1UEAwwEdGVzdDAqMAUGAytlcAMhAA/UJz2qEcEhLL58stm0QEKnDYUm1A5x
sQ6gCgDMiEcno1MwUTAdBgNVHQ4EFgQU9lRrWiS+P7UYGRQp+FT5zGYY4O0wHwYD
VR0jBBgwFoAU9lRrWiS+P7UYGRQp+FT5zGYY4O0wDwYDVR0TAQH/BAUwAwEB/zAF
BgMrZXADQQAFIa6u+nZr+0qeehVeeTphgoyQvf3y2e5GkCi82TrSrteFKuqUAVeD
KJEwSMJjRuXXjP/ocApjV4xRObanP6wJ
-----END CERTIFICATE-----
)";

class OptionsTest : public TestFolder {
 protected:
  // Prepares and stores the words, which must be right, and hands the settings to `make`.
  template <typename Make>
  auto With(const Words& words, Make make) {
    const Result<SelectedCommand> selected = SelectCommand(commands_, words, {});
    CHECK(selected.ok()) << selected.status().message();
    const Result<PreparedCommand> prepared = PrepareCommand(commands_, *selected, {});
    CHECK(prepared.ok()) << prepared.status().message();
    StoreInGflags(prepared->settings);
    return make(prepared->settings);
  }
  auto Server(Words words) {
    words.insert(words.begin(), "server");
    return With(words, ServerOptions);
  }
  auto Host(Words words) {
    words.insert(words.begin(), {"host", "--id", "x"});
    return With(words, HostOptions);
  }
  auto Client(Words words) {
    words.insert(words.begin(), {"client", "--id", "x"});
    return With(words, ClientOptions);
  }

  const std::vector<Command> commands_ = MakeCommands();
};

TEST_F(OptionsTest, ServerDefaults) {
  const auto options = Server({});
  ASSERT_TRUE(options.ok());
  const signaling::SignalingServerOptions presets;
  EXPECT_EQ(options->listen.ToString(), ":8080");
  EXPECT_FALSE(options->tls);
  EXPECT_THAT(options->core.valid_tokens, IsEmpty());
  EXPECT_THAT(options->core.host_tokens, IsEmpty());
  EXPECT_THAT(options->core.allowed_origins, ElementsAre("*"));
  EXPECT_EQ(options->core.max_connections, presets.core.max_connections);
  EXPECT_EQ(options->ping_interval, presets.ping_interval);
  EXPECT_EQ(options->drain_timeout, presets.drain_timeout);
}

TEST_F(OptionsTest, ServerFlagsAct) {
  const auto options = Server({"--addr=127.0.0.1:7",         "--valid-tokens=a,b",
                               "--host-tokens=h=t,i=u",      "--allowed-origins=https://a",
                               "--max-connections=7",        "--max-connections-per-source=6",
                               "--connection-rate=8",        "--connection-burst=12",
                               "--max-message-size=2K",      "--message-rate=5",
                               "--message-burst=4",          "--max-id-length=9",
                               "--auth-failure-burst=3",     "--auth-failure-refill=2s",
                               "--send-queue-size=128K",     "--send-queue-total=1M",
                               "--slow-reader-limit=9s",     "--handshake-timeout=3s",
                               "--first-message-timeout=4s", "--ping-interval=5s",
                               "--peer-timeout=6s",          "--drain-timeout=7s"});
  ASSERT_TRUE(options.ok()) << options.status().message();
  const signaling::SignalingServerCoreOptions& core = options->core;
  EXPECT_EQ(options->listen.ToString(), "127.0.0.1:7");
  ASSERT_EQ(core.valid_tokens.size(), 2U);
  EXPECT_EQ(core.valid_tokens[1].Reveal(), "b");
  ASSERT_EQ(core.host_tokens.size(), 2U);
  EXPECT_EQ(core.host_tokens.at("i").Reveal(), "u");
  EXPECT_THAT(core.allowed_origins, ElementsAre("https://a"));
  EXPECT_EQ(core.max_connections, 7U);
  EXPECT_EQ(core.max_connections_per_source, 6U);
  EXPECT_EQ(core.connection_rate, 8.0);
  EXPECT_EQ(core.connection_burst, 12.0);
  EXPECT_EQ(core.max_message_size, 2048U);
  EXPECT_EQ(core.message_rate, 5.0);
  EXPECT_EQ(core.message_burst, 4.0);
  EXPECT_EQ(core.max_id_length, 9U);
  EXPECT_EQ(core.auth_failure_burst, 3U);
  EXPECT_EQ(core.auth_failure_refill, seconds(2));
  EXPECT_EQ(options->send_queue_bytes, size_t{128} * 1024);
  EXPECT_EQ(options->send_queue_total, size_t{1} << 20);
  EXPECT_EQ(options->slow_reader_limit, seconds(9));
  EXPECT_EQ(options->handshake_timeout, seconds(3));
  EXPECT_EQ(core.first_message_timeout, seconds(4));
  EXPECT_EQ(options->ping_interval, seconds(5));
  EXPECT_EQ(options->peer_timeout, seconds(6));
  EXPECT_EQ(options->drain_timeout, seconds(7));
}

TEST_F(OptionsTest, TokensThatAreNoneDoNotOpenTheServer) {
  Write("blank", " \n");
  for (const char* flag : {"--valid-tokens=,", "--valid-tokens= ", "--valid-tokens="}) {
    const auto options = Server({flag});
    ASSERT_FALSE(options.ok()) << flag;
    EXPECT_THAT(options.status().message(), HasSubstr("--valid-tokens: holds no token")) << flag;
  }
  EXPECT_FALSE(Server({"--valid-tokens-file=blank"}).ok());
}

TEST_F(OptionsTest, ServerTlsNeedsBothFiles) {
  Write("cert.pem", "c");
  Write("key.pem", "k");
  const auto both = Server({"--tls-cert-file=cert.pem", "--tls-key-file=key.pem"});
  ASSERT_TRUE(both.ok() && both->tls);
  EXPECT_EQ(both->tls->certificate_file, "cert.pem");
  EXPECT_EQ(both->tls->key_file, "key.pem");
  EXPECT_THAT(Server({"--tls-cert-file=cert.pem"}).status().message(),
              StartsWith("--tls-cert-file: a certificate needs its key"));
  EXPECT_THAT(Server({"--tls-key-file=key.pem"}).status().message(),
              StartsWith("--tls-key-file: a key needs its certificate"));
  const Status missing = Server({"--tls-cert-file=none.pem", "--tls-key-file=key.pem"}).status();
  EXPECT_EQ(missing.code(), StatusCode::kUnavailable);
  EXPECT_THAT(missing.message(), StartsWith("--tls-cert-file: cannot read none.pem"));
}

TEST_F(OptionsTest, ServerHostTokensHaveTheirForm) {
  for (const char* wrong : {"h", "h=", "=t"}) {
    EXPECT_THAT(Server({std::string("--host-tokens=") + wrong}).status().message(),
                StartsWith("--host-tokens: an entry is not of the form id=token"));
  }
  EXPECT_THAT(Server({"--host-tokens=h=a,h=b"}).status().message(),
              HasSubstr("the ID \"h\" has two tokens"));
}

TEST_F(OptionsTest, ValuesThatDoNotGoTogether) {
  const Status status = Server({"--ping-interval=60s", "--peer-timeout=50s"}).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
}

TEST_F(OptionsTest, HostFlagsAct) {
  const auto options =
      Host({"--signal=wss://s.example/p", "--protocol=udp", "--remote=[::1]:9", "--token=t",
            "--max-clients=3", "--dial-timeout=2s", "--wait=3s", "--connect-timeout=4s",
            "--session-timeout=5s", "--max-connections=6", "--insecure", "--drain-timeout=1s"});
  ASSERT_TRUE(options.ok()) << options.status().message();
  EXPECT_EQ(options->id, "x");
  EXPECT_EQ(options->signaling.url.ToString(), "wss://s.example:443/p");
  EXPECT_EQ(options->signaling.token.Reveal(), "t");
  EXPECT_EQ(options->signaling.trust.mode, ws::WsTrust::Mode::kInsecure);
  EXPECT_EQ(options->protocol, p2p::TunnelProtocol::kUdp);
  EXPECT_EQ(options->tcp.remote.ToString(), "[::1]:9");
  EXPECT_EQ(options->udp.remote.ToString(), "[::1]:9");
  EXPECT_EQ(options->sessions.max_sessions, 3U);
  EXPECT_EQ(options->sessions.wait, seconds(3));
  EXPECT_EQ(options->sessions.connect_timeout, seconds(4));
  EXPECT_EQ(options->sessions.session_timeout, seconds(5));
  EXPECT_EQ(options->tcp.dial_timeout, seconds(2));
  EXPECT_EQ(options->tcp.max_channels, 6U);
  EXPECT_EQ(DrainTimeout(), seconds(1));
}

TEST_F(OptionsTest, PathMtu) {
  EXPECT_EQ(Host({})->peer.path_mtu, p2p::kMaxPathMtu);
  EXPECT_EQ(Client({"--path-mtu=auto"})->peer.path_mtu, p2p::kMaxPathMtu);
  EXPECT_EQ(Host({"--path-mtu=off"})->peer.path_mtu, 1200U);
  EXPECT_EQ(Client({"--path-mtu=9000B"})->peer.path_mtu, 9000U);
}

TEST_F(OptionsTest, Spin) {
  const auto spin = [this](Words words) {
    words.insert(words.begin(), {"host", "--id", "x"});
    return With(words, SpinOf);
  };
  EXPECT_EQ(spin({}).mode, net::SpinMode::kAuto);
  EXPECT_EQ(spin({"--spin=off"}).mode, net::SpinMode::kOff);
  EXPECT_EQ(spin({"--spin=80us"}).mode, net::SpinMode::kAlways);
  EXPECT_EQ(spin({"--spin=80us"}).limit, std::chrono::microseconds(80));
}

TEST_F(OptionsTest, RemoteCanBeConnectedTo) {
  EXPECT_EQ(Host({"--remote=:80"})->tcp.remote.ToString(), "localhost:80");
  EXPECT_EQ(Host({"--remote=localhost:0"}).status().message(),
            "--remote: port 0 cannot be connected to");
}

TEST_F(OptionsTest, ClientFlagsAct) {
  Write("ca.pem", kAuthority);
  const auto options =
      Client({"--local=:9", "--max-waiting=2", "--max-wait=3s", "--max-connections=4", "--wait=5s",
              "--connect-timeout=6s", "--session-timeout=7s", "--ca-file=ca.pem",
              "--signal=wss://s.example"});
  ASSERT_TRUE(options.ok()) << options.status().message();
  EXPECT_EQ(options->host_id, "x");
  EXPECT_EQ(options->tcp.local.ToString(), ":9");
  EXPECT_EQ(options->udp.local.ToString(), ":9");
  EXPECT_EQ(options->tcp.admission.max_waiting, 2U);
  EXPECT_EQ(options->tcp.admission.max_wait, seconds(3));
  EXPECT_EQ(options->tcp.admission.max_connections, 4U);
  EXPECT_EQ(options->peer.max_channels, 4U);
  EXPECT_EQ(options->session.wait, seconds(5));
  EXPECT_EQ(options->session.connect_timeout, seconds(6));
  EXPECT_EQ(options->session.session_timeout, seconds(7));
  EXPECT_EQ(options->signaling.trust.mode, ws::WsTrust::Mode::kCaFile);
  EXPECT_EQ(options->signaling.trust.ca_file, "ca.pem");
  EXPECT_NE(options->peer.turn_trust, nullptr);
}

TEST_F(OptionsTest, NetworkFlagsAct) {
  const auto options = Client(
      {"--stun-server=stun:192.0.2.1:3478,stun:192.0.2.2:3478",
       "--turn-server=turn:192.0.2.3:3478?transport=tcp", "--turn-username=u", "--turn-password=p",
       "--relay-only", "--port-range=20000-20010", "--interfaces=eth0,eth1", "--loopback",
       "--no-udp-offload", "--no-extensions", "--data-message-size=8K", "--disconnect-after=4s"});
  ASSERT_TRUE(options.ok()) << options.status().message();
  const ice::IceOptions& ice = options->peer.ice;
  ASSERT_EQ(ice.servers.size(), 3U);
  EXPECT_EQ(ice.servers[1].address.ToString(), "192.0.2.2:3478");
  EXPECT_EQ(ice.servers[2].kind, codec::IceServerKind::kTurn);
  EXPECT_EQ(ice.servers[2].transport, codec::IceServerTransport::kTcp);
  EXPECT_EQ(ice.servers[2].username, "u");
  EXPECT_EQ(ice.servers[2].password.Reveal(), "p");
  EXPECT_EQ(ice.policy, ice::CandidatePolicy::kRelayOnly);
  ASSERT_TRUE(ice.ports);
  EXPECT_EQ(ice.ports->first, Port(20000));
  EXPECT_EQ(ice.ports->last, Port(20010));
  EXPECT_THAT(ice.interfaces, ElementsAre("eth0", "eth1"));
  EXPECT_EQ(ice.loopback, ice::LoopbackUse::kAlways);
  EXPECT_EQ(ice.offload, ice::UdpOffload::kOff);
  EXPECT_FALSE(options->peer.announce_features);
  EXPECT_EQ(options->peer.max_message_bytes, 8192U);
  EXPECT_EQ(options->peer.disconnected_after, seconds(4));
}

TEST_F(OptionsTest, TurnMayBeOverTls) {
  const auto options = Client({"--turn-server=turns:u:p@192.0.2.3"});
  ASSERT_TRUE(options.ok()) << options.status().message();
  EXPECT_EQ(options->peer.ice.servers.back().transport, codec::IceServerTransport::kTls);
  EXPECT_EQ(options->peer.ice.servers.back().address.ToString(), "192.0.2.3:5349");
}

TEST_F(OptionsTest, StreamAndFlowFlagsAct) {
  const auto options =
      Client({"--protocol=udp", "--buffer-size=64K", "--idle-timeout=1m",
              "--udp-idle-timeout=300ms", "--max-flows=5", "--max-datagram-size=1200B"});
  ASSERT_TRUE(options.ok()) << options.status().message();
  EXPECT_EQ(options->tcp.channel.receive_limit, size_t{64} * 1024);
  EXPECT_LT(options->tcp.channel.receive_low_water, options->tcp.channel.receive_high_water);
  EXPECT_EQ(options->tcp.relay.idle_timeout, minutes(1));
  EXPECT_EQ(options->udp.flows.idle_timeout, milliseconds(300));
  EXPECT_EQ(options->udp.flows.max_flows, 5U);
  EXPECT_EQ(options->udp.flows.max_datagram_bytes, 1200U);
  EXPECT_EQ(options->peer.max_channels, 5U);
}

TEST_F(OptionsTest, NoIdleTimeoutByDefault) {
  EXPECT_EQ(Client({})->tcp.relay.idle_timeout, std::nullopt);
  EXPECT_EQ(Client({})->protocol, p2p::TunnelProtocol::kTcp);
}

TEST_F(OptionsTest, StunServersCanBeNone) {
  EXPECT_EQ(Host({})->peer.ice.servers.size(), 1U);
  EXPECT_THAT(Host({"--stun-server=none"})->peer.ice.servers, IsEmpty());
  EXPECT_THAT(Host({"--stun-server="})->peer.ice.servers, IsEmpty());
}

TEST_F(OptionsTest, NetworkFlagsThatAreWrong) {
  EXPECT_THAT(Host({"--signal=http://x"}).status().message(), StartsWith("--signal: "));
  EXPECT_THAT(Host({"--stun-server=turn:u:p@h:1"}).status().message(),
              HasSubstr("set it by --turn-server"));
  EXPECT_THAT(Host({"--turn-server=stun:h:1"}).status().message(),
              HasSubstr("set it by --stun-server"));
  EXPECT_THAT(Host({"--turn-server=turn:h:1"}).status().message(),
              HasSubstr("needs --turn-username"));
  EXPECT_THAT(Host({"--relay-only"}).status().message(), HasSubstr("set --turn-server"));
  Write("ca.pem", "c");
  EXPECT_THAT(Host({"--ca-file=ca.pem"}).status().message(), StartsWith("--ca-file: "));
  EXPECT_THAT(Host({"--insecure", "--ca-file=ca.pem"}).status().message(),
              StartsWith("--insecure: "));
  EXPECT_EQ(Host({"--ca-file=none.pem"}).status().code(), StatusCode::kUnavailable);
}

}  // namespace
}  // namespace ming::cli
