#include "ming/cli/flag_value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test_flags.h"

namespace ming::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string Problem(const std::string& name, const std::string& text) {
  const FlagSet flags = TestHostFlags();
  return CheckValue(*flags.Find(name), text).message();
}

TEST(CheckValue, AcceptsEachType) {
  EXPECT_EQ(Problem("id", "12345678"), "");
  EXPECT_EQ(Problem("remote", "[::1]:80"), "");
  EXPECT_EQ(Problem("remote", ":8080"), "");
  EXPECT_EQ(Problem("protocol", "udp"), "");
  EXPECT_EQ(Problem("stun-server", ""), "");
  EXPECT_EQ(Problem("relay-only", "Yes"), "");
  EXPECT_EQ(Problem("idle-timeout", "1m30s"), "");
  EXPECT_EQ(Problem("buffer-size", "64KiB"), "");
  EXPECT_EQ(Problem("port-range", "20000-20100"), "");
  EXPECT_EQ(Problem("port-range", ""), "");
}

TEST(CheckValue, BoundsOfIntegers) {
  EXPECT_EQ(Problem("max-connections", "1"), "");
  EXPECT_EQ(Problem("max-connections", "100"), "");
  EXPECT_THAT(Problem("max-connections", "0"), HasSubstr("out of range (1 to 100)"));
  EXPECT_THAT(Problem("max-connections", "101"), HasSubstr("out of range (1 to 100)"));
  EXPECT_THAT(Problem("max-connections", "-1"), HasSubstr("not a whole number"));
  EXPECT_THAT(Problem("max-connections", "1x"), HasSubstr("not a whole number"));
  EXPECT_THAT(Problem("max-connections", "99999999999999999999"), HasSubstr("not a whole number"));
}

TEST(CheckValue, TextLength) {
  EXPECT_THAT(Problem("id", "123456789"), HasSubstr("9 bytes long; at most 8"));
  EXPECT_EQ(Problem("id", ""), "must not be empty");
  EXPECT_THAT(Problem("id", "a\nb"), HasSubstr("control characters"));
  EXPECT_THAT(Problem("id", "\xff"), HasSubstr("UTF-8"));
}

TEST(CheckValue, RefusesABareNumberWhereAUnitIsNeeded) {
  EXPECT_NE(Problem("idle-timeout", "10"), "");
  EXPECT_NE(Problem("buffer-size", "10"), "");
}

TEST(CheckValue, WordsBesideDurationsAndSizes) {
  EXPECT_EQ(Problem("spin", "off"), "");
  EXPECT_EQ(Problem("spin", "50us"), "");
  EXPECT_EQ(Problem("path-limit", "auto"), "");
  EXPECT_EQ(Problem("path-limit", "1200B"), "");
  EXPECT_THAT(Problem("spin", "maybe"), HasSubstr("; or: off, auto"));
  EXPECT_THAT(Problem("path-limit", "off"), HasSubstr("; or: auto"));
  EXPECT_THAT(Problem("spin", "1ns"), HasSubstr("out of range"));
  EXPECT_NE(Problem("idle-timeout", "auto"), "");
}

TEST(CheckValue, SaysWhatIsWrong) {
  EXPECT_EQ(Problem("protocol", "sctp"), "\"sctp\" is not tcp or udp");
  EXPECT_THAT(Problem("remote", "localhost"), HasSubstr("localhost"));
  EXPECT_EQ(Problem("relay-only", "maybe"), "\"maybe\" is not true or false");
  EXPECT_THAT(Problem("port-range", "20100-20000"), HasSubstr("is not a port range"));
  EXPECT_THAT(Problem("port-range", "0-5"), HasSubstr("is not a port range"));
  EXPECT_THAT(Problem("port-range", "80"), HasSubstr("is not a port range"));
}

TEST(CheckValue, DoesNotShowSecrets) {
  EXPECT_THAT(Problem("token", "secret\n"), Not(HasSubstr("secret")));
}

TEST(ParseBool, EveryForm) {
  for (const char* text : {"true", "TRUE", "yes", "on", "1", "t", "y"}) {
    EXPECT_EQ(ParseBool(text), true) << text;
  }
  for (const char* text : {"false", "No", "off", "0", "f", "n"}) {
    EXPECT_EQ(ParseBool(text), false) << text;
  }
  EXPECT_EQ(ParseBool(""), std::nullopt);
  EXPECT_EQ(ParseBool("2"), std::nullopt);
}

TEST(SplitList, DropsSpacesAndEmptyItems) {
  EXPECT_THAT(SplitList("a, b ,,c"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(SplitList(""), IsEmpty());
  EXPECT_THAT(SplitList(" , "), IsEmpty());
}

TEST(ParsePortRange, OnePortIsARange) {
  const Result<std::optional<PortRange>> range = ParsePortRange("7-7");
  ASSERT_TRUE(range.ok() && range->has_value());
  EXPECT_EQ((*range)->low, Port(7));
  EXPECT_EQ((*range)->high, Port(7));
}

}  // namespace
}  // namespace ming::cli
