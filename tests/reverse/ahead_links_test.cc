#include "ming/reverse/ahead_links.h"

#include <gtest/gtest.h>

#include <vector>

namespace ming::reverse {
namespace {

using codec::ReverseConnId;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr LinkId kOne(1);
constexpr LinkId kTwo(2);

class AheadLinksTest : public testing::Test {
 protected:
  void TearDown() override { EXPECT_TRUE(links_.IsConsistent()); }

  std::vector<ReverseConnId> Ask(LinkId session, size_t room = 100) {
    return links_.Ask(session, now_, room);
  }

  SeededRandom random_{7};
  Timestamp now_{seconds(1000)};
  AheadLinks links_{random_, seconds(10)};
};

TEST_F(AheadLinksTest, ASessionThatAgreedToNoneHasNone) {
  EXPECT_TRUE(Ask(kOne).empty());
  EXPECT_FALSE(links_.Take(kOne, now_));
  EXPECT_TRUE(links_.Close(kOne).empty());
  EXPECT_EQ(links_.NextTimeout(), Timestamp::Max());
}

TEST_F(AheadLinksTest, GivesEachSessionItsOwn) {
  links_.Open(kOne, 8);
  links_.Open(kTwo, 8);
  const auto asked = Ask(kOne);
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_EQ(links_.SessionOf(asked[0]), kOne);
  links_.HandleArrived({asked[0], LinkId(10)});
  EXPECT_FALSE(links_.SessionOf(asked[0])) << "an id is good for one connection";
  EXPECT_FALSE(links_.Take(kTwo, now_));
  const auto taken = links_.Take(kOne, now_);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->conn, asked[0]);
  EXPECT_EQ(taken->link, LinkId(10));
  EXPECT_EQ(links_.waiting_count(), 0u);
  EXPECT_EQ(links_.asked_count(), 1u);
}

TEST_F(AheadLinksTest, AsksForNoMoreThanThereIsRoom) {
  links_.Open(kOne, 8);
  EXPECT_EQ(Ask(kOne, 1).size(), 1u);
  EXPECT_TRUE(Ask(kOne, 0).empty());
  EXPECT_EQ(Ask(kOne, 1).size(), 1u);
}

TEST_F(AheadLinksTest, ForgetsWhatDoesNotComeAndAsksAgainAfterARest) {
  links_.Open(kOne, 8);
  const auto asked = Ask(kOne);
  EXPECT_EQ(links_.NextTimeout(), now_ + seconds(10));
  now_ = now_ + milliseconds(9999);
  EXPECT_TRUE(links_.HandleTimeout(now_).empty());
  EXPECT_TRUE(links_.SessionOf(asked[0]));
  now_ = now_ + milliseconds(1);
  EXPECT_TRUE(links_.HandleTimeout(now_).empty());
  EXPECT_FALSE(links_.SessionOf(asked[0]));
  EXPECT_TRUE(Ask(kOne).empty());
  now_ = now_ + seconds(1);
  EXPECT_TRUE(links_.HandleTimeout(now_).empty());
  EXPECT_EQ(Ask(kOne).size(), 2u);
}

TEST_F(AheadLinksTest, ClosingASessionForgetsAllOfItsOwn) {
  links_.Open(kOne, 8);
  links_.Open(kTwo, 8);
  const auto of_one = Ask(kOne);
  const auto of_two = Ask(kTwo);
  links_.HandleArrived({of_one[0], LinkId(10)});
  links_.HandleArrived({of_two[0], LinkId(20)});
  EXPECT_EQ(links_.Close(kOne), std::vector<LinkId>{LinkId(10)});
  EXPECT_FALSE(links_.SessionOf(of_one[1]));
  EXPECT_TRUE(links_.SessionOf(of_two[1]));
  EXPECT_FALSE(links_.HandleLost(now_, LinkId(10)));
  EXPECT_TRUE(links_.HandleLost(now_, LinkId(20)));
}

TEST_F(AheadLinksTest, GivesUpWhatNobodyTakes) {
  links_.Open(kOne, 8);
  EXPECT_FALSE(links_.Take(kOne, now_)) << "which doubles the number";
  uint64_t link = 10;
  for (const ReverseConnId conn : Ask(kOne)) links_.HandleArrived({conn, LinkId(link++)});
  ASSERT_EQ(links_.waiting_count(), 4u);
  std::vector<LinkId> surplus;
  for (int review = 0; review < 3; ++review) {
    now_ = now_ + seconds(10);
    for (const LinkId one : links_.HandleTimeout(now_)) surplus.push_back(one);
  }
  EXPECT_EQ(surplus, (std::vector<LinkId>{LinkId(10), LinkId(11)})) << "the oldest first";
  EXPECT_EQ(links_.waiting_count(), 2u);
}

}  // namespace
}  // namespace ming::reverse
