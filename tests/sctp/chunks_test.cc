#include "ming/sctp/chunks.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ming::sctp {
namespace {

// Ports, tag and checksum, then a chunk of each of these sizes, padded.
ByteBuffer Packet(const std::vector<size_t>& sizes) {
  ByteBuffer packet = ByteBuffer::CopyOf("ABCDEFGHijkl");
  for (const size_t size : sizes) {
    packet.Append(0);
    packet.Append(3);
    packet.Append(static_cast<uint8_t>(size >> 8));
    packet.Append(static_cast<uint8_t>(size));
    for (size_t i = kChunkHeader; i < Padded(size); ++i) packet.Append(static_cast<uint8_t>(size));
  }
  return packet;
}

std::vector<ByteBuffer> Cut(ByteBuffer packet, size_t max_size) {
  std::vector<ByteBuffer> pieces;
  PacketCutter cutter(packet.mutable_span(), max_size);
  while (const auto piece = cutter.Next()) pieces.push_back(ByteBuffer::CopyOf(*piece));
  return pieces;
}

TEST(NextChunk, WalksOverPaddedChunks) {
  const ByteBuffer packet = Packet({5, 8});
  ByteSpan rest = packet.span().Skip(kCommonHeader);
  const auto first = NextChunk(rest);
  ASSERT_TRUE(first.has_value());
  EXPECT_TRUE(IsData(first->type));
  EXPECT_EQ(first->whole.size(), 8u);
  EXPECT_EQ(first->value.size(), 1u);
  EXPECT_EQ(NextChunk(rest)->value.size(), 4u);
  EXPECT_FALSE(NextChunk(rest).has_value());
}

TEST(NextChunk, StopsWhereLengthsDoNotHold) {
  for (const int length : {0, 3, 9}) {
    const std::vector<uint8_t> bytes = {0, 0, 0, static_cast<uint8_t>(length), 1, 2, 3, 4};
    ByteSpan rest(bytes);
    EXPECT_FALSE(NextChunk(rest).has_value()) << length;
  }
}

TEST(PacketCutter, CutsBetweenChunks) {
  const auto pieces = Cut(Packet({100, 100, 100, 60, 20}), kCommonHeader + 200);
  ASSERT_EQ(pieces.size(), 2u);
  EXPECT_EQ(pieces[0].span(), Packet({100, 100}).span());
  EXPECT_EQ(pieces[1].span(), Packet({100, 60, 20}).span());
}

TEST(PacketCutter, CountsThePadding) {
  EXPECT_EQ(Cut(Packet({97, 97}), kCommonHeader + 199).size(), 2u);
  EXPECT_EQ(Cut(Packet({97, 97}), kCommonHeader + 200).size(), 1u);
}

TEST(PacketCutter, KeepsAPacketThatFits) {
  const auto pieces = Cut(Packet({100}), 1200);
  ASSERT_EQ(pieces.size(), 1u);
  EXPECT_EQ(pieces[0].span(), Packet({100}).span());
}

TEST(PacketCutter, LeavesALongChunkWhole) {
  const auto pieces = Cut(Packet({20, 500, 20}), kCommonHeader + 200);
  ASSERT_EQ(pieces.size(), 3u);
  EXPECT_EQ(pieces[1].span(), Packet({500}).span());
}

TEST(PacketCutter, LetsWhatIsNoChunkGoAsItIs) {
  ByteBuffer packet = Packet({100});
  packet.Append(ByteSpan(std::string_view("rest")));
  packet.Append(1);
  const auto pieces = Cut(std::move(packet), kCommonHeader + 100);
  ASSERT_EQ(pieces.size(), 2u);
  EXPECT_EQ(pieces[1].size(), kCommonHeader + 5);
}

TEST(PacketCutter, EndsAtABareHeader) { EXPECT_TRUE(Cut(Packet({}), 1200).empty()); }

}  // namespace
}  // namespace ming::sctp
