#include "ming/codec/ice_server_url.h"

#include <gtest/gtest.h>

namespace ming::codec {
namespace {

IceServer Parsed(std::string_view url) {
  auto server = ParseIceServerUrl(url);
  EXPECT_TRUE(server.ok()) << url << ": " << server.status().ToString();
  return server.ok() ? *server : IceServer{};
}

TEST(IceServerUrl, StunHasItsDefaultPort) {
  const IceServer server = Parsed("stun:stun.example.org");
  EXPECT_EQ(server.kind, IceServerKind::kStun);
  EXPECT_EQ(server.transport, IceServerTransport::kUdp);
  EXPECT_EQ(server.address.host, "stun.example.org");
  EXPECT_EQ(server.address.port, Port(3478));
  EXPECT_EQ(Parsed("STUN:192.0.2.1:19302").address.port, Port(19302));
}

TEST(IceServerUrl, TurnTransportsAndPorts) {
  EXPECT_EQ(Parsed("turn:a").transport, IceServerTransport::kUdp);
  EXPECT_EQ(Parsed("turn:a?transport=udp").transport, IceServerTransport::kUdp);
  EXPECT_EQ(Parsed("turn:a?transport=TCP").transport, IceServerTransport::kTcp);
  EXPECT_EQ(Parsed("turn:a?transport=tcp").address.port, Port(3478));
  EXPECT_EQ(Parsed("turns:a").transport, IceServerTransport::kTls);
  EXPECT_EQ(Parsed("turns:a").address.port, Port(5349));
  EXPECT_EQ(Parsed("turns:a:443?transport=tcp").address.port, Port(443));
}

TEST(IceServerUrl, Ipv6StandsInBrackets) {
  const IceServer server = Parsed("turn:[2001:db8::1]:99?transport=tcp");
  EXPECT_EQ(server.address.host, "2001:db8::1");
  EXPECT_EQ(server.address.port, Port(99));
  EXPECT_EQ(Parsed("stun:[::1]").address.port, Port(3478));
}

TEST(IceServerUrl, CredentialsArePercentDecoded) {
  const IceServer server = Parsed("turn:1700%3auser:p%40ss%25/+=@turn.example:3478");
  EXPECT_EQ(server.username, "1700:user");
  EXPECT_EQ(server.password.Reveal(), "p@ss%/+=");
  EXPECT_EQ(server.address.host, "turn.example");
}

TEST(IceServerUrl, LogsHideCredentials) {
  EXPECT_EQ(Parsed("turn:user:hunter2@h?transport=tcp").ToString(), "turn:h:3478?transport=tcp");
  EXPECT_EQ(Parsed("turns:user:hunter2@[::1]").ToString(), "turns:[::1]:5349");
  for (const char* bad : {"turn:user:hunter2@", "turn:user:hunter2:hunter2@h",
                          "turn:user:hunter2%zz@h", "stun:user:hunter2@h"}) {
    const auto server = ParseIceServerUrl(bad);
    ASSERT_FALSE(server.ok()) << bad;
    EXPECT_EQ(server.status().message().find("hunter2"), std::string::npos) << bad;
    EXPECT_EQ(server.status().message().find("user:"), std::string::npos) << bad;
  }
}

TEST(IceServerUrl, GoldenUrlsRoundTrip) {
  for (const char* url : {"stun:h:3478", "turn:h:1", "turn:u:p@h:3478?transport=tcp",
                          "turns:1%3Au:%20%C3%A4%40@[2001:db8::1]:65535"}) {
    EXPECT_EQ(SerializeIceServerUrl(Parsed(url)), url);
  }
}

TEST(IceServerUrl, TheLongestCredentialsRoundTrip) {
  const std::string longest(508, '+');
  const IceServer server =
      Parsed("turns:" + longest + ':' + longest + '@' + std::string(253, 'h') + ":65535");
  EXPECT_EQ(Parsed(SerializeIceServerUrl(server)), server);
  EXPECT_FALSE(ParseIceServerUrl("turn:" + longest + "+:p@h").ok());
  EXPECT_FALSE(ParseIceServerUrl("turn:u:" + longest + "+@h").ok());
}

TEST(IceServerUrl, RefusesWithAReason) {
  for (const std::string& bad : {
           std::string(),
           std::string("host:3478"),
           std::string("stun"),
           std::string("stun:"),
           std::string("stun://host"),
           std::string("http:host"),
           std::string("stun:host:0"),
           std::string("stun:host:65536"),
           std::string("stun:host:"),
           std::string("stun:host:x"),
           std::string("stun:::1"),
           std::string("stun:[::1"),
           std::string("stun:[::1]3478"),
           std::string("stun:[1.2.3.4]"),
           std::string("stun:[fe80::1%eth0]"),
           std::string("stun:ho st"),
           std::string("stun:host/path"),
           std::string("stun:host\r\n"),
           std::string("stun:host?transport=udp"),
           std::string("turn:host?transport=sctp"),
           std::string("turn:host?transport="),
           std::string("turn:host?foo=tcp"),
           std::string("turn:host?transport=tcp&x=y"),
           std::string("turn:user@host"),
           std::string("turn::pass@host"),
           std::string("turn:user:@host"),
           std::string("turn:a:b:c@host"),
           std::string("turn:a:b@c@host"),
           std::string("turn:a:b%@host"),
           std::string("turn:a:b%4@host"),
           std::string("turn:a:%00@host"),
           std::string("turn:a:%0a@host"),
           std::string("turn:a:%ff@host"),
           std::string("stun:") + std::string(254, 'h'),
           std::string("stun:") + std::string(1 << 20, 'h'),
       }) {
    const auto server = ParseIceServerUrl(bad);
    ASSERT_FALSE(server.ok()) << bad;
    EXPECT_EQ(server.status().code(), StatusCode::kInvalidArgument) << bad;
  }
}

TEST(IceServerUrl, SaysWhatIsNotSupported) {
  for (const char* url : {"stuns:host", "turns:host?transport=udp"}) {
    EXPECT_EQ(ParseIceServerUrl(url).status().code(), StatusCode::kUnsupported) << url;
  }
}

}  // namespace
}  // namespace ming::codec
