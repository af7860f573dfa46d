#include "ming/sctp/recovery.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <set>
#include <vector>

#include "recovery_world.h"

namespace ming::sctp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Timestamp kStart{seconds(10)};

size_t CountPackets(Recovery& recovery, Timestamp now) {
  size_t count = 0;
  while (recovery.PollPacket(now)) ++count;
  return count;
}

// -- over a simulated path: shares of what the path could carry
// --------------------------------------

TEST(RecoveryPathTest, FillsALongPathWithoutLosses) {
  RecoveryWorld world("delay=25ms rate=200Mbit queue=2MB");
  world.Run(seconds(3));
  const uint64_t before = world.recovery.retransmissions();
  EXPECT_GT(world.Megabits(seconds(3)), 170);
  EXPECT_EQ(world.recovery.retransmissions(), before);
}

TEST(RecoveryPathTest, OnePercentOfLossesCostsLittle) {
  RecoveryWorld world("delay=25ms rate=100Mbit queue=1MB loss=1%");
  world.Run(seconds(3));
  EXPECT_GT(world.Megabits(seconds(3)), 80);
}

TEST(RecoveryPathTest, FivePercentOfLossesOnAVeryLongPath) {
  RecoveryWorld world("delay=100ms rate=50Mbit queue=1MB loss=5%");
  world.Run(seconds(8));
  EXPECT_GT(world.Megabits(seconds(8)), 30);
}

// Over the first seconds, the start among them.
struct LossyPath {
  const char* settings;
  uint64_t seeds;
};
class RecoverySeedsTest : public testing::TestWithParam<LossyPath> {};

TEST_P(RecoverySeedsTest, NoPatternOfLossesMakesItSlow) {
  double best = 0;
  double worst = std::numeric_limits<double>::infinity();
  for (uint64_t seed = 1; seed <= GetParam().seeds; ++seed) {
    RecoveryWorld world(GetParam().settings, seed);
    const double rate = world.Megabits(seconds(3));
    best = std::max(best, rate);
    worst = std::min(worst, rate);
  }
  EXPECT_GT(worst, best / 2);
}

INSTANTIATE_TEST_SUITE_P(
    Paths, RecoverySeedsTest,
    testing::Values(LossyPath{"delay=10ms rate=10Mbit queue=100kB loss=1%", 30},
                    LossyPath{"delay=25ms rate=10Mbit queue=100kB loss=0.1%", 30},
                    LossyPath{"delay=25ms rate=10Mbit queue=100kB loss=1%", 100},
                    LossyPath{"delay=50ms rate=10Mbit queue=200kB loss=1%", 30},
                    LossyPath{"delay=100ms rate=10Mbit queue=60kB loss=1%", 30},
                    LossyPath{"delay=100ms rate=10Mbit queue=250kB loss=1%", 40},
                    LossyPath{"delay=100ms rate=100Mbit queue=2500kB loss=1%", 4}));

TEST(RecoveryPathTest, TheStartEndsBeforeAQueueOverflowsForLong) {
  RecoveryWorld world("delay=100ms rate=10Mbit queue=250kB");
  EXPECT_GT(world.Megabits(seconds(3)), 7.5);
  EXPECT_LT(world.recovery.retransmissions(), 100u);
}

TEST(RecoveryPathTest, TheStartEndsWhereATenthIsLost) {
  RecoveryWorld world("delay=50ms rate=10Mbit queue=60kB");
  world.Run(seconds(2));
  EXPECT_LT(world.recovery.retransmissions(), 200u);
}

TEST(RecoveryPathTest, TheStartEndsWhereTheRoundTripGrows) {
  RecoveryWorld world("delay=25ms rate=100Mbit queue=600kB");
  world.Run(seconds(2));
  EXPECT_LT(world.recovery.retransmissions(), 230u);
}

TEST(RecoveryPathTest, AFarReceiverDoesNotKeepTheStartGoing) {
  // The path would hold more than the receiver keeps track of behind a gap.
  RecoveryWorld world("delay=25ms rate=500Mbit queue=1MB loss=0.1%");
  world.Run(seconds(1));
  EXPECT_LT(world.recovery.retransmissions(), 500u);
  EXPECT_GT(world.Megabits(seconds(1)), 260);
}

