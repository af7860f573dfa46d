#include "ming/tls/hmac.h"

#include <gtest/gtest.h>

#include <string_view>

namespace ming::tls {
namespace {

// RFC 2202, section 3, test case 2.
TEST(HmacTest, GivesTheHashOfTheStandard) {
  const HmacSha1Hash hash = HmacSha1(ByteSpan(std::string_view("Jefe")),
                                     ByteSpan(std::string_view("what do ya want for nothing?")));
  EXPECT_EQ(HexDump(ByteSpan(hash.data(), hash.size())),
            "ef fc df 6a e5 eb 2f a2 d2 74 16 d5 f1 84 df 9c 25 9a 7c 79");
}

// RFC 4231, section 4.3.
TEST(HmacTest, GivesTheSha256HashOfTheStandard) {
  EXPECT_EQ(ToHex(HmacSha256(ByteSpan(std::string_view("Jefe")),
                             ByteSpan(std::string_view("what do ya want for nothing?")))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(HmacTest, TheKeyCounts) {
  const ByteSpan message(std::string_view("m"));
  EXPECT_NE(HmacSha1(ByteSpan(std::string_view("a")), message),
            HmacSha1(ByteSpan(std::string_view("b")), message));
}

}  // namespace
}  // namespace ming::tls
