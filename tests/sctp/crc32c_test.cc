#include "ming/sctp/crc32c.h"

#include <gtest/gtest.h>

#include <vector>

#include "ming/base/random.h"

namespace ming::sctp {
namespace {

// RFC 3720, section B.4.
TEST(Crc32cTest, MatchesPublishedValues) {
  EXPECT_EQ(Crc32c(ByteSpan("123456789")), 0xE3069283u);
  EXPECT_EQ(Crc32c(ByteSpan()), 0u);
  EXPECT_EQ(Crc32c(std::vector<uint8_t>(32, 0)), 0x8A9136AAu);
  EXPECT_EQ(Crc32c(std::vector<uint8_t>(32, 0xff)), 0x62A8AB43u);
  std::vector<uint8_t> ascending;
  for (uint8_t i = 0; i < 32; ++i) ascending.push_back(i);
  EXPECT_EQ(Crc32c(ascending), 0x46DD794Eu);
}

TEST(Crc32cTest, InstructionAndTableAgreeAtEveryLengthAndAlignment) {
  SeededRandom random(1);
  std::vector<uint8_t> bytes(2000);
  random.Fill({bytes.data(), bytes.size()});
  for (size_t start = 0; start < 8; ++start) {
    for (size_t size = 0; size + start <= bytes.size(); size += size < 800 ? 1 : 37) {
      const ByteSpan part(bytes.data() + start, size);
      ASSERT_EQ(Crc32c(part), Crc32cPortable(part)) << start << " " << size;
    }
  }
}

TEST(Crc32cTest, GoesOnFromWhatCameBefore) {
  const ByteSpan whole("the quick brown fox jumps over the lazy dog");
  for (size_t cut = 0; cut <= whole.size(); ++cut) {
    EXPECT_EQ(Crc32c(whole.Skip(cut), Crc32c(whole.First(cut))), Crc32c(whole));
    EXPECT_EQ(Crc32cPortable(whole.Skip(cut), Crc32cPortable(whole.First(cut))), Crc32c(whole));
  }
}

TEST(Crc32cTest, PacketChecksumReadsItsFieldAsZero) {
  std::vector<uint8_t> packet = {0x13, 0x88, 0x13, 0x88, 1, 2, 3, 4, 0, 0, 0, 0, 9, 8, 7, 6};
  const uint32_t expected = Crc32c(packet);
  EXPECT_EQ(PacketChecksum(packet), expected);
  for (size_t i = 0; i < 4; ++i) packet[8 + i] = static_cast<uint8_t>(expected >> (8 * i));
  EXPECT_EQ(PacketChecksum(packet), expected);
  EXPECT_EQ(ReadPacketChecksum(packet), expected);
}

}  // namespace
}  // namespace ming::sctp