TEST(RecoveryPathTest, TakesLateForLateNotForLost) {
  RecoveryWorld world("delay=25ms rate=50Mbit queue=1MB reorder=5% reorder-by=10ms");
  world.Run(seconds(3));
  EXPECT_GT(world.Megabits(seconds(2)), 40);
  EXPECT_LT(world.recovery.retransmissions(), world.transmitted / 500);
}

TEST(RecoveryPathTest, LearnsOfReorderingLongerThanExpected) {
  RecoveryWorld world("delay=25ms rate=50Mbit queue=1MB reorder=5% reorder-by=30ms");
  world.Run(seconds(3));
  const uint64_t learned = world.recovery.retransmissions();
  world.Run(seconds(3));
  EXPECT_LT(world.recovery.retransmissions() - learned, learned / 4 + 20);
}

TEST(RecoveryPathTest, KeepsTheQueueOfALargeBufferShort) {
  RecoveryWorld world("delay=20ms rate=20Mbit queue=4MB");
  world.Run(seconds(5));
  EXPECT_GT(world.Megabits(seconds(5)), 17);
  // 40 ms of the path, and one of the queue.
  EXPECT_LT(world.recovery.smoothed_round_trip().value(), milliseconds(100));
}

TEST(RecoveryPathTest, DoesNotFightAPolicer) {
  RecoveryWorld world("delay=20ms rate=10Mbit queue=5kB");
  world.Run(seconds(5));
  const uint64_t before = world.recovery.retransmissions();
  EXPECT_GT(world.Megabits(seconds(10)), 7);
  EXPECT_LT(world.recovery.retransmissions() - before, 2000u);
}

TEST(RecoveryPathTest, DuplicatesOfThePathDoNoHarm) {
  RecoveryWorld world("delay=20ms rate=50Mbit queue=1MB duplicate=10%");
  world.Run(seconds(2));
  EXPECT_GT(world.Megabits(seconds(3)), 35);
}

TEST(RecoveryPathTest, GoesOnAfterABlackOut) {
  RecoveryWorld world("delay=20ms rate=50Mbit queue=1MB");
  world.Run(seconds(3));
  world.Set("loss=100%");
  const uint64_t before = world.transmitted;
  world.Run(seconds(10));
  // A few windows until it is noticed, then two a second.
  EXPECT_LT(world.transmitted - before, 800u);
  world.Set("loss=0%");
  const uint64_t returned = world.receiver.delivered();
  world.Run(milliseconds(700));
  EXPECT_GT(world.receiver.delivered(), returned);
  EXPECT_GT(world.Megabits(seconds(3)), 35);
}

TEST(RecoveryPathTest, RepairsTheLastPacketOfABurst) {
  RecoveryWorld world("delay=25ms");
  world.Run(milliseconds(200), 20);
  world.Set("loss=100%");
  world.Run(milliseconds(1), 21);
  world.Set("loss=0%");
  // A probe goes out after two round trips and the peer's delay.
  world.Run(milliseconds(250), 21);
  EXPECT_EQ(world.receiver.delivered(), 21u);
}

TEST(RecoveryPathTest, EverythingArrivesOverABadPath) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    RecoveryWorld world("delay=10ms jitter=5ms loss=10% reorder=5% duplicate=5% burst-start=1%",
                        seed);
    world.Run(seconds(20), 3000);
    EXPECT_EQ(world.receiver.delivered(), 3000u) << "seed " << seed;
    EXPECT_EQ(world.recovery.kept_bytes(), 0u);
    EXPECT_EQ(world.recovery.NextTimeout(), Timestamp::Max());
  }
}

TEST(RecoveryPathTest, LeavesAShortPathToTheEngine) {
  RecoveryWorld world("delay=200us");
  world.Run(milliseconds(500), 2000);
  EXPECT_FALSE(world.recovery.active());
}

TEST(RecoveryPathTest, TakesAPathBackThatBecameLong) {
  RecoveryWorld world("delay=200us");
  world.Run(milliseconds(500), 2000);
  world.Set("delay=20ms");
  for (int i = 0; i < 60; ++i) world.Run(milliseconds(250), world.offered + 10);
  EXPECT_TRUE(world.recovery.active());
}

// -- packet by packet ---------------------------------------------------------------------------

