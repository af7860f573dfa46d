#include "ming/base/random.h"

#include <gtest/gtest.h>

#include <set>

#include "ming/base/backoff.h"
#include "ming/base/checked_cast.h"
#include "ming/base/secret.h"

namespace ming {
namespace {

TEST(SeededRandom, IsReproducibleAndBounded) {
  SeededRandom a(7);
  SeededRandom b(7);
  std::set<uint64_t> seen;
  for (int i = 0; i < 1000; ++i) {
    const uint64_t value = a.Below(10);
    EXPECT_EQ(value, b.Below(10));
    EXPECT_LT(value, 10U);
    seen.insert(value);
  }
  EXPECT_EQ(seen.size(), 10U);
}

TEST(RandomUuid, HasVersionAndVariant) {
  SeededRandom random(1);
  const std::string uuid = RandomUuid(random);
  ASSERT_EQ(uuid.size(), 36U);
  EXPECT_EQ(uuid[14], '4');
  EXPECT_NE(std::string("89ab").find(uuid[19]), std::string::npos);
  EXPECT_NE(uuid, RandomUuid(random));
}

TEST(Backoff, DoublesToTheMaximumWithinTheJitter) {
  SeededRandom random(3);
  Backoff backoff(BackoffOptions{});
  Duration nominal = std::chrono::seconds(1);
  for (int i = 0; i < 10; ++i) {
    const Duration delay = backoff.Next(random);
    EXPECT_LE(delay, nominal);
    EXPECT_GE(delay.count(), nominal.count() * 7 / 10 - 1);
    nominal = std::min<Duration>(std::chrono::seconds(30), nominal * 2);
  }
  backoff.Reset();
  EXPECT_LE(backoff.Next(random), Duration(std::chrono::seconds(1)));
}

TEST(Secret, MatchesOnlyItself) {
  const Secret secret("abc");
  EXPECT_TRUE(secret.Matches("abc"));
  EXPECT_FALSE(secret.Matches("abd"));
  EXPECT_FALSE(secret.Matches("ab"));
  EXPECT_FALSE(secret.Matches("abcabc"));
  EXPECT_FALSE(secret.Matches(""));
  EXPECT_FALSE(Secret().Matches("a"));
  EXPECT_TRUE(Secret().Matches(""));
  std::ostringstream out;
  out << secret;
  EXPECT_EQ(out.str(), "***");
}

TEST(CheckedCastDeathTest, DiesOnlyWhenTheValueDoesNotFit) {
  EXPECT_EQ(base::CheckedCast<uint8_t>(255), 255);
  EXPECT_DEATH(base::CheckedCast<uint8_t>(256), "out of range");
  EXPECT_DEATH(base::CheckedCast<uint32_t>(-1), "out of range");
}

}  // namespace
}  // namespace ming
