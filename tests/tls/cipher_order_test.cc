#include "ming/tls/cipher_order.h"

#include <gmock/gmock.h>
#include <gnutls/gnutls.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ming::tls {
namespace {

using ::testing::ElementsAre;

// The ciphers as GnuTLS understands the string.
std::vector<std::string> CiphersOf(const CpuFeatures& features) {
  gnutls_priority_t priorities = nullptr;
  const char* wrong = nullptr;
  EXPECT_EQ(gnutls_priority_init(&priorities, DtlsPriority(features).c_str(), &wrong), 0) << wrong;
  const unsigned int* list = nullptr;
  const int count = gnutls_priority_cipher_list(priorities, &list);
  std::vector<std::string> names;
  names.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    names.emplace_back(gnutls_cipher_get_name(static_cast<gnutls_cipher_algorithm_t>(list[i])));
  }
  gnutls_priority_deinit(priorities);
  return names;
}

TEST(CipherOrder, AesGoesFirstWhereItIsFast) {
  EXPECT_THAT(CiphersOf({true, true}),
              ElementsAre("AES-128-GCM", "AES-256-GCM", "CHACHA20-POLY1305"));
}

TEST(CipherOrder, ChaChaGoesFirstWhereAnInstructionIsMissing) {
  for (const CpuFeatures features :
       {CpuFeatures{false, false}, CpuFeatures{true, false}, CpuFeatures{false, true}}) {
    EXPECT_THAT(CiphersOf(features),
                ElementsAre("CHACHA20-POLY1305", "AES-128-GCM", "AES-256-GCM"));
  }
}

TEST(CipherOrder, AServerHasItsOwnWay) {
  EXPECT_NE(DtlsPriority({true, true}).find("%SERVER_PRECEDENCE"), std::string::npos);
  EXPECT_NE(DtlsPriority({}).find("%SERVER_PRECEDENCE"), std::string::npos);
}

}  // namespace
}  // namespace ming::tls
