#include "ming/net/processor_count.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <thread>

namespace ming::net {
namespace {

TEST(ProcessorCount, QuotaOfAControlGroup) {
  EXPECT_EQ(ParseCpuQuota("max 100000\n"), std::nullopt);
  EXPECT_EQ(ParseCpuQuota("200000 100000\n"), 2u);
  EXPECT_EQ(ParseCpuQuota("150000 100000\n"), 1u);
  EXPECT_EQ(ParseCpuQuota("50000 100000\n"), 0u);
  for (const char* bad : {"", "x", "100000", "100000 ", "100000 0", "100000 x", "-1 100000"}) {
    EXPECT_EQ(ParseCpuQuota(bad), std::nullopt) << bad;
  }
}

TEST(ProcessorCount, PathOfTheControlGroup) {
  EXPECT_EQ(ParseControlGroup("0::/\n"), "/");
  EXPECT_EQ(ParseControlGroup("4:cpu,cpuacct:/x\n0::/user.slice/a b\n"), "/user.slice/a b");
  EXPECT_EQ(ParseControlGroup("4:cpu:/x\n"), std::nullopt);
  EXPECT_EQ(ParseControlGroup(""), std::nullopt);
}

TEST(ProcessorCount, FollowsTheAffinityOfTheProcess) {
  EXPECT_GE(UsableProcessors(), 1u);
  // Of a thread of its own, so that the others keep theirs.
  std::thread([] {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<size_t>(sched_getcpu()), &set);
    ASSERT_EQ(sched_setaffinity(0, sizeof(set), &set), 0);
    EXPECT_EQ(UsableProcessors(), 1u);
  }).join();
}

}  // namespace
}  // namespace ming::net
