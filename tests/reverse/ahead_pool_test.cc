#include "ming/reverse/ahead_pool.h"

#include <gtest/gtest.h>

#include <vector>

namespace ming::reverse {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class AheadPoolTest : public testing::Test {
 protected:
  // What is asked for comes at once.
  void Fill(AheadPool& pool) {
    for (size_t count = pool.Ask(1000); count > 0; --count) {
      pool.HandleArrived({codec::ReverseConnId::Draw(random_), LinkId(++last_link_)});
    }
  }
  // Takes until there is none.
  void Empty(AheadPool& pool) {
    while (pool.Take(now_)) continue;
  }

  SeededRandom random_{7};
  Timestamp now_{seconds(1000)};
  uint64_t last_link_ = 0;
};

TEST_F(AheadPoolTest, WithoutALimitThereIsNone) {
  AheadPool pool(0);
  EXPECT_EQ(pool.Ask(1000), 0u);
  EXPECT_FALSE(pool.Take(now_));
  EXPECT_EQ(pool.Ask(1000), 0u);
  EXPECT_EQ(pool.NextTimeout(), Timestamp::Max());
}

TEST_F(AheadPoolTest, KeepsTwoForTheFirstCallers) {
  AheadPool pool(64);
  EXPECT_EQ(pool.Ask(1000), 2u);
  EXPECT_EQ(pool.Ask(1000), 0u) << "they are on their way";
  pool.HandleArrived({codec::ReverseConnId::Draw(random_), LinkId(1)});
  pool.HandleArrived({codec::ReverseConnId::Draw(random_), LinkId(2)});
  EXPECT_EQ(pool.Take(now_)->link, LinkId(1)) << "the oldest first";
  EXPECT_EQ(pool.Ask(1000), 1u);
  EXPECT_EQ(pool.NextTimeout(), Timestamp::Max()) << "nothing to review";
}

TEST_F(AheadPoolTest, GrowsWithTheDemandUpToItsLimit) {
  AheadPool pool(10);
  for (const size_t goal : {4u, 8u, 10u, 10u}) {
    Fill(pool);
    Empty(pool);
    EXPECT_EQ(pool.goal(), goal);
  }
  Fill(pool);
  EXPECT_EQ(pool.waiting().size(), 10u);
}

TEST_F(AheadPoolTest, AsksForNoMoreThanThereIsRoom) {
  AheadPool pool(64);
  EXPECT_EQ(pool.Ask(1), 1u);
  EXPECT_EQ(pool.Ask(0), 0u);
  EXPECT_EQ(pool.asked(), 1u);
}

TEST_F(AheadPoolTest, AsksForSeveralAtOnce) {
  AheadPool pool(64);
  while (pool.goal() < 64) Empty(pool);
  Fill(pool);
  for (int i = 0; i < 15; ++i) ASSERT_TRUE(pool.Take(now_));
  EXPECT_EQ(pool.Ask(1000), 0u);
  ASSERT_TRUE(pool.Take(now_));
  EXPECT_EQ(pool.Ask(1000), 16u);
}

TEST_F(AheadPoolTest, ShrinksByHalfOfWhatNobodyTook) {
  AheadPool pool(16);
  while (pool.goal() < 16) Empty(pool);
  Fill(pool);
  std::vector<size_t> goals;
  while (pool.NextTimeout() != Timestamp::Max()) {
    ASSERT_GT(pool.NextTimeout(), now_);
    now_ = pool.NextTimeout();
    const size_t before = pool.waiting().size();
    const size_t ended = pool.HandleTimeout(now_).size();
    EXPECT_EQ(pool.waiting().size(), before - ended);
    goals.push_back(pool.goal());
  }
  EXPECT_EQ(goals, (std::vector<size_t>{16, 8, 4, 2}));
  EXPECT_EQ(pool.waiting().size(), 2u);
}

TEST_F(AheadPoolTest, KeepsWhatACrowdTakesAgainAndAgain) {
  AheadPool pool(16);
  while (pool.goal() < 16) Empty(pool);
  for (int i = 0; i < 5; ++i) {
    Fill(pool);
    Empty(pool);
    Fill(pool);
    now_ = pool.NextTimeout();
    EXPECT_TRUE(pool.HandleTimeout(now_).empty());
  }
  EXPECT_EQ(pool.goal(), 16u);
}

// What comes back needs no other in its place.
TEST_F(AheadPoolTest, CountsWhatIsLent) {
  AheadPool pool(4);
  Fill(pool);
  const auto one = pool.Take(now_);
  const AheadPool::Epoch lent = pool.Lend(now_);
  EXPECT_EQ(pool.lent(), 1u);
  Fill(pool);
  EXPECT_EQ(pool.waiting().size(), 2u) << "for the next callers";
  EXPECT_TRUE(pool.HandleReturned(lent, *one));
  EXPECT_EQ(pool.waiting().size(), 3u);
  ASSERT_TRUE(pool.Take(now_));
  const AheadPool::Epoch second = pool.Lend(now_);
  EXPECT_EQ(pool.Ask(1000), 0u);
  pool.HandleSpent(second);
  ASSERT_TRUE(pool.Take(now_));
  EXPECT_EQ(pool.Ask(1000), 1u) << "two did not come back";
}

// Callers that stay for hours must not use the pool up.
TEST_F(AheadPoolTest, ForgetsWhatIsLentForLong) {
  AheadPool pool(2);
  Fill(pool);
  const auto one = pool.Take(now_);
  const AheadPool::Epoch lent = pool.Lend(now_);
  for (int review = 0; review < 2; ++review) {
    EXPECT_EQ(pool.Ask(1000), 0u);
    ASSERT_EQ(pool.NextTimeout(), now_ + seconds(10));
    now_ = pool.NextTimeout();
    EXPECT_TRUE(pool.HandleTimeout(now_).empty());
  }
  EXPECT_EQ(pool.lent(), 0u);
  EXPECT_EQ(pool.NextTimeout(), Timestamp::Max()) << "nothing to review";
  Fill(pool);
  EXPECT_EQ(pool.waiting().size(), 2u);
  EXPECT_FALSE(pool.HandleReturned(lent, *one)) << "one too many";
  EXPECT_EQ(pool.waiting().size(), 2u);
}

TEST_F(AheadPoolTest, LeavesAClientAloneThatRefusesOrLoses) {
  AheadPool pool(64);
  ASSERT_EQ(pool.Ask(1000), 2u);
  pool.HandleRefused(now_);
  EXPECT_EQ(pool.Ask(1000), 0u);
  EXPECT_EQ(pool.NextTimeout(), now_ + seconds(1));
  now_ = now_ + milliseconds(999);
  pool.HandleTimeout(now_);
  EXPECT_EQ(pool.Ask(1000), 0u) << "early";
  now_ = now_ + milliseconds(1);
  pool.HandleTimeout(now_);
  EXPECT_EQ(pool.Ask(1000), 1u);
  pool.HandleArrived({codec::ReverseConnId::Draw(random_), LinkId(5)});
  EXPECT_FALSE(pool.HandleLost(now_, LinkId(6)));
  EXPECT_TRUE(pool.HandleLost(now_, LinkId(5)));
  EXPECT_EQ(pool.Ask(1000), 0u);
  EXPECT_FALSE(pool.Take(now_));
}

}  // namespace
}  // namespace ming::reverse
