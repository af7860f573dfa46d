#include "ming/net/system_random.h"

#include <gtest/gtest.h>

#include <set>

namespace ming::net {
namespace {

TEST(SystemRandomTest, DoesNotRepeatItself) {
  SystemRandom random;
  std::set<uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(random.Next64());
  EXPECT_EQ(seen.size(), 1000u);
}

}  // namespace
}  // namespace ming::net
