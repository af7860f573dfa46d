#include "ming/base/units.h"

#include <gtest/gtest.h>

namespace ming {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(ParseDuration, ReadsUnitsAndSums) {
  EXPECT_EQ(*ParseDuration("300ms"), milliseconds(300));
  EXPECT_EQ(*ParseDuration("1m30s"), seconds(90));
  EXPECT_EQ(*ParseDuration("0"), Duration(0));
}

TEST(ParseDuration, ReadsDecimals) {
  EXPECT_EQ(*ParseDuration("1.5s"), milliseconds(1500));
  EXPECT_EQ(*ParseDuration("0.25h"), seconds(900));
  EXPECT_EQ(*ParseDuration("1.5m0.5s"), milliseconds(90500));
  EXPECT_EQ(*ParseDuration("0.0000000019s"), Duration(1));
  EXPECT_EQ(*ParseDuration("1000000h"), std::chrono::hours(1000000));
  EXPECT_FALSE(ParseDuration("1000000.1h").ok());
}

TEST(ParseDuration, RefusesBareNumbersAndNonsense) {
  for (const char* bad : {"", "5", "s", "-1s", "1s1s", "1s1m", "1.s", ".5s", "1.5", "1..5s",
                          "1.-5s", "1 s", "1S", "99999999999h"}) {
    EXPECT_FALSE(ParseDuration(bad).ok()) << bad;
  }
}

TEST(FormatDuration, RoundTrips) {
  for (const char* text : {"0s", "1ns", "300ms", "1m30s", "1h", "1h1ms"}) {
    EXPECT_EQ(FormatDuration(*ParseDuration(text)), text);
  }
}

TEST(ParseSize, KnowsBinaryAndDecimalUnits) {
  EXPECT_EQ(*ParseSize("64KiB"), 65536U);
  EXPECT_EQ(*ParseSize("1M"), 1048576U);
  EXPECT_EQ(*ParseSize("1MB"), 1000000U);
  EXPECT_EQ(*ParseSize("1200B"), 1200U);
  EXPECT_EQ(*ParseSize("0"), 0U);
  for (const char* bad : {"", "5", "K", "-1K", "1kib", "18446744073709551615G"}) {
    EXPECT_FALSE(ParseSize(bad).ok()) << bad;
  }
}

TEST(FormatSize, IsExact) {
  EXPECT_EQ(FormatSize(65536), "64KiB");
  EXPECT_EQ(FormatSize(1000), "1000B");
  EXPECT_EQ(FormatSize(0), "0B");
}

}  // namespace
}  // namespace ming
