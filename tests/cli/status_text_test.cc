#include "ming/cli/status_text.h"

#include <gtest/gtest.h>

#include <chrono>

namespace ming::cli {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(StatusText, Rates) {
  EXPECT_EQ(FormatRate(0), "0 B/s");
  EXPECT_EQ(FormatRate(999), "999 B/s");
  EXPECT_EQ(FormatRate(1000), "1.0 kB/s");
  EXPECT_EQ(FormatRate(41.2e6), "41.2 MB/s");
  EXPECT_EQ(FormatRate(412e6), "412 MB/s");
  EXPECT_EQ(FormatRate(1.5e9), "1.5 GB/s");
}

TEST(StatusText, Delays) {
  EXPECT_EQ(FormatDelay(microseconds(420)), "0.4 ms");
  EXPECT_EQ(FormatDelay(milliseconds(23)), "23 ms");
  EXPECT_EQ(FormatDelay(milliseconds(1500)), "1.5 s");
  EXPECT_EQ(FormatDelay(seconds(0)), "0.0 ms");
}

TEST(StatusText, Counts) {
  EXPECT_EQ(FormatCount(0, "client"), "0 clients");
  EXPECT_EQ(FormatCount(1, "client"), "1 client");
  EXPECT_EQ(FormatCount(2, "client"), "2 clients");
}

TEST(RateMeter, MeasuresBetweenLooks) {
  RateMeter meter;
  const Timestamp start;
  EXPECT_EQ(meter.Update(start, 500), 0);
  EXPECT_EQ(meter.Update(start + seconds(2), 2500), 1000);
  EXPECT_EQ(meter.Update(start + seconds(2), 9999), 0);
}

TEST(RateMeter, CounterThatFallsIsNoRate) {
  RateMeter meter;
  const Timestamp start;
  EXPECT_EQ(meter.Update(start, 500), 0);
  EXPECT_EQ(meter.Update(start + seconds(1), 100), 0);
}

}  // namespace
}  // namespace ming::cli
