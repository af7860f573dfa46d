#include "ming/sctp/sack.h"

#include <gtest/gtest.h>

#include "recovery_world.h"

namespace ming::sctp {
namespace {

std::optional<Sack> FirstSack(ByteSpan packet) {
  ByteSpan rest = packet.Skip(kCommonHeader);
  const std::optional<Chunk> chunk = NextChunk(rest);
  return chunk ? ParseSack(*chunk) : std::nullopt;
}

TEST(SackTest, ReadsGoldenBytes) {
  const std::vector<uint8_t> wire = {3, 0, 0, 24, 0, 0, 1, 0, 0, 1, 0, 0,
                                     0, 1, 0, 1,  0, 2, 0, 3, 0, 0, 0, 0xFE};
  ByteSpan rest(wire);
  const std::optional<Chunk> chunk = NextChunk(rest);
  ASSERT_TRUE(chunk.has_value());
  const std::optional<Sack> sack = ParseSack(*chunk);
  ASSERT_TRUE(sack.has_value());
  EXPECT_EQ(sack->cumulative_tsn, 0x100u);
  EXPECT_EQ(sack->window, 0x10000u);
  ASSERT_EQ(sack->block_count(), 1u);
  EXPECT_EQ(sack->Block(0).first, 0x102u);
  EXPECT_EQ(sack->Block(0).last, 0x103u);
  ASSERT_EQ(sack->duplicate_count(), 1u);
  EXPECT_EQ(sack->Duplicate(0), 0xFEu);
}

TEST(SackTest, EveryTruncationIsNone) {
  const ByteBuffer packet = SackPacket(1, 2, {{3, 4}}, {1});
  const ByteSpan value = packet.span().Skip(kCommonHeader + kChunkHeader);
  for (size_t size = 0; size < value.size(); ++size) {
    EXPECT_FALSE(ParseSack({ChunkType::kSack, value, value.First(size)}).has_value()) << size;
  }
  EXPECT_TRUE(ParseSack({ChunkType::kSack, value, value}).has_value());
}

TEST(SackTest, HidesBlocksFromOneTsnOn) {
  ByteBuffer out;
  const ByteBuffer packet = SackPacket(10, 100, {{12, 13}, {15, 15}, {18, 20}});
  ASSERT_TRUE(RewriteSacks(packet, {16, 5}, out));
  const std::optional<Sack> sack = FirstSack(out);
  ASSERT_TRUE(sack.has_value());
  ASSERT_EQ(sack->block_count(), 2u);
  EXPECT_EQ(sack->Block(1).last, 15u);
  EXPECT_EQ(sack->window, 105u);
}

TEST(SackTest, TheWindowEndsAtTheLargestNumber) {
  ByteBuffer out;
  ASSERT_TRUE(RewriteSacks(SackPacket(10, 0xFFFFFFF0, {{12, 13}}), {11, 100}, out));
  EXPECT_EQ(FirstSack(out)->window, 0xFFFFFFFFu);
}

TEST(SackTest, OtherChunksStayAsTheyAre) {
  ByteBuffer packet = SackPacket(10, 100, {{12, 13}});
  const ByteBuffer data = DataPacket(77, 20);
  packet.Append(data.span().Skip(kCommonHeader));
  ByteBuffer out;
  ASSERT_TRUE(RewriteSacks(packet, {11, 0}, out));
  EXPECT_EQ(out.span().Skip(kCommonHeader + 16), data.span().Skip(kCommonHeader));
}

TEST(SackTest, APacketThatDoesNotHoldIsLeftAlone) {
  ByteBuffer packet = SackPacket(10, 100, {{12, 13}});
  packet.Append(uint8_t{1});
  ByteBuffer out;
  EXPECT_FALSE(RewriteSacks(packet, {11, 0}, out));
  EXPECT_FALSE(RewriteSacks(SackPacket(10, 100, {}), {11, 0}, out));
}

}  // namespace
}  // namespace ming::sctp
