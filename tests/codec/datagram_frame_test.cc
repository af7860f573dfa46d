#include "ming/codec/datagram_frame.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace ming::codec {
namespace {

std::vector<uint8_t> Framed(const std::vector<std::string>& datagrams) {
  ByteBuffer out;
  for (const std::string& datagram : datagrams) AppendDatagramFrame(ByteSpan(datagram), out);
  const ByteSpan bytes = out;
  return {bytes.begin(), bytes.end()};
}

// What a reader takes from pieces of at most `piece` bytes.
std::vector<std::string> Read(const std::vector<uint8_t>& wire, size_t piece) {
  DatagramFrameReader reader;
  std::vector<std::string> datagrams;
  for (size_t at = 0; at < wire.size(); at += piece) {
    reader.Add(ByteSpan(wire).Skip(at).First(piece));
    while (true) {
      const auto next = reader.Next();
      EXPECT_TRUE(next.ok());
      if (!next.ok() || !next->has_value()) break;
      datagrams.emplace_back((*next)->AsText());
    }
  }
  EXPECT_FALSE(reader.has_partial());
  return datagrams;
}

TEST(DatagramFrame, GoldenBytes) {
  EXPECT_EQ(Framed({"abc"}), (std::vector<uint8_t>{0x00, 0x03, 'a', 'b', 'c'}));
  EXPECT_EQ(Framed({"", "x"}), (std::vector<uint8_t>{0x00, 0x00, 0x00, 0x01, 'x'}));
  const std::vector<uint8_t> longest = Framed({std::string(kMaxFramedDatagram, 'y')});
  EXPECT_EQ(longest.size(), kMaxFramedDatagram + 2);
  EXPECT_EQ(longest[0], 0xff);
  EXPECT_EQ(longest[1], 0xe3);
}

TEST(DatagramFrame, GivesTheSameHoweverItIsCut) {
  const std::vector<std::string> datagrams = {
      "one", "", std::string(300, 'z'), "", std::string(kMaxFramedDatagram, 'y'), "end"};
  const std::vector<uint8_t> wire = Framed(datagrams);
  for (const size_t piece : {size_t{1}, size_t{2}, size_t{3}, size_t{1000}, wire.size()}) {
    EXPECT_EQ(Read(wire, piece), datagrams) << piece;
  }
}

TEST(DatagramFrame, WaitsForEveryTruncation) {
  const std::vector<uint8_t> wire = Framed({"abc"});
  for (size_t size = 0; size < wire.size(); ++size) {
    DatagramFrameReader reader;
    reader.Add(ByteSpan(wire).First(size));
    const auto next = reader.Next();
    ASSERT_TRUE(next.ok());
    EXPECT_FALSE(next->has_value()) << size;
    EXPECT_EQ(reader.has_partial(), size > 0);
  }
}

TEST(DatagramFrame, RefusesALengthThatNoDatagramHas) {
  for (const uint8_t low : {uint8_t{0xe4}, uint8_t{0xff}}) {
    DatagramFrameReader reader;
    reader.Add(std::vector<uint8_t>{0xff, low});
    EXPECT_EQ(reader.Next().status().code(), StatusCode::kMalformed);
    EXPECT_EQ(reader.Next().status().code(), StatusCode::kMalformed);
  }
}

}  // namespace
}  // namespace ming::codec
