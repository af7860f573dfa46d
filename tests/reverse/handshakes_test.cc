#include "ming/reverse/handshakes.h"

#include <gtest/gtest.h>

#include <string>

namespace ming::reverse {
namespace {

using std::chrono::seconds;

class HandshakesTest : public testing::Test {
 protected:
  void TearDown() override { EXPECT_TRUE(handshakes_.IsConsistent()); }

  bool Add(uint64_t link, const std::string& address, size_t expected = 0) {
    return handshakes_.Add(LinkId(link), address, now_ + seconds(5), expected);
  }

  Timestamp now_{seconds(1000)};
  Handshakes handshakes_{{3, 2}};
};

TEST_F(HandshakesTest, BoundsThoseOfOneAddressAndAll) {
  EXPECT_TRUE(Add(1, "a"));
  EXPECT_TRUE(Add(2, "a"));
  EXPECT_FALSE(Add(3, "a"));
  EXPECT_TRUE(Add(3, "b"));
  EXPECT_FALSE(Add(4, "c"));
  EXPECT_TRUE(Add(4, "c", 1)) << "one more is expected";
  handshakes_.Remove(LinkId(1));
  handshakes_.Remove(LinkId(4));
  EXPECT_TRUE(Add(5, "a"));
}

TEST_F(HandshakesTest, TakesTheFirstLineAndNothingBehindIt) {
  Add(1, "a");
  EXPECT_EQ(handshakes_.Take(LinkId(1), ByteSpan("RT1 ")).consumed, 4u);
  const Handshakes::Step step = handshakes_.Take(LinkId(1), ByteSpan("CONTROL\nrest"));
  EXPECT_EQ(step.line, "RT1 CONTROL");
  EXPECT_EQ(step.consumed, 8u);
}

TEST_F(HandshakesTest, KnowsWhoSpeaksNoText) {
  Add(1, "a");
  const Handshakes::Step step = handshakes_.Take(LinkId(1), ByteSpan("\x16\x03\x01"));
  EXPECT_TRUE(step.foreign);
  EXPECT_EQ(step.consumed, 0u);
}

TEST_F(HandshakesTest, TellsWhoIsBehindALink) {
  Add(1, "a");
  handshakes_.SetName(LinkId(1), "home");
  handshakes_.SetName(LinkId(2), "nobody");
  const Handshakes::Origin origin = handshakes_.Remove(LinkId(1));
  EXPECT_EQ(origin.link, LinkId(1));
  EXPECT_EQ(origin.address, "a");
  EXPECT_EQ(origin.name, "home");
}

TEST_F(HandshakesTest, GivesUpTheOldestFirst) {
  Add(1, "a");
  now_ = now_ + seconds(1);
  Add(2, "a");
  EXPECT_EQ(handshakes_.NextTimeout(), now_ + seconds(4));
  EXPECT_FALSE(handshakes_.RemoveLate(now_ + seconds(3)));
  const auto late = handshakes_.RemoveLate(now_ + seconds(4));
  ASSERT_TRUE(late);
  EXPECT_EQ(late->link, LinkId(1));
  EXPECT_EQ(handshakes_.NextTimeout(), now_ + seconds(5));
}

}  // namespace
}  // namespace ming::reverse