// Four packets, of which the peer lacks the first; how many are sent anew within the next 5 ms.
size_t RepairsBehind(Recovery& recovery, uint32_t first) {
  for (uint32_t i = 0; i < 4; ++i) recovery.HandleOutbound(kStart, DataPacket(first + i, 100));
  EXPECT_EQ(CountPackets(recovery, kStart), 4u);
  const Timestamp now = kStart + milliseconds(50);
  recovery.HandleInbound(now, SackPacket(first - 1, 1000, {{first + 1, first + 3}}));
  recovery.HandleTimeout(now + milliseconds(5));
  return CountPackets(recovery, now + milliseconds(5));
}

TEST(RecoveryTest, ThreePacketsBehindAGapMakeItALoss) {
  Recovery recovery{RecoveryOptions()};
  EXPECT_EQ(RepairsBehind(recovery, 1), 1u);
}

TEST(RecoveryTest, ItIsNoLossYetBehindOnePacketOfThreeChunks) {
  Recovery recovery{RecoveryOptions()};
  recovery.HandleOutbound(kStart, DataPacket(1, 100));
  recovery.HandleOutbound(kStart, DataPacket(2, 100, 3));
  EXPECT_EQ(CountPackets(recovery, kStart), 2u);
  const Timestamp now = kStart + milliseconds(50);
  recovery.HandleInbound(now, SackPacket(0, 1000, {{2, 4}}));
  recovery.HandleTimeout(now + milliseconds(5));
  EXPECT_EQ(CountPackets(recovery, now + milliseconds(5)), 0u);
}

TEST(RecoveryTest, ItIsNoLossYetWhereThePathIsKnownToReorder) {
  Recovery recovery{RecoveryOptions()};
  for (uint32_t tsn = 1; tsn <= 2; ++tsn) recovery.HandleOutbound(kStart, DataPacket(tsn, 100));
  EXPECT_EQ(CountPackets(recovery, kStart), 2u);
  recovery.HandleInbound(kStart + milliseconds(50), SackPacket(0, 1000, {{2, 2}}));
  recovery.HandleInbound(kStart + milliseconds(51), SackPacket(2, 1000, {}));
  EXPECT_EQ(RepairsBehind(recovery, 3), 0u);
}

TEST(RecoveryTest, ControlPassesAtOnceAndDataIsTaken) {
  Recovery recovery{RecoveryOptions()};
  ByteBuffer packet = SackPacket(5, 1000, {});
  const size_t control = packet.size();
  packet.Append(DataPacket(1, 100).span().Skip(kCommonHeader));
  EXPECT_EQ(recovery.HandleOutbound(kStart, packet), control);
  const auto sent = recovery.PollPacket(kStart);
  ASSERT_TRUE(sent.has_value());
  EXPECT_EQ(ByteSpan(*sent).Skip(kCommonHeader), packet.span().Skip(control));
  EXPECT_FALSE(recovery.PollPacket(kStart).has_value());
}

TEST(RecoveryTest, WhatTheEngineRepeatsWithinARoundTripIsNotSentTwice) {
  Recovery recovery{RecoveryOptions()};
  const ByteBuffer packet = DataPacket(1, 100);
  EXPECT_EQ(recovery.HandleOutbound(kStart, packet), kCommonHeader);
  EXPECT_EQ(CountPackets(recovery, kStart), 1u);
  EXPECT_EQ(recovery.HandleOutbound(kStart + milliseconds(900), packet), kCommonHeader);
  EXPECT_EQ(CountPackets(recovery, kStart + milliseconds(900)), 0u);
  // Later than that it is believed.
  EXPECT_EQ(recovery.HandleOutbound(kStart + seconds(3), packet), kCommonHeader);
  EXPECT_EQ(CountPackets(recovery, kStart + seconds(3)), 1u);
}

TEST(RecoveryTest, TheEngineSeesNoGapsAndTheWholeWindow) {
  Recovery recovery{RecoveryOptions()};
  for (uint32_t tsn = 1; tsn <= 3; ++tsn) recovery.HandleOutbound(kStart, DataPacket(tsn, 100));
  EXPECT_EQ(CountPackets(recovery, kStart), 3u);
  const ByteBuffer sack = SackPacket(1, 1000, {{3, 3}}, {1});
  const ByteSpan told = recovery.HandleInbound(kStart + milliseconds(50), sack);
  ByteSpan rest = told.Skip(kCommonHeader);
  const std::optional<Chunk> chunk = NextChunk(rest);
  ASSERT_TRUE(chunk.has_value());
  const std::optional<Sack> seen = ParseSack(*chunk);
  ASSERT_TRUE(seen.has_value());
  EXPECT_EQ(seen->cumulative_tsn, 1u);
  EXPECT_EQ(seen->block_count(), 0u);
  EXPECT_EQ(seen->duplicate_count(), 0u);
  EXPECT_EQ(seen->window, 1000u + 116 + 256);  // what the engine takes off for TSN 3
}

