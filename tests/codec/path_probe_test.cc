#include "ming/codec/path_probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace ming::codec {
namespace {

using Kind = PathProbe::Kind;
using ::testing::ElementsAreArray;

const std::vector<uint8_t> kGoldenProbe = {0, 0, 0, 0, 1, 0, 0, 16, 1, 2, 3, 4, 0, 0, 0, 0};
const std::vector<uint8_t> kGoldenAnswer = {0, 0, 0, 0, 2, 0, 0x23, 0x28, 0xff, 0, 0, 9};

ByteSpan SpanOf(const std::vector<uint8_t>& bytes) { return {bytes.data(), bytes.size()}; }

std::vector<uint8_t> Bytes(const PathProbe& probe) {
  const ByteBuffer record = SerializePathProbe(probe);
  return {record.span().begin(), record.span().end()};
}

TEST(PathProbe, GoldenBytes) {
  EXPECT_THAT(Bytes({Kind::kProbe, 0x01020304, 16}), ElementsAreArray(kGoldenProbe));
  EXPECT_THAT(Bytes({Kind::kAnswer, 0xff000009, 9000}), ElementsAreArray(kGoldenAnswer));
}

TEST(PathProbe, GoldenBytesParse) {
  const auto probe = ParsePathProbe(SpanOf(kGoldenProbe));
  ASSERT_TRUE(probe);
  EXPECT_EQ(probe->kind, Kind::kProbe);
  EXPECT_EQ(probe->id, 0x01020304U);
  EXPECT_EQ(probe->size, 16);
  const auto answer = ParsePathProbe(SpanOf(kGoldenAnswer));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->kind, Kind::kAnswer);
  EXPECT_EQ(answer->id, 0xff000009U);
  EXPECT_EQ(answer->size, 9000);
}

TEST(PathProbe, EveryTruncationAndExcessIsRefused) {
  for (std::vector<uint8_t> bytes : {kGoldenProbe, kGoldenAnswer}) {
    for (size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(ParsePathProbe(SpanOf(bytes).First(size))) << size;
    }
    bytes.push_back(0);
    EXPECT_FALSE(ParsePathProbe(SpanOf(bytes)));
  }
}

TEST(PathProbe, OtherKindsAndSizesAreRefused) {
  for (const uint8_t kind : std::vector<uint8_t>{0, 3, 255}) {
    std::vector<uint8_t> bytes = kGoldenProbe;
    bytes[4] = kind;
    EXPECT_FALSE(ParsePathProbe(SpanOf(bytes))) << int{kind};
  }
  std::vector<uint8_t> small = kGoldenAnswer;
  small[6] = 0;
  small[7] = 11;
  EXPECT_FALSE(ParsePathProbe(SpanOf(small)));
}

TEST(PathProbe, AnSctpPacketIsNone) {
  std::vector<uint8_t> packet = kGoldenProbe;
  packet[0] = 0x13;
  packet[1] = 0x88;
  EXPECT_FALSE(IsPathProbe(SpanOf(packet)));
  EXPECT_FALSE(ParsePathProbe(SpanOf(packet)));
  EXPECT_FALSE(IsPathProbe(SpanOf(packet).First(0)));
  EXPECT_TRUE(IsPathProbe(SpanOf(kGoldenAnswer)));
}

TEST(PathProbe, FillingAndReservedBitsMeanNothing) {
  std::vector<uint8_t> bytes = kGoldenProbe;
  bytes[5] = bytes[15] = 0xff;
  EXPECT_TRUE(ParsePathProbe(SpanOf(bytes)));
}

}  // namespace
}  // namespace ming::codec
