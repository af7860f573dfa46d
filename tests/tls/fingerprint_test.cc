#include "ming/tls/fingerprint.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>

namespace ming::tls {
namespace {

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

TEST(FingerprintTest, RoundTripsInBothCases) {
  const Fingerprint print(Sha256::Of(ByteSpan("abc")));
  EXPECT_EQ(print.ToString(),
            "sha-256 BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:"
            "FF:61:F2:00:15:AD");
  for (const std::string& text : {print.ToString(), Lower(print.ToString())}) {
    const auto parsed = Fingerprint::Parse(text);
    ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
    EXPECT_TRUE(*parsed == print);
  }
  EXPECT_TRUE(*Fingerprint::ParseDigits(Lower(print.Digits())) == print);
  EXPECT_TRUE(*Fingerprint::Parse("SHA-256 " + print.Digits()) == print);
}

TEST(FingerprintTest, TellsOtherHashesFromNonsense) {
  const std::string digits = Fingerprint(Sha256::Of(ByteSpan("x"))).Digits();
  EXPECT_EQ(Fingerprint::Parse("sha-512 " + digits).status().code(), StatusCode::kUnsupported);
  for (const std::string& text :
       {std::string(), std::string("sha-256"), std::string("sha-256 "), "sha-256 " + digits + ":00",
        "sha-256 " + digits.substr(3), "sha-256  " + digits, "sha-256 " + digits + " "}) {
    EXPECT_EQ(Fingerprint::Parse(text).status().code(), StatusCode::kMalformed) << text;
  }
}

TEST(FingerprintTest, TakesTheBytesOfSha256Only) {
  const Fingerprint print(Sha256::Of(ByteSpan("x")));
  const ByteSpan digest(print.digest().data(), print.digest().size());
  const auto made = Fingerprint::FromBytes("sha-256", digest);
  ASSERT_TRUE(made.ok()) << made.status().ToString();
  EXPECT_TRUE(*made == print);
  EXPECT_EQ(Fingerprint::FromBytes("sha-1", digest).status().code(), StatusCode::kUnsupported);
  EXPECT_EQ(Fingerprint::FromBytes("sha-256", digest.Skip(1)).status().code(),
            StatusCode::kMalformed);
}

TEST(FingerprintTest, EveryWrongCharacterIsMalformed) {
  const std::string digits = Fingerprint(Sha256::Of(ByteSpan("x"))).Digits();
  for (size_t i = 0; i < digits.size(); ++i) {
    std::string wrong = digits;
    wrong[i] = wrong[i] == ':' ? '0' : 'G';
    EXPECT_FALSE(Fingerprint::ParseDigits(wrong).ok()) << i;
    EXPECT_FALSE(Fingerprint::ParseDigits(digits.substr(0, i)).ok()) << i;
  }
}

}  // namespace
}  // namespace ming::tls
