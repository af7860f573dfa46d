#include "ming/codec/text_fields.h"

#include <gtest/gtest.h>

namespace ming::codec {
namespace {

TEST(TextFields, WordsStandBetweenSpaces) {
  std::string_view rest = "  a  bc ";
  EXPECT_EQ(TakeWord(rest), "a");
  EXPECT_EQ(TakeWord(rest), "bc");
  EXPECT_EQ(TakeWord(rest), "");
  EXPECT_EQ(TakeWord(rest), "");
}

TEST(TextFields, TakeUntilTakesTheSeparatorAway) {
  std::string_view rest = "a::b";
  EXPECT_EQ(TakeUntil(rest, ':'), "a");
  EXPECT_EQ(TakeUntil(rest, ':'), "");
  EXPECT_EQ(TakeUntil(rest, ':'), "b");
  EXPECT_EQ(TakeUntil(rest, ':'), "");
}

TEST(TextFields, DecimalIsDigitsWithinItsLimit) {
  EXPECT_EQ(ParseDecimal("0", 0), 0U);
  EXPECT_EQ(ParseDecimal("007", 7), 7U);
  EXPECT_EQ(ParseDecimal("18446744073709551615", UINT64_MAX), UINT64_MAX);
  for (const char* bad : {"", "-1", "+1", " 1", "1 ", "0x1", "1.0", "8", "18446744073709551616",
                          "000000000000000000001"}) {
    EXPECT_FALSE(ParseDecimal(bad, 7)) << bad;
  }
}

TEST(TextFields, ClassesOfText) {
  EXPECT_TRUE(IsPrintableAscii(" ~"));
  EXPECT_FALSE(IsPrintableAscii("a\tb"));
  EXPECT_FALSE(IsPrintableAscii("\x7F"));
  EXPECT_FALSE(IsPrintableAscii("\xC3\xA4"));
  EXPECT_TRUE(IsWord("a=b"));
  EXPECT_FALSE(IsWord(""));
  EXPECT_FALSE(IsWord("a b"));
  EXPECT_TRUE(IsSdpToken("x-ming_1.0{}"));
  EXPECT_FALSE(IsSdpToken("a:b"));
  EXPECT_FALSE(IsSdpToken("a/b"));
  EXPECT_TRUE(IsIceText("aZ09+/", 6, 6));
  EXPECT_FALSE(IsIceText("aZ09+/", 7, 8));
  EXPECT_FALSE(IsIceText("aZ09+/", 1, 5));
  EXPECT_FALSE(IsIceText("a-b", 1, 8));
}

TEST(TextFields, CaseOfAsciiOnly) {
  EXPECT_TRUE(EqualsIgnoreCase("UDP", "udp"));
  EXPECT_FALSE(EqualsIgnoreCase("udp", "udpx"));
  EXPECT_FALSE(EqualsIgnoreCase("[", "{"));
  EXPECT_EQ(LowerCase("SHA-256\xC3\x84"), "sha-256\xC3\x84");
}

}  // namespace
}  // namespace ming::codec