TEST(RecoveryTest, AcknowledgmentOfWhatWasNeverSentReachesTheEngine) {
  Recovery recovery{RecoveryOptions()};
  recovery.HandleOutbound(kStart, DataPacket(1, 100));
  EXPECT_EQ(CountPackets(recovery, kStart), 1u);
  const ByteBuffer sack = SackPacket(1000, 1000, {{1002, 1003}});
  EXPECT_EQ(recovery.HandleInbound(kStart, sack), sack.span());
  EXPECT_GT(recovery.kept_bytes(), 0u);
}

TEST(RecoveryTest, AReceiverMayTakeBackWhatItHad) {
  Recovery recovery{RecoveryOptions()};
  for (uint32_t tsn = 1; tsn <= 3; ++tsn) recovery.HandleOutbound(kStart, DataPacket(tsn, 100));
  EXPECT_EQ(CountPackets(recovery, kStart), 3u);
  recovery.HandleInbound(kStart + milliseconds(50), SackPacket(0, 1000, {{2, 3}}));
  recovery.HandleInbound(kStart + milliseconds(60), SackPacket(1, 1000, {}));
  std::set<uint32_t> repeated;
  for (Timestamp now = kStart + milliseconds(60); now < kStart + seconds(5);
       now = now + milliseconds(10)) {
    recovery.HandleTimeout(now);
    while (const auto packet = recovery.PollPacket(now)) {
      const ByteSpan bytes = *packet;
      ByteReader chunk(bytes.Skip(kCommonHeader + kChunkHeader));
      repeated.insert(*chunk.ReadU32());
    }
  }
  EXPECT_EQ(repeated.count(2), 1u);
}

TEST(RecoveryTest, CutsWhatBecameTooLargeForThePath) {
  Recovery recovery{RecoveryOptions()};
  recovery.HandleOutbound(kStart, DataPacket(1, 256, 4));
  recovery.SetPacketSize(600);
  size_t packets = 0;
  while (const auto packet = recovery.PollPacket(kStart)) {
    EXPECT_LE(packet->size(), 600u);
    ++packets;
  }
  EXPECT_EQ(packets, 2u);
}

ByteBuffer InitAckThatForwards() {
  ByteBuffer packet = ByteBuffer::CopyOf(std::vector<uint8_t>(kCommonHeader, 0));
  packet.Append(std::vector<uint8_t>{2, 0, 0, 24});
  packet.Append(std::vector<uint8_t>(16, 0));
  packet.Append(std::vector<uint8_t>{0xC0, 0, 0, 4});
  return packet;
}

// Sends TSNs 1 to 3, of which the peer lacks the second; the packets that follow.
std::vector<ByteBuffer> AfterALoss(Recovery& recovery, uint8_t flags) {
  for (uint32_t tsn = 1; tsn <= 3; ++tsn) {
    ByteBuffer packet = DataPacket(tsn, 100);
    packet.data()[kCommonHeader + 1] = flags;
    recovery.HandleOutbound(kStart, packet);
  }
  EXPECT_EQ(CountPackets(recovery, kStart), 3u);
  Timestamp now = kStart + milliseconds(50);
  recovery.HandleInbound(now, SackPacket(1, 1000, {{3, 3}}));
  now = now + milliseconds(30);
  recovery.HandleTimeout(now);
  std::vector<ByteBuffer> packets;
  while (const auto packet = recovery.PollPacket(now))
    packets.push_back(ByteBuffer::CopyOf(*packet));
  EXPECT_TRUE(recovery.IsConsistent());
  return packets;
}

constexpr uint8_t kUnorderedWhole = 7;
constexpr uint8_t kOrderedWhole = 3;

