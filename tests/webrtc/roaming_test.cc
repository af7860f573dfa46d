// A peer that moves to other networks while it is connected, and networks that go and come back.
// Our end enters and leaves network namespaces; the other one is a process that stays in one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "network_space.h"
#include "peer_process.h"

namespace ming::webrtc {
namespace {

using OfferKind = PeerConnection::OfferKind;
using ::testing::StartsWith;

class RoamingTest : public DescriptorCheck {
 protected:
  // near --- world (the other peer) --- far, whose link is narrow.
  struct World {
    World() {
      NetworkSpace::Connect({near, "near0", "10.99.1.1/24"}, {world, "to-near", "10.99.1.2/24"});
      NetworkSpace::Connect({far, "far0", "10.99.2.1/24"}, {world, "to-far", "10.99.2.2/24"}, 1280);
      const NetworkSpace::Visit visit(world);
      process.emplace("all");
    }
    void SetNearMtu(int mtu) {
      near.Ip({"link", "set", "near0", "mtu", std::to_string(mtu)});
      world.Ip({"link", "set", "to-near", "mtu", std::to_string(mtu)});
    }
    // What our end does next it does there.
    void Enter(const NetworkSpace& space) {
      place.reset();
      place.emplace(space);
    }

    NetworkSpace near;
    NetworkSpace far;
    NetworkSpace world;
    std::optional<PeerProcess> process;
    std::optional<NetworkSpace::Visit> place;
  };

