#include "ming/wire/impairment.h"

#include <gtest/gtest.h>

namespace ming::wire {
namespace {

using std::chrono::milliseconds;

TEST(ApplySettings, ReadsEverySetting) {
  Impairment impairment;
  ASSERT_TRUE(ApplySettings("delay=25ms jitter=5ms loss=2% burst-start=0.5% burst-length=6.5 "
                            "reorder=10% reorder-by=3ms duplicate=1% rate=5Mbit queue=30kB "
                            "drop-larger=1280B",
                            impairment)
                  .ok());
  EXPECT_EQ(impairment.delay, milliseconds(25));
  EXPECT_EQ(impairment.jitter, milliseconds(5));
  EXPECT_DOUBLE_EQ(impairment.loss, 0.02);
  EXPECT_DOUBLE_EQ(impairment.burst_start, 0.005);
  EXPECT_DOUBLE_EQ(impairment.burst_length, 6.5);
  EXPECT_DOUBLE_EQ(impairment.reorder, 0.1);
  EXPECT_EQ(impairment.reorder_by, milliseconds(3));
  EXPECT_DOUBLE_EQ(impairment.duplicate, 0.01);
  EXPECT_EQ(impairment.rate, 5'000'000U);
  EXPECT_EQ(impairment.queue, 30'000U);
  EXPECT_EQ(impairment.drop_larger, 1280U);
}

TEST(ApplySettings, LeavesWhatIsNotNamed) {
  Impairment impairment;
  ASSERT_TRUE(ApplySettings("delay=25ms rate=500kbit", impairment).ok());
  ASSERT_TRUE(ApplySettings("loss=100%  rate=none", impairment).ok());
  EXPECT_EQ(impairment.delay, milliseconds(25));
  EXPECT_DOUBLE_EQ(impairment.loss, 1);
  EXPECT_FALSE(impairment.rate.has_value());
}

TEST(ApplySettings, ChangesNothingAfterAFailure) {
  for (const char* words :
       {"delay=1s loss", "delay=1s loss=2", "delay=1s loss=101%", "delay=1s loss=-1%",
        "delay=1s loss=x%", "delay=1s delay=5", "delay=1s rate=5", "delay=1s rate=0Mbit",
        "delay=1s rate=1e9Gbit", "delay=1s queue=30", "delay=1s burst-length=0.5",
        "delay=1s drop-larger=x", "delay=1s los=2%", "delay=1s =2%"}) {
    Impairment impairment;
    EXPECT_FALSE(ApplySettings(words, impairment).ok()) << words;
    EXPECT_EQ(impairment.delay, Duration(0)) << words;
  }
}

TEST(ApplySettings, NamesWhatIsWrong) {
  Impairment impairment;
  EXPECT_EQ(ApplySettings("loss=2", impairment).message(),
            "loss: '2' is no share (want 0% to 100%)");
}

}  // namespace
}  // namespace ming::wire
