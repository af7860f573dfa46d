#include "ming/webrtc/peer_connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "peer_world.h"

namespace ming::webrtc {
namespace {

using ::testing::ElementsAre;
using OfferKind = PeerConnection::OfferKind;

class PeerConnectionTest : public DescriptorCheck {};

std::string Replace(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from << " is not in:\n" << text;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

std::string WithoutCandidates(const std::string& sdp) {
  return WithoutLines(WithoutLines(sdp, "a=candidate:"), "a=end-of-candidates");
}

std::vector<std::string> CandidatesOf(const std::string& sdp) {
  std::vector<std::string> lines;
  for (size_t at = sdp.find("a=candidate:"); at != std::string::npos;
       at = sdp.find("a=candidate:", at + 1)) {
    lines.push_back(sdp.substr(at + 2, sdp.find('\r', at) - at - 2));
  }
  EXPECT_FALSE(lines.empty());
  return lines;
}

TEST_F(PeerConnectionTest, ConnectsAndReportsEveryStateOnce) {
  Loop loop;
  PeerPair pair(loop, LoopbackOptions());
  pair.Connect();
  pair.Close();
  EXPECT_THAT(pair.a.states, ElementsAre(ConnectionState::kConnecting, ConnectionState::kConnected,
                                         ConnectionState::kClosed));
  EXPECT_TRUE(pair.a.closed[0].ok());
}

TEST_F(PeerConnectionTest, CarriesMessagesOfAChannelOpenedBeforeTheOffer) {
  Loop loop;
  PeerPair pair(loop, LoopbackOptions());
  TestChannel& sent = pair.a.Open("tunnel-tcp");
  EXPECT_EQ(sent.SendText("early"), link::SendResult::kAccepted);
  pair.Connect();
  ASSERT_TRUE(loop.RunUntil([&] { return !pair.b.channels.empty(); }));
  TestChannel& got = *pair.b.channels[0];
  EXPECT_EQ(got.label, "tunnel-tcp");
  ASSERT_TRUE(loop.RunUntil([&] { return !got.messages.empty(); }));
  EXPECT_EQ(got.messages[0].text, "early");
  EXPECT_EQ(got.messages[0].kind, link::MessageKind::kText);
  EXPECT_EQ(got.SendText("answer"), link::SendResult::kAccepted);
  ASSERT_TRUE(loop.RunUntil([&] { return !sent.messages.empty(); }));
  pair.Close();
}

TEST_F(PeerConnectionTest, TakesCandidatesTrickledAfterTheDescriptions) {
  Loop loop;
  PeerPair pair(loop, LoopbackOptions());
  std::vector<std::string> lines;
  pair.Negotiate(
      OfferKind::kFirst,
      [&lines](const std::string& sdp) {
        lines = CandidatesOf(sdp);
        return WithoutCandidates(sdp);
      },
      WithoutCandidates);
  for (const std::string& line : lines) {
    EXPECT_TRUE(pair.b.connection->AddRemoteCandidate(line).ok());
  }
  EXPECT_TRUE(loop.RunUntil([&] { return pair.connected(); }));
  pair.Close();
}

TEST_F(PeerConnectionTest, KeepsCandidatesThatComeBeforeTheDescription) {
  Loop loop;
  PeerPair pair(loop, LoopbackOptions());
  const std::string offer = pair.a.connection->CreateOffer(OfferKind::kFirst).value();
  for (const std::string& line : CandidatesOf(offer)) {
    EXPECT_TRUE(pair.b.connection->AddRemoteCandidate(line).ok());
  }
  const auto answer = pair.b.connection->AcceptOffer(WithoutCandidates(offer));
  ASSERT_TRUE(answer.ok());
  ASSERT_TRUE(pair.a.connection->SetAnswer(WithoutCandidates(*answer)).ok());
  EXPECT_TRUE(loop.RunUntil([&] { return pair.connected(); }));
  pair.Close();
}

TEST_F(PeerConnectionTest, IgnoresCandidatesOfNoUseAndRefusesBrokenOnes) {
  Loop loop;
  PeerPair pair(loop, LoopbackOptions());
  pair.Negotiate();
  PeerConnection& connection = *pair.b.connection;
  EXPECT_TRUE(connection
                  .AddRemoteCandidate("candidate:1 1 udp 2122260223 "
                                      "d7e9a1f2-0000-4000-8000-000000000000.local 50000 typ host")
                  .ok());
  EXPECT_TRUE(
      connection.AddRemoteCandidate("candidate:1 2 udp 2122260223 192.0.2.1 50000 typ host").ok());
  EXPECT_EQ(connection.AddRemoteCandidate("candidate:1 1 udp").code(), StatusCode::kMalformed);
  EXPECT_EQ(
      connection.AddRemoteCandidate("candidate:1 1 udp 2122260223 224.0.0.1 5 typ host").code(),
      StatusCode::kMalformed);
  EXPECT_TRUE(loop.RunUntil([&] { return pair.connected(); }));
  pair.Close();
}

TEST_F(PeerConnectionTest, BoundsCandidatesBeforeTheDescription) {
  Loop loop;
  PeerConnectionOptions options = LoopbackOptions();
  options.ice.max_remote_candidates = 3;
  TestPeer peer(loop, options);
  const std::string line = "candidate:1 1 udp 2122260223 127.0.0.1 50000 typ host";
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(peer.connection->AddRemoteCandidate(line).ok());
  EXPECT_EQ(peer.connection->AddRemoteCandidate(line).code(), StatusCode::kResourceExhausted);
}

TEST_F(PeerConnectionTest, TheAnswererMayBeDtlsServer) {
  Loop loop;
  PeerPair pair(loop, LoopbackOptions());
  // An offerer that insists on being the client.
  pair.Negotiate(OfferKind::kFirst, [](const std::string& sdp) {
    return Replace(sdp, "a=setup:actpass", "a=setup:active");
  });
  EXPECT_TRUE(loop.RunUntil([&] { return pair.connected(); }));
  pair.a.Open("from a").SendText("1");
  pair.b.Open("from b").SendText("2");
  EXPECT_TRUE(loop.RunUntil([&] {
    const TestChannel* at_b = pair.b.Find("from a");
    const TestChannel* at_a = pair.a.Find("from b");
    return at_a != nullptr && at_a->count == 1 && at_b != nullptr && at_b->count == 1;
  }));
  pair.Close();
}

TEST_F(PeerConnectionTest, OpensChannelsFromBothSidesAtOnce) {
  constexpr size_t kEach = 20;
  Loop loop;
  PeerPair pair(loop, LoopbackOptions());
  for (size_t i = 0; i < kEach; ++i) {
    pair.a.Open("a" + std::to_string(i)).SendText(std::to_string(i));
    pair.b.Open("b" + std::to_string(i)).SendText(std::to_string(i));
  }
  pair.Connect();
  const auto arrived = [](const TestPeer& peer) {
    size_t count = 0;
    for (const auto& channel : peer.channels) count += channel->count;
    return count;
  };
  EXPECT_TRUE(loop.RunUntil([&] { return arrived(pair.a) == kEach && arrived(pair.b) == kEach; }));
  for (size_t i = 0; i < kEach; ++i) {
    EXPECT_EQ(pair.b.Find("a" + std::to_string(i))->messages[0].text, std::to_string(i));
    EXPECT_EQ(pair.a.Find("b" + std::to_string(i))->messages[0].text, std::to_string(i));
  }
  pair.Close();
}

TEST_F(PeerConnectionTest, RefusesAPeerWithAnotherCertificate) {
  Loop loop;
  PeerPair pair(loop, LoopbackOptions());
  pair.a.Open("secret").SendText("secret");
  pair.Negotiate(OfferKind::kFirst, nullptr, [](std::string sdp) {
    char& digit = sdp[sdp.find("a=fingerprint:sha-256 ") + 22];
    digit = digit == 'A' ? 'B' : 'A';
    return sdp;
  });
  ASSERT_TRUE(loop.RunUntil([&] { return !pair.a.closed.empty() && !pair.b.closed.empty(); }));
  EXPECT_EQ(pair.a.closed[0].code(), StatusCode::kPermissionDenied) << pair.a.closed[0].ToString();
  EXPECT_EQ(pair.a.states.back(), ConnectionState::kFailed);
  EXPECT_FALSE(pair.a.Reached(ConnectionState::kConnected));
  EXPECT_TRUE(pair.b.channels.empty());
  ASSERT_EQ(pair.a.channels[0]->closed.size(), 1u);
  EXPECT_FALSE(pair.a.channels[0]->closed[0].ok());
}

TEST_F(PeerConnectionTest, ReportsAPeerThatCloses) {
  Loop loop;
  PeerPair pair(loop, LoopbackOptions());
  pair.Connect();
  auto [channel, other] = pair.OpenBoth("x");
  pair.b.connection->Close();
  ASSERT_TRUE(loop.RunUntil([&] { return !pair.a.closed.empty() && !pair.b.closed.empty(); }));
  EXPECT_EQ(pair.a.closed[0].code(), StatusCode::kClosed);
  EXPECT_EQ(pair.a.states.back(), ConnectionState::kClosed);
  EXPECT_EQ(channel->closed.size(), 1u);
  EXPECT_EQ(other->closed.size(), 1u);
  EXPECT_EQ(channel->SendText("late"), link::SendResult::kClosed);
  EXPECT_EQ(pair.a.connection->OpenChannel("late", {}).status().code(), StatusCode::kUnavailable);
}

TEST_F(PeerConnectionTest, ClosesBeforeAnythingHappened) {
  Loop loop;
  TestPeer peer(loop, LoopbackOptions());
  TestChannel& channel = peer.Open("never");
  peer.connection->Close();
  peer.connection->Close();
  EXPECT_TRUE(peer.closed.empty()) << "from the loop only";
  ASSERT_TRUE(loop.RunUntil([&] { return !peer.closed.empty(); }));
  EXPECT_EQ(channel.closed.size(), 1u);
  EXPECT_EQ(peer.connection->CreateOffer(OfferKind::kFirst).status().code(),
            StatusCode::kProtocolViolation);
}

TEST_F(PeerConnectionTest, MayBeDestroyedWhileChannelsLive) {
  Loop loop;
  PeerPair pair(loop, LoopbackOptions());
  pair.Connect();
  TestChannel* channel = pair.OpenBoth("x").first;
  pair.a.connection.reset();
  EXPECT_EQ(channel->SendText("late"), link::SendResult::kClosed);
  ASSERT_TRUE(loop.RunUntil([&] { return !channel->closed.empty(); }));
  EXPECT_EQ(channel->closed[0].code(), StatusCode::kClosed);
  // The peer is told.
  ASSERT_TRUE(loop.RunUntil([&] { return !pair.b.closed.empty(); }));
  EXPECT_EQ(pair.b.closed[0].code(), StatusCode::kClosed);
}

TEST_F(PeerConnectionTest, RefusesDescriptionsInTheWrongOrder) {
  Loop loop;
  PeerPair pair(loop, LoopbackOptions());
  PeerConnection& a = *pair.a.connection;
  EXPECT_EQ(a.CreateOffer(OfferKind::kIceRestart).status().code(), StatusCode::kProtocolViolation);
  EXPECT_EQ(a.SetAnswer("v=0").code(), StatusCode::kProtocolViolation);
  const std::string offer = a.CreateOffer(OfferKind::kFirst).value();
  EXPECT_EQ(a.CreateOffer(OfferKind::kFirst).status().code(), StatusCode::kProtocolViolation);
  EXPECT_EQ(a.AcceptOffer(offer).status().code(), StatusCode::kProtocolViolation);
  EXPECT_EQ(a.SetAnswer("nonsense").code(), StatusCode::kMalformed);
  EXPECT_EQ(pair.b.connection->AcceptOffer("nonsense").status().code(), StatusCode::kMalformed);
  const auto answer = pair.b.connection->AcceptOffer(offer);
  ASSERT_TRUE(answer.ok());
  ASSERT_TRUE(a.SetAnswer(*answer).ok());
  EXPECT_TRUE(loop.RunUntil([&] { return pair.connected(); }));
  pair.Close();
}

TEST_F(PeerConnectionTest, AgreesOnFeaturesOnlyWithAnotherMing) {
  Loop loop;
  PeerConnectionOptions ming = LoopbackOptions();
  ming.features = codec::MingFeatures();
  ming.features->half_close = true;
  ming.features->path_mtu_bytes = 16000;
  PeerPair own(loop, ming);
  EXPECT_FALSE(own.a.connection->features_in_use());
  own.Connect();
  ASSERT_TRUE(own.a.connection->features_in_use());
  EXPECT_TRUE(own.a.connection->features_in_use()->half_close);
  EXPECT_TRUE(own.b.connection->features_in_use()->half_close);
  own.Close();
  PeerPair foreign(loop, ming, LoopbackOptions());
  foreign.Connect();
  EXPECT_FALSE(foreign.a.connection->features_in_use());
  EXPECT_FALSE(foreign.b.connection->features_in_use());
  foreign.Close();
}

TEST_F(PeerConnectionTest, KnowsHowLongItsSetUpTook) {
  Loop loop;
  PeerPair pair(loop, LoopbackOptions());
  EXPECT_FALSE(pair.a.connection->GetStats().setup);
  pair.Connect();
  const auto usable = [&](const TestPeer& peer) {
    const std::optional<SetupTimes> setup = peer.connection->GetStats().setup;
    return setup && setup->path > Duration::zero() && setup->dtls > Duration::zero() &&
           setup->sctp > Duration::zero();
  };
  EXPECT_TRUE(loop.RunUntil([&] { return usable(pair.a) && usable(pair.b); }));
  pair.Close();
}

TEST_F(PeerConnectionTest, TellsThatAnAnswerIsOfAnotherProcess) {
  Loop loop;
  PeerPair pair(loop, LoopbackOptions());
  pair.Connect();
  const std::string offer = pair.a.connection->CreateOffer(OfferKind::kIceRestart).value();
  const auto certificate = tls::Certificate::SelfSigned("other").value();
  const PeerServices services{loop.reactor, loop.glib,    loop.resolver,
                              loop.sctp,    *certificate, loop.random};
  TestPeer other(services, LoopbackOptions());
  const auto answer = other.connection->AcceptOffer(offer);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(pair.a.connection->SetAnswer(*answer).code(), StatusCode::kPermissionDenied);
  // The old session is not touched.
  auto [sender, receiver] = pair.OpenBoth("still");
  sender->SendText("alive");
  EXPECT_TRUE(loop.RunUntil([&, r = receiver] { return r->count == 1; }));
  pair.Close();
}

TEST_F(PeerConnectionTest, SaysWhatIsWrongWithItsOptions) {
  EXPECT_TRUE(Validate(LoopbackOptions()).ok());
  PeerConnectionOptions options = LoopbackOptions();
  options.max_message_size = 100;
  options.channels.max_channels = 0;
  options.ice.policy = ice::CandidatePolicy::kRelayOnly;
  const Status status = Validate(options);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), ::testing::HasSubstr("largest message"));
  EXPECT_THAT(status.message(), ::testing::HasSubstr("channels of a connection"));
  EXPECT_THAT(status.message(), ::testing::HasSubstr("TURN server"));
  codec::IceServer server;
  server.kind = codec::IceServerKind::kTurn;
  server.transport = codec::IceServerTransport::kTls;
  server.address = {"turn.example", Port(5349)};
  server.username = "u";
  server.password = Secret("p");
  options = LoopbackOptions();
  options.ice.servers = {server};
  EXPECT_TRUE(Validate(options).ok());
}

TEST_F(PeerConnectionTest, StatsNameThePath) {
  Loop loop;
  PeerPair pair(loop, LoopbackOptions());
  EXPECT_EQ(pair.a.connection->GetStats().path, "none");
  pair.Connect();
  pair.OpenBoth("x").first->SendText("hello");
  ASSERT_TRUE(
      loop.RunUntil([&] { return pair.a.connection->GetStats().round_trip_time.has_value(); }));
  const PeerStats stats = pair.a.connection->GetStats();
  EXPECT_EQ(stats.path, "direct udp");
  EXPECT_FALSE(stats.remote_address.empty());
  EXPECT_GT(stats.bytes_sent, 1000u);
  EXPECT_GT(stats.bytes_received, 1000u);
  EXPECT_EQ(stats.open_channels, 1u);
  pair.Close();
}

}  // namespace
}  // namespace ming::webrtc
