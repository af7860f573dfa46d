#include "ming/base/bytes.h"

#include <gtest/gtest.h>

#include "ming/base/byte_io.h"

namespace ming {
namespace {

TEST(ByteBuffer, KeepsOrderAcrossAppendAndRemovePrefix) {
  ByteBuffer buffer;
  std::string expected;
  for (int round = 0; round < 200; ++round) {
    const std::string piece(static_cast<size_t>(round % 17), static_cast<char>('a' + round % 26));
    buffer.Append(ByteSpan(piece));
    expected += piece;
    const size_t taken = expected.size() / 3;
    buffer.RemovePrefix(taken);
    expected.erase(0, taken);
    ASSERT_EQ(buffer.AsText(), expected);
  }
}

TEST(ByteBuffer, MovedFromIsEmpty) {
  ByteBuffer first = ByteBuffer::CopyOf("abc");
  const ByteBuffer second = std::move(first);
  EXPECT_EQ(second.AsText(), "abc");
  // NOLINTNEXTLINE(bugprone-use-after-move,clang-analyzer-cplusplus.Move): part of the contract
  EXPECT_TRUE(first.empty());
}

TEST(ByteBuffer, TruncateKeepsTheFront) {
  ByteBuffer buffer = ByteBuffer::CopyOf("abcdef");
  buffer.RemovePrefix(1);
  buffer.Truncate(3);
  EXPECT_EQ(buffer.AsText(), "bcd");
}

TEST(ByteSpan, FirstAndSkipClampToTheSize) {
  const ByteSpan bytes("abc");
  EXPECT_EQ(bytes.First(9).AsText(), "abc");
  EXPECT_TRUE(bytes.Skip(9).empty());
  EXPECT_EQ(bytes.Skip(1).AsText(), "bc");
  EXPECT_NE(bytes, ByteSpan("abd"));
}

TEST(ByteIo, RoundTripsEveryWidthBigEndian) {
  ByteBuffer out;
  ByteWriter writer(out);
  writer.WriteU8(0x01);
  writer.WriteU16(0x0203);
  writer.WriteU32(0x04050607);
  writer.WriteU64(0x08090A0B0C0D0E0F);
  EXPECT_EQ(HexDump(out), "01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f");
  ByteReader reader(out);
  EXPECT_EQ(reader.ReadU8(), 0x01);
  EXPECT_EQ(reader.ReadU16(), 0x0203);
  EXPECT_EQ(reader.ReadU32(), 0x04050607U);
  EXPECT_EQ(reader.ReadU64(), 0x08090A0B0C0D0E0FU);
  EXPECT_EQ(reader.remaining(), 0U);
}

TEST(ByteIo, ReadPastTheEndTakesNothing) {
  ByteReader reader(ByteSpan("abc"));
  EXPECT_FALSE(reader.ReadU32());
  EXPECT_FALSE(reader.ReadBytes(4));
  EXPECT_EQ(reader.remaining(), 3U);
  EXPECT_EQ(reader.ReadBytes(3)->AsText(), "abc");
}

}  // namespace
}  // namespace ming
