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

  // Our end, with one channel to the other peer.
  struct Roamer {
    Roamer(World& all, const PeerConnectionOptions& options)
        : world(all), peer(loop, options), channel(peer.Open("echo")) {}

    void Negotiate(OfferKind kind) {
      const Result<std::string> offer = peer.connection->CreateOffer(kind);
      ASSERT_TRUE(offer.ok()) << offer.status().ToString();
      const Status set = peer.connection->SetAnswer(world.process->Answer(loop, *offer));
      ASSERT_TRUE(set.ok()) << set.ToString();
    }
    void ConnectFrom(const NetworkSpace& space) {
      world.Enter(space);
      Negotiate(OfferKind::kFirst);
      ASSERT_TRUE(loop.RunUntil(
          [this] { return peer.connection->state() == ConnectionState::kConnected; }));
    }
    // There and back over the path in use.
    bool Echoes(const std::string& text) {
      const size_t before = channel.count;
      channel.SendText(text);
      return loop.RunUntil([&] { return channel.count > before; });
    }
    // There and back until datagrams of ours have up to so many bytes.
    bool BulkUntil(size_t packet_size) {
      const std::string large(200'000, 'x');
      size_t sent = channel.count;
      return loop.RunUntil([&] {
        if (stats().packet_size == packet_size) return true;
        if (channel.count >= sent && channel.SendText(large) == link::SendResult::kAccepted) ++sent;
        return false;
      });
    }
    void Close() {
      peer.connection->Close();
      EXPECT_TRUE(loop.RunUntil([this] { return !peer.closed.empty(); }));
    }
    PeerStats stats() const { return peer.connection->GetStats(); }

    World& world;
    Loop loop;
    TestPeer peer;
    TestChannel& channel;
  };
};

TEST_F(RoamingTest, AChangeOfNetworkKeepsTheChannels) {
  World world;
  Roamer us(world, Options());
  us.ConnectFrom(world.near);
  ASSERT_TRUE(us.Echoes("from the first network"));
  EXPECT_THAT(us.stats().local_address, StartsWith("10.99.1.1:"));
  world.world.Ip({"link", "set", "to-near", "down"});
  us.channel.SendText("into the void");
  world.Enter(world.far);
  us.Negotiate(OfferKind::kIceRestart);
  const Timestamp restarted = us.loop.reactor.Now();
  ASSERT_TRUE(us.loop.RunUntil([&] { return us.channel.count == 2; }));
  EXPECT_LT(us.loop.reactor.Now() - restarted, std::chrono::seconds(3));
  EXPECT_THAT(us.stats().local_address, StartsWith("10.99.2.1:"));
  EXPECT_TRUE(us.Echoes("from the second network"));
  EXPECT_TRUE(us.channel.closed.empty());
  us.Close();
}

TEST_F(RoamingTest, LargePacketsStayOnThisMachine) {
  World world;
  Roamer us(world, Options());
  us.ConnectFrom(world.world);
  const std::string large(200'000, 'x');
  ASSERT_TRUE(us.Echoes(large));
  world.Enter(world.far);
  us.Negotiate(OfferKind::kIceRestart);
  ASSERT_TRUE(us.loop.RunUntil([&] { return us.stats().local_address.find("10.99.2.1:") == 0; }));
  // The other end changes over a little later.
  ASSERT_TRUE(us.Echoes("small"));
  us.loop.RunFor(std::chrono::milliseconds(200));
  const size_t here = world.far.FragmentedDatagrams();
  const size_t there = world.world.FragmentedDatagrams();
  ASSERT_TRUE(us.Echoes(large));
  EXPECT_EQ(world.far.FragmentedDatagrams(), here);
  EXPECT_EQ(world.world.FragmentedDatagrams(), there);
  us.Close();
}

TEST_F(RoamingTest, ProbesFindWhatThePathCarries) {
  World world;
  world.SetNearMtu(9000);
  PeerConnectionOptions options = Options();
  options.features->path_probes = true;
  Roamer us(world, options);
  us.ConnectFrom(world.near);
  ASSERT_TRUE(us.Echoes("small"));
  EXPECT_EQ(us.stats().packet_size, 1200u);
  ASSERT_TRUE(us.BulkUntil(9000 - 28));
  world.SetNearMtu(4000);
  ASSERT_TRUE(us.BulkUntil(4000 - 28));
  world.Enter(world.far);
  us.Negotiate(OfferKind::kIceRestart);
  ASSERT_TRUE(us.BulkUntil(1200));
  EXPECT_TRUE(us.channel.closed.empty());
  us.Close();
}

TEST_F(RoamingTest, WhoOffersNoProbesIsSentNone) {
  World world;
  world.SetNearMtu(9000);
  Roamer us(world, Options());
  us.ConnectFrom(world.near);
  const std::string large(200'000, 'x');
  ASSERT_TRUE(us.Echoes(large));
  ASSERT_TRUE(us.Echoes(large));
  us.loop.RunFor(std::chrono::milliseconds(200));
  EXPECT_EQ(us.stats().packet_size, 1200u);
  us.Close();
}

TEST_F(RoamingTest, AConnectionOutlivesABlackOut) {
  World world;
  Roamer us(world, Options());
  us.ConnectFrom(world.near);
  ASSERT_TRUE(us.Echoes("before"));
  world.world.Ip({"link", "set", "to-near", "down"});
  us.channel.SendText("meanwhile");
  // Longer than libnice waits for consent.
  us.loop.RunFor(std::chrono::seconds(13));
  EXPECT_EQ(us.peer.connection->state(), ConnectionState::kDisconnected);
  EXPECT_EQ(us.channel.count, 1u);
  world.world.Ip({"link", "set", "to-near", "up"});
  us.Negotiate(OfferKind::kIceRestart);
  const Timestamp restarted = us.loop.reactor.Now();
  ASSERT_TRUE(us.loop.RunUntil([&] { return us.channel.count == 2; }));
  EXPECT_LT(us.loop.reactor.Now() - restarted, std::chrono::seconds(3));
  EXPECT_TRUE(us.Echoes("after"));
  us.Close();
}

TEST_F(RoamingTest, WithoutANewPathTheOldOneIsUsedAgain) {
  World world;
  Roamer us(world, Options());
  us.ConnectFrom(world.near);
  ASSERT_TRUE(us.Echoes("before"));
  world.world.Ip({"link", "set", "to-near", "down"});
  us.channel.SendText("meanwhile");
  ASSERT_TRUE(us.loop.RunUntil([&] { return us.peer.Reached(ConnectionState::kDisconnected); }));
  world.world.Ip({"link", "set", "to-near", "up"});
  const Timestamp back = us.loop.reactor.Now();
  ASSERT_TRUE(us.loop.RunUntil([&] { return us.channel.count == 2; }));
  EXPECT_LT(us.loop.reactor.Now() - back, std::chrono::milliseconds(2500));
  us.Close();
}

}  // namespace
}  // namespace ming::webrtc