TEST(RecoveryTest, GivesADatagramUpAndSendsThePeerOn) {
  Recovery recovery{RecoveryOptions()};
  recovery.HandleInbound(kStart, InitAckThatForwards());
  recovery.SetRetransmissionLimit(0, 0);
  const std::vector<ByteBuffer> packets = AfterALoss(recovery, kUnorderedWhole);
  ASSERT_EQ(packets.size(), 1u);
  const std::vector<uint8_t> forward = {192, 0, 0, 8, 0, 0, 0, 2};
  EXPECT_EQ(packets[0].span().Skip(kCommonHeader), ByteSpan(forward));
  // It is said again until it is acknowledged.
  EXPECT_LT(recovery.NextTimeout(), kStart + seconds(1));
  EXPECT_TRUE(recovery.PollPacket(recovery.NextTimeout()).has_value());
  recovery.HandleInbound(kStart + milliseconds(200), SackPacket(3, 1000, {}));
  EXPECT_EQ(recovery.kept_bytes(), 0u);
  EXPECT_EQ(recovery.NextTimeout(), Timestamp::Max());
}

TEST(RecoveryTest, WhatWasGivenUpDoesNotMakeAGapALoss) {
  Recovery recovery{RecoveryOptions()};
  recovery.HandleInbound(kStart, InitAckThatForwards());
  recovery.SetRetransmissionLimit(0, 0);
  ASSERT_EQ(AfterALoss(recovery, kUnorderedWhole).size(), 1u);
  const Timestamp sent = kStart + milliseconds(80);
  for (uint32_t tsn = 4; tsn <= 5; ++tsn) recovery.HandleOutbound(sent, DataPacket(tsn, 100));
  ASSERT_EQ(CountPackets(recovery, sent), 2u);
  // Two packets arrived behind the gap at 4, and 2 was given up.
  const Timestamp now = sent + milliseconds(50);
  recovery.HandleInbound(now, SackPacket(1, 1000, {{3, 3}, {5, 5}}));
  recovery.HandleTimeout(now + milliseconds(5));
  EXPECT_EQ(CountPackets(recovery, now + milliseconds(5)), 0u);
}

TEST(RecoveryTest, RepairsWhatHasNoLimit) {
  Recovery recovery{RecoveryOptions()};
  recovery.HandleInbound(kStart, InitAckThatForwards());
  recovery.SetRetransmissionLimit(0, 0);
  recovery.SetRetransmissionLimit(0, std::nullopt);
  const std::vector<ByteBuffer> packets = AfterALoss(recovery, kUnorderedWhole);
  ASSERT_EQ(packets.size(), 1u);
  EXPECT_EQ(packets[0].data()[kCommonHeader], 0);
}

TEST(RecoveryTest, RepairsWhatIsOrderedAndWhereThePeerCannotBeSentOn) {
  Recovery ordered{RecoveryOptions()};
  ordered.HandleInbound(kStart, InitAckThatForwards());
  ordered.SetRetransmissionLimit(0, 0);
  EXPECT_EQ(AfterALoss(ordered, kOrderedWhole)[0].data()[kCommonHeader], 0);
  Recovery foreign{RecoveryOptions()};
  foreign.SetRetransmissionLimit(0, 0);
  EXPECT_EQ(AfterALoss(foreign, kUnorderedWhole)[0].data()[kCommonHeader], 0);
}

TEST(RecoveryTest, ANewPathIsTriedAtOnceWithWhatWasOnTheWay) {
  Recovery recovery{RecoveryOptions()};
  recovery.HandleOutbound(kStart, DataPacket(1, 100));
  EXPECT_EQ(CountPackets(recovery, kStart), 1u);
  recovery.HandleNewPath();
  EXPECT_EQ(CountPackets(recovery, kStart + milliseconds(1)), 1u);
}

TEST(RecoveryTest, ANewPathLeavesTheEngineWhatItSendsBehindAGap) {
  Recovery recovery{RecoveryOptions()};
  Timestamp now = kStart;
  uint32_t tsn = 1;
  // The path turns out to be short while the packet before is not acknowledged.
  const size_t whole = DataPacket(tsn, 100).size();
  while (recovery.HandleOutbound(now, DataPacket(tsn, 100)) < whole) {
    ASSERT_LT(tsn, 1000u);
    CountPackets(recovery, now);
    now = now + std::chrono::microseconds(200);
    if (tsn > 1) recovery.HandleInbound(now, SackPacket(tsn - 1, 100'000, {}));
    ++tsn;
  }
  recovery.HandleNewPath();
  EXPECT_EQ(recovery.HandleOutbound(now, DataPacket(tsn + 1, 100)), whole);
  EXPECT_TRUE(recovery.IsConsistent());
}

}  // namespace
}  // namespace ming::sctp
