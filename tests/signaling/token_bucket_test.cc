#include "ming/signaling/token_bucket.h"

#include <gtest/gtest.h>

namespace ming::signaling {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr TokenBucketRule kRule{2.0, 3.0};
constexpr Timestamp kStart(seconds(9));

TEST(TokenBucketTest, GivesABurstThenTheRate) {
  TokenBucket bucket(kRule, kStart);
  EXPECT_TRUE(bucket.IsFull(kRule, kStart));
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(bucket.HasToken(kRule, kStart));
    bucket.Take(kRule, kStart);
  }
  EXPECT_FALSE(bucket.HasToken(kRule, kStart));
  const Timestamp next = bucket.NextToken(kRule, kStart);
  EXPECT_EQ(next, kStart + milliseconds(500));
  EXPECT_FALSE(bucket.HasToken(kRule, next - milliseconds(1)));
  EXPECT_TRUE(bucket.HasToken(kRule, next));
}

TEST(TokenBucketTest, PaysDebtsAndNeverHoldsMoreThanTheBurst) {
  TokenBucket bucket(kRule, kStart);
  for (int i = 0; i < 5; ++i) bucket.Take(kRule, kStart);
  EXPECT_EQ(bucket.NextToken(kRule, kStart), kStart + milliseconds(1500));
  const Timestamp later = kStart + seconds(1000);
  EXPECT_TRUE(bucket.IsFull(kRule, later));
  EXPECT_EQ(bucket.NextToken(kRule, later), later);
  for (int i = 0; i < 3; ++i) bucket.Take(kRule, later);
  EXPECT_FALSE(bucket.HasToken(kRule, later));
}

TEST(TokenBucketTest, TheNextTokenIsThereWhenPromised) {
  const TokenBucketRule odd{0.37, 7.0};
  TokenBucket bucket(odd, kStart);
  Timestamp now = kStart;
  for (int i = 0; i < 100; ++i) {
    bucket.Take(odd, now);
    now = bucket.NextToken(odd, now);
    EXPECT_TRUE(bucket.HasToken(odd, now));
  }
}

}  // namespace
}  // namespace ming::signaling
