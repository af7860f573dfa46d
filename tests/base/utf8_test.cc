#include "ming/base/utf8.h"

#include <gtest/gtest.h>

namespace ming {
namespace {

TEST(Utf8, AcceptsWellFormedText) {
  EXPECT_TRUE(IsValidUtf8(""));
  EXPECT_TRUE(IsValidUtf8("a\u00e9\u20ac\U0001F600"));
}

TEST(Utf8, RefusesWhatRfc3629Excludes) {
  for (const char* bad :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xE2\x82", "\xFF"}) {
    EXPECT_FALSE(IsValidUtf8(bad));
  }
}

TEST(PrintableText, EscapesAndCuts) {
  EXPECT_EQ(PrintableText("a\nb\x7F\xFF", 10), "a\\x0ab\\x7f\\xff");
  EXPECT_EQ(PrintableText("abcdef", 3), "abc...");
  EXPECT_EQ(PrintableText("abc", 3), "abc");
}

}  // namespace
}  // namespace ming
