#include "ming/tls/certificate.h"

#include <gtest/gtest.h>

namespace ming::tls {
namespace {

// A throw-away key and certificate: openssl ecparam -genkey -name prime256v1; openssl req -x509
// -subj /CN=golden -days 36500.
constexpr std::string_view kKeyPem = R"(-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgvEnHmiPUZ6JE/Zdi
73/+sMjI/vfwWhlexo7YSDWZ5YehRANCAASjxmmz/NmWovnn4SK73F7Xk9P6xD2P
yDJyAoF3pIzaal5D3orAx7Wtm2NStt6eXx3h0COmaEQ9Tg3CxvyezY6R
-----END PRIVATE KEY-----
)";
constexpr std::string_view kCertificatePem = R"(-----BEGIN CERTIFICATE-----
MIIBeDCCAR+gAwIBAgIULZ3iNokZjycZJD1I+6rZBbhwsZ0wCgYIKoZIzj0EAwIw
ETEPMA0GA1UEAwwGZ29sZGVuMCAXDTI2MTEyMDA1MDc1MFoYDzIxMjYxMDI3MDUw
NzUwWjARMQ8wDQYDVQQDDAZnb2xkZW4wWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC
AASjxmmz/NmWovnn4SK73F7Xk9P6xD2PyDJyAoF3pIzaal5D3orAx7Wtm2NStt6e
Xx3h0COmaEQ9Tg3CxvyezY6Ro1MwUTAdBgNVHQ4EFgQUUbEwACPrbyQwPTqjGYlt
dr+S6tswHwYDVR0jBBgwFoAUUbEwACPrbyQwPTqjGYltdr+S6tswDwYDVR0TAQH/
BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiAQvwgr+NumMEPKCHxEzjNYoR4rjHXQ
mB7kMuuE9kDlcwIgNPcovLaHdwmHNgNp+2A+iAEieqcaNMxaGeYyDZRFvhg=
-----END CERTIFICATE-----
)";
constexpr std::string_view kFingerprint =
    "FD:3C:80:5D:1F:20:E6:E0:3D:4E:A6:AE:42:6B:E2:30:C4:46:E8:1C:71:9E:7B:7D:0B:B4:56:7D:70:FE:01:"
    "58";

TEST(CertificateTest, SelfSignedOnesAreAllDifferent) {
  const auto one = Certificate::SelfSigned("ming");
  const auto two = Certificate::SelfSigned("ming");
  ASSERT_TRUE(one.ok()) << one.status().ToString();
  ASSERT_TRUE(two.ok());
  EXPECT_TRUE((*one)->fingerprint() != (*two)->fingerprint());
  EXPECT_EQ((*one)->pem().rfind("-----BEGIN CERTIFICATE-----", 0), 0u);
}

TEST(CertificateTest, ReadsPem) {
  const auto read = Certificate::FromPem(ByteSpan(kCertificatePem), Secret(std::string(kKeyPem)));
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ((*read)->fingerprint().Digits(), kFingerprint);
}

TEST(CertificateTest, RefusesWhatDoesNotFit) {
  const auto other = Certificate::SelfSigned("other");
  ASSERT_TRUE(other.ok());
  const Secret key{std::string(kKeyPem)};
  EXPECT_FALSE(Certificate::FromPem(ByteSpan((*other)->pem()), key).ok()) << "another key";
  EXPECT_FALSE(Certificate::FromPem(ByteSpan("nonsense"), key).ok());
  EXPECT_FALSE(Certificate::FromPem(ByteSpan(), key).ok());
  EXPECT_FALSE(Certificate::FromPem(ByteSpan(kCertificatePem), Secret()).ok());
}

TEST(CertificateTest, NamesTheFileThatIsMissing) {
  const auto read = Certificate::FromFiles("/nonexistent/chain.pem", "/nonexistent/key.pem");
  ASSERT_FALSE(read.ok());
  EXPECT_NE(read.status().message().find("/nonexistent/chain.pem"), std::string::npos);
}

}  // namespace
}  // namespace ming::tls
