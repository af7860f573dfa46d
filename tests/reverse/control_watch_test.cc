#include "ming/reverse/control_watch.h"

#include <gtest/gtest.h>

namespace ming::reverse {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Due = ControlWatch::Due;

constexpr Timestamp kStart{seconds(100)};

TEST(ControlWatch, PingsAfterAnIntervalWithoutSending) {
  ControlWatch watch(seconds(5), kStart);
  EXPECT_EQ(watch.HandleTimeout(kStart + milliseconds(4999)), Due::kNothing);
  EXPECT_EQ(watch.NextTimeout(), kStart + seconds(5));
  EXPECT_EQ(watch.HandleTimeout(kStart + seconds(5)), Due::kPing);
  watch.NoteSent(kStart + seconds(5));
  EXPECT_EQ(watch.HandleTimeout(kStart + seconds(6)), Due::kNothing);
  EXPECT_EQ(watch.NextTimeout(), kStart + seconds(10));
}

TEST(ControlWatch, IsLostAfterThreeSilentIntervals) {
  ControlWatch watch(seconds(5), kStart);
  watch.NoteSent(kStart + seconds(14));
  EXPECT_EQ(watch.HandleTimeout(kStart + milliseconds(14999)), Due::kNothing);
  EXPECT_EQ(watch.HandleTimeout(kStart + seconds(15)), Due::kLost);
  watch.NoteReceived(kStart + seconds(15));
  EXPECT_NE(watch.HandleTimeout(kStart + seconds(18)), Due::kLost);
}

TEST(ControlWatch, DoesNothingWithoutHeartbeat) {
  ControlWatch watch(Duration::zero(), kStart);
  EXPECT_EQ(watch.NextTimeout(), Timestamp::Max());
  EXPECT_EQ(watch.HandleTimeout(kStart + std::chrono::hours(1)), Due::kNothing);
}

TEST(ControlWatch, BoundsUnknownVerbsInAMinute) {
  ControlWatch watch(seconds(5), kStart);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(watch.NoteUnknownVerb(kStart)) << i;
  EXPECT_FALSE(watch.NoteUnknownVerb(kStart + seconds(59)));
  EXPECT_TRUE(watch.NoteUnknownVerb(kStart + seconds(60)));
}

}  // namespace
}  // namespace ming::reverse