  void SetUp() override {
    if (!NetworkSpace::Available()) GTEST_SKIP() << "needs root, and /usr/sbin/ip";
  }
  static PeerConnectionOptions Options() {
    PeerConnectionOptions options;
    options.features = codec::MingFeatures();
    options.features->path_mtu_bytes = 16000;
    options.liveness.failed_after = std::chrono::minutes(5);
    return options;
  }
  static void Negotiate(Loop& loop, World& world, TestPeer& peer, OfferKind kind) {
    const Result<std::string> offer = peer.connection->CreateOffer(kind);
    ASSERT_TRUE(offer.ok()) << offer.status().ToString();
    const Status set = peer.connection->SetAnswer(world.process->Answer(loop, *offer));
    ASSERT_TRUE(set.ok()) << set.ToString();
  }
  static void Connect(Loop& loop, World& world, TestPeer& peer) {
    Negotiate(loop, world, peer, OfferKind::kFirst);
    ASSERT_TRUE(
        loop.RunUntil([&] { return peer.connection->state() == ConnectionState::kConnected; }));
  }
  // There and back over the path in use.
  static bool Echoes(Loop& loop, TestChannel& channel, const std::string& text) {
    const size_t before = channel.count;
    channel.SendText(text);
    return loop.RunUntil([&] { return channel.count > before; });
  }
  static void Close(Loop& loop, TestPeer& peer) {
    peer.connection->Close();
    EXPECT_TRUE(loop.RunUntil([&] { return !peer.closed.empty(); }));
  }
};

TEST_F(RoamingTest, AChangeOfNetworkKeepsTheChannels) {
  World world;
  Loop loop;
  TestPeer peer(loop, Options());
  TestChannel& channel = peer.Open("echo");
  world.Enter(world.near);
  Connect(loop, world, peer);
  ASSERT_TRUE(Echoes(loop, channel, "from the first network"));
  EXPECT_THAT(peer.connection->GetStats().local_address, StartsWith("10.99.1.1:"));
  world.world.Ip({"link", "set", "to-near", "down"});
  channel.SendText("into the void");
  world.Enter(world.far);
  Negotiate(loop, world, peer, OfferKind::kIceRestart);
  const Timestamp restarted = loop.reactor.Now();
  ASSERT_TRUE(loop.RunUntil([&] { return channel.count == 2; }));
  EXPECT_LT(loop.reactor.Now() - restarted, std::chrono::seconds(3));
  EXPECT_THAT(peer.connection->GetStats().local_address, StartsWith("10.99.2.1:"));
  EXPECT_TRUE(Echoes(loop, channel, "from the second network"));
  EXPECT_TRUE(channel.closed.empty());
  Close(loop, peer);
}

TEST_F(RoamingTest, LargePacketsStayOnThisMachine) {
  World world;
  Loop loop;
  TestPeer peer(loop, Options());
  TestChannel& channel = peer.Open("echo");
  world.Enter(world.world);
  Connect(loop, world, peer);
  const std::string large(200'000, 'x');
  ASSERT_TRUE(Echoes(loop, channel, large));
  world.Enter(world.far);
  Negotiate(loop, world, peer, OfferKind::kIceRestart);
  ASSERT_TRUE(loop.RunUntil(
      [&] { return peer.connection->GetStats().local_address.find("10.99.2.1:") == 0; }));
  // The other end changes over a little later.
  ASSERT_TRUE(Echoes(loop, channel, "small"));
  loop.RunFor(std::chrono::milliseconds(200));
  const size_t here = world.far.FragmentedDatagrams();
  const size_t there = world.world.FragmentedDatagrams();
  ASSERT_TRUE(Echoes(loop, channel, large));
  EXPECT_EQ(world.far.FragmentedDatagrams(), here);
  EXPECT_EQ(world.world.FragmentedDatagrams(), there);
  Close(loop, peer);
}

// There and back until datagrams of ours have up to so many bytes.
bool BulkUntil(Loop& loop, TestPeer& peer, TestChannel& channel, size_t packet_size) {
  const std::string large(200'000, 'x');
  size_t sent = channel.count;
  return loop.RunUntil([&] {
    if (peer.connection->GetStats().packet_size == packet_size) return true;
    if (channel.count >= sent && channel.SendText(large) == link::SendResult::kAccepted) ++sent;
    return false;
  });
}

TEST_F(RoamingTest, ProbesFindWhatThePathCarries) {
  World world;
  world.SetNearMtu(9000);
  Loop loop;
  PeerConnectionOptions options = Options();
  options.features->path_probes = true;
  TestPeer peer(loop, options);
  TestChannel& channel = peer.Open("echo");
  world.Enter(world.near);
  Connect(loop, world, peer);
  ASSERT_TRUE(Echoes(loop, channel, "small"));
  EXPECT_EQ(peer.connection->GetStats().packet_size, 1200u);
  ASSERT_TRUE(BulkUntil(loop, peer, channel, 9000 - 28));
  world.SetNearMtu(4000);
  ASSERT_TRUE(BulkUntil(loop, peer, channel, 4000 - 28));
  world.Enter(world.far);
  Negotiate(loop, world, peer, OfferKind::kIceRestart);
  ASSERT_TRUE(BulkUntil(loop, peer, channel, 1200));
  EXPECT_TRUE(channel.closed.empty());
  Close(loop, peer);
}

TEST_F(RoamingTest, WhoOffersNoProbesIsSentNone) {
  World world;
  world.SetNearMtu(9000);
  Loop loop;
  TestPeer peer(loop, Options());
  TestChannel& channel = peer.Open("echo");
  world.Enter(world.near);
  Connect(loop, world, peer);
  const std::string large(200'000, 'x');
  ASSERT_TRUE(Echoes(loop, channel, large));
  ASSERT_TRUE(Echoes(loop, channel, large));
  loop.RunFor(std::chrono::milliseconds(200));
  EXPECT_EQ(peer.connection->GetStats().packet_size, 1200u);
  Close(loop, peer);
}

TEST_F(RoamingTest, AConnectionOutlivesABlackOut) {
  World world;
  Loop loop;
  TestPeer peer(loop, Options());
  TestChannel& channel = peer.Open("echo");
  world.Enter(world.near);
  Connect(loop, world, peer);
  ASSERT_TRUE(Echoes(loop, channel, "before"));
  world.world.Ip({"link", "set", "to-near", "down"});
  channel.SendText("meanwhile");
  // Longer than libnice waits for consent.
  loop.RunFor(std::chrono::seconds(13));
  EXPECT_EQ(peer.connection->state(), ConnectionState::kDisconnected);
  EXPECT_EQ(channel.count, 1u);
  world.world.Ip({"link", "set", "to-near", "up"});
  Negotiate(loop, world, peer, OfferKind::kIceRestart);
  const Timestamp restarted = loop.reactor.Now();
  ASSERT_TRUE(loop.RunUntil([&] { return channel.count == 2; }));
  EXPECT_LT(loop.reactor.Now() - restarted, std::chrono::seconds(3));
  EXPECT_TRUE(Echoes(loop, channel, "after"));
  Close(loop, peer);
}

TEST_F(RoamingTest, WithoutANewPathTheOldOneIsUsedAgain) {
  World world;
  Loop loop;
  TestPeer peer(loop, Options());
  TestChannel& channel = peer.Open("echo");
  world.Enter(world.near);
  Connect(loop, world, peer);
  ASSERT_TRUE(Echoes(loop, channel, "before"));
  world.world.Ip({"link", "set", "to-near", "down"});
  channel.SendText("meanwhile");
  ASSERT_TRUE(loop.RunUntil([&] { return peer.Reached(ConnectionState::kDisconnected); }));
  world.world.Ip({"link", "set", "to-near", "up"});
  const Timestamp back = loop.reactor.Now();
  ASSERT_TRUE(loop.RunUntil([&] { return channel.count == 2; }));
  EXPECT_LT(loop.reactor.Now() - back, std::chrono::milliseconds(2500));
  Close(loop, peer);
}

}  // namespace
}  // namespace ming::webrtc
