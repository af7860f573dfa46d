// A peer in another process that is stopped, goes on, and is killed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <string>

#include "peer_process.h"

namespace ming::webrtc {
namespace {

using ::testing::ElementsAre;
using State = ConnectionState;

class LivenessTest : public DescriptorCheck {
 protected:
  void Connect(Loop& loop, TestPeer& peer, PeerProcess& process) {
    const std::string offer =
        peer.connection->CreateOffer(PeerConnection::OfferKind::kFirst).value();
    ASSERT_TRUE(peer.connection->SetAnswer(process.Answer(loop, offer)).ok());
    ASSERT_TRUE(loop.RunUntil([&] { return peer.connection->state() == State::kConnected; }));
  }
};

TEST_F(LivenessTest, AVanishedPeerIsDisconnectedThenFailed) {
  Loop loop;
  PeerConnectionOptions options = LoopbackOptions();
  options.liveness.failed_after = std::chrono::seconds(2);
  TestPeer peer(loop, options);
  TestChannel& channel = peer.Open("echo");
  PeerProcess process;
  Connect(loop, peer, process);
  channel.SendText("there?");
  ASSERT_TRUE(loop.RunUntil([&] { return channel.count == 1; }));
  process.Kill();
  const Timestamp killed = loop.reactor.Now();
  ASSERT_TRUE(loop.RunUntil([&] { return peer.Reached(State::kDisconnected); }));
  EXPECT_LT(loop.reactor.Now() - killed, std::chrono::milliseconds(3500));
  EXPECT_EQ(channel.SendText("kept for later"), link::SendResult::kAccepted);
  ASSERT_TRUE(loop.RunUntil([&] { return !peer.closed.empty(); }));
  EXPECT_LT(loop.reactor.Now() - killed, std::chrono::seconds(8));
  EXPECT_EQ(peer.closed[0].code(), StatusCode::kTimeout);
  EXPECT_EQ(channel.closed.size(), 1u);
  EXPECT_THAT(peer.states, ElementsAre(State::kConnecting, State::kConnected, State::kDisconnected,
                                       State::kFailed));
}

TEST_F(LivenessTest, AnIdleConnectionStaysConnected) {
  Loop loop;
  TestPeer peer(loop, LoopbackOptions());
  peer.Open("sink");
  PeerProcess process;
  Connect(loop, peer, process);
  loop.RunFor(std::chrono::seconds(6));
  EXPECT_THAT(peer.states, ElementsAre(State::kConnecting, State::kConnected));
}

TEST_F(LivenessTest, APeerThatComesBackIsConnectedAgain) {
  Loop loop;
  TestPeer peer(loop, LoopbackOptions());
  TestChannel& channel = peer.Open("echo");
  PeerProcess process;
  Connect(loop, peer, process);
  process.Signal(SIGSTOP);
  ASSERT_TRUE(loop.RunUntil([&] { return peer.Reached(State::kDisconnected); }));
  channel.SendText("when you are back");
  process.Signal(SIGCONT);
  ASSERT_TRUE(loop.RunUntil([&] { return peer.connection->state() == State::kConnected; }));
  EXPECT_TRUE(loop.RunUntil([&] { return channel.count == 1; }));
}

}  // namespace
}  // namespace ming::webrtc
