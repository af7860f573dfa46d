// ICE restarts: a second agent finds the new path while the first one carries what it can.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "ming/net/udp_socket.h"

#include "peer_world.h"

namespace ming::webrtc {
namespace {

using OfferKind = PeerConnection::OfferKind;

std::string LineOf(const std::string& sdp, const std::string& prefix) {
  const size_t at = sdp.find(prefix);
  return at == std::string::npos ? "" : sdp.substr(at, sdp.find('\r', at) - at);
}

std::string WithoutCandidates(const std::string& sdp) {
  return WithoutLines(WithoutLines(sdp, "a=candidate:"), "a=end-of-candidates");
}

class IceRestartTest : public DescriptorCheck {
 protected:
  // As PeerPair::Negotiate, with the second peer as offerer.
  static void RestartFromB(PeerPair& pair) {
    const Result<std::string> offer = pair.b.connection->CreateOffer(OfferKind::kIceRestart);
    ASSERT_TRUE(offer.ok()) << offer.status().ToString();
    const Result<std::string> answer = pair.a.connection->AcceptOffer(*offer);
    ASSERT_TRUE(answer.ok()) << answer.status().ToString();
    ASSERT_TRUE(pair.b.connection->SetAnswer(*answer).ok());
  }
  static bool BothLeft(const PeerPair& pair, const PeerStats& a, const PeerStats& b) {
    const auto left = [](const TestPeer& peer, const PeerStats& before) {
      return peer.connection->GetStats().local_address != before.local_address;
    };
    return left(pair.a, a) && left(pair.b, b);
  }
};

TEST_F(IceRestartTest, MovesBothSidesToNewSocketsAndKeepsTheChannels) {
  Loop loop;
  PeerPair pair(loop, LoopbackOptions());
  pair.Connect();
  auto [sender, receiver] = pair.OpenBoth("x");
  const size_t descriptors = OpenDescriptors();
  for (size_t round = 1; round <= 3; ++round) {
    const PeerStats a = pair.a.connection->GetStats();
    const PeerStats b = pair.b.connection->GetStats();
    pair.Negotiate(OfferKind::kIceRestart);
    for (int i = 0; i < 100; ++i) sender->SendText(std::to_string(i));
    ASSERT_TRUE(loop.RunUntil([&] { return BothLeft(pair, a, b); }));
    ASSERT_TRUE(loop.RunUntil([&, r = receiver] { return r->count == 100 * round; }));
    EXPECT_GT(pair.a.connection->GetStats().bytes_sent, a.bytes_sent) << "counts over all paths";
    EXPECT_EQ(pair.a.connection->GetStats().remote_address,
              pair.b.connection->GetStats().local_address);
  }
  // The old agents are gone after a while.
  EXPECT_TRUE(loop.RunUntil([&] { return OpenDescriptors() == descriptors; }));
  EXPECT_THAT(pair.a.states,
              ::testing::ElementsAre(ConnectionState::kConnecting, ConnectionState::kConnected));
  pair.Close();
}

TEST_F(IceRestartTest, LosesNothingWhereTheOldPathWorks) {
  Loop loop;
  PeerPair pair(loop, LoopbackOptions());
  pair.Connect();
  link::ChannelTraits unreliable;
  unreliable.ordering = link::Ordering::kUnordered;
  unreliable.max_retransmits = uint16_t{0};
  auto [sender, receiver] = pair.OpenBoth("x", unreliable);
  const PeerStats a = pair.a.connection->GetStats();
  const PeerStats b = pair.b.connection->GetStats();
  pair.Negotiate(OfferKind::kIceRestart);
  size_t sent = 0;
  ASSERT_TRUE(loop.RunUntil([&, s = sender] {
    if (s->SendText("one datagram") == link::SendResult::kAccepted) ++sent;
    return BothLeft(pair, a, b);
  }));
  EXPECT_TRUE(loop.RunUntil([&, r = receiver] { return r->count == sent; }));
  pair.Close();
}

TEST_F(IceRestartTest, TheAnswererMayRestart) {
  Loop loop;
  PeerPair pair(loop, LoopbackOptions());
  pair.Connect();
  auto [sender, receiver] = pair.OpenBoth("x");
  for (size_t round = 1; round <= 2; ++round) {
    const PeerStats a = pair.a.connection->GetStats();
    const PeerStats b = pair.b.connection->GetStats();
    RestartFromB(pair);
    ASSERT_TRUE(loop.RunUntil([&] { return BothLeft(pair, a, b); }));
    sender->SendText("over the new path");
    ASSERT_TRUE(loop.RunUntil([&, r = receiver] { return r->count == round; }));
    // And the first offerer again.
    pair.Negotiate(OfferKind::kIceRestart);
  }
  pair.Close();
}

TEST_F(IceRestartTest, NamesNewCandidatesAndCredentials) {
  Loop loop;
  PeerPair pair(loop, LoopbackOptions());
  std::vector<std::string> offers;
  const auto note = [&offers](std::string sdp) {
    offers.push_back(sdp);
    return sdp;
  };
  pair.Negotiate(OfferKind::kFirst, note, note);
  ASSERT_TRUE(loop.RunUntil([&] { return pair.connected(); }));
  pair.Negotiate(OfferKind::kIceRestart, note, note);
  for (const size_t side : {0u, 1u}) {
    const std::string& first = offers[side];
    const std::string& second = offers[side + 2];
    EXPECT_NE(LineOf(first, "a=ice-ufrag:"), LineOf(second, "a=ice-ufrag:"));
    EXPECT_NE(LineOf(first, "a=candidate:"), LineOf(second, "a=candidate:"));
    EXPECT_EQ(LineOf(first, "a=fingerprint:"), LineOf(second, "a=fingerprint:"));
  }
  pair.Close();
}

TEST_F(IceRestartTest, ASecondRestartReplacesOneThatFindsNothing) {
  Loop loop;
  PeerPair pair(loop, LoopbackOptions());
  pair.Connect();
  auto [sender, receiver] = pair.OpenBoth("x");
  const PeerStats a = pair.a.connection->GetStats();
  const PeerStats b = pair.b.connection->GetStats();
  const size_t descriptors = OpenDescriptors();
  pair.Negotiate(OfferKind::kIceRestart, WithoutCandidates, WithoutCandidates);
  sender->SendText("over the old path");
  ASSERT_TRUE(loop.RunUntil([&, r = receiver] { return r->count == 1; }));
  EXPECT_FALSE(BothLeft(pair, a, b));
  pair.Negotiate(OfferKind::kIceRestart);
  ASSERT_TRUE(loop.RunUntil([&] { return BothLeft(pair, a, b); }));
  sender->SendText("over the new path");
  ASSERT_TRUE(loop.RunUntil([&, r = receiver] { return r->count == 2; }));
  EXPECT_TRUE(loop.RunUntil([&] { return OpenDescriptors() == descriptors; }));
  pair.Close();
}

TEST_F(IceRestartTest, CandidatesMayTrickle) {
  Loop loop;
  PeerPair pair(loop, LoopbackOptions());
  pair.Connect();
  const PeerStats a = pair.a.connection->GetStats();
  const PeerStats b = pair.b.connection->GetStats();
  std::string candidate;
  pair.Negotiate(
      OfferKind::kIceRestart,
      [&candidate](const std::string& sdp) {
        candidate = LineOf(sdp, "a=candidate:").substr(2);
        return WithoutCandidates(sdp);
      },
      WithoutCandidates);
  EXPECT_TRUE(pair.b.connection->AddRemoteCandidate(candidate).ok());
  EXPECT_TRUE(loop.RunUntil([&] { return BothLeft(pair, a, b); }));
  pair.Close();
}

TEST_F(IceRestartTest, APortRangeWithRoomForOneAgentGivesTheOldPathUpFirst) {
  Loop loop;
  PeerConnectionOptions narrow = LoopbackOptions();
  Port port;
  {
    auto probe = net::UdpSocket::Bind(
        loop.reactor, net::SocketAddress(IpAddress::Parse("127.0.0.1").value()), {});
    ASSERT_TRUE(probe.ok());
    port = (*probe)->local_address().port();
  }
  narrow.ice.ports = ice::PortRange{port, port};
  PeerPair pair(loop, narrow, LoopbackOptions());
  pair.Connect();
  auto [sender, receiver] = pair.OpenBoth("x");
  const PeerStats b = pair.b.connection->GetStats();
  pair.Negotiate(OfferKind::kIceRestart);
  ASSERT_TRUE(loop.RunUntil([&] {
    return pair.b.connection->GetStats().local_address != b.local_address &&
           pair.a.connection->GetStats().path != "none";
  }));
  sender->SendText("over the new path");
  EXPECT_TRUE(loop.RunUntil([&, r = receiver] { return r->count == 1; }));
  pair.Close();
}

TEST_F(IceRestartTest, MayBeClosedAndDestroyedInTheMiddle) {
  Loop loop;
  {
    PeerPair pair(loop, LoopbackOptions());
    pair.Connect();
    pair.Negotiate(OfferKind::kIceRestart);
    pair.Close();
  }
  {
    PeerPair pair(loop, LoopbackOptions());
    pair.Connect();
    pair.Negotiate(OfferKind::kIceRestart);
    pair.a.connection.reset();
    ASSERT_TRUE(loop.RunUntil([&] { return !pair.b.closed.empty(); }));
  }
  PeerPair pair(loop, LoopbackOptions());
  pair.Connect();
  const PeerStats a = pair.a.connection->GetStats();
  const PeerStats b = pair.b.connection->GetStats();
  pair.Negotiate(OfferKind::kIceRestart);
  // The old agents are on their way out.
  ASSERT_TRUE(loop.RunUntil([&] { return BothLeft(pair, a, b); }));
  pair.Close();
}

}  // namespace
}  // namespace ming::webrtc
