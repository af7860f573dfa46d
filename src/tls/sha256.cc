#include "ming/tls/sha256.h"

#include <glog/logging.h>
#include <gnutls/crypto.h>

#include "ming/base/bytes.h"

namespace ming::tls {

Sha256::Sha256() {
  gnutls_hash_hd_t hash = nullptr;
  CHECK_EQ(gnutls_hash_init(&hash, GNUTLS_DIG_SHA256), 0);
  hash_ = hash;
}

Sha256::~Sha256() { gnutls_hash_deinit(static_cast<gnutls_hash_hd_t>(hash_), nullptr); }

void Sha256::Update(ByteSpan bytes) {
  if (bytes.empty()) return;
  CHECK_EQ(gnutls_hash(static_cast<gnutls_hash_hd_t>(hash_), bytes.data(), bytes.size()), 0);
}

Sha256::Digest Sha256::Finish() {
  Digest digest;
  gnutls_hash_output(static_cast<gnutls_hash_hd_t>(hash_), digest.data());
  return digest;
}

Sha256::Digest Sha256::Of(ByteSpan bytes) {
  Digest digest;
  CHECK_EQ(gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes.data(), bytes.size(), digest.data()), 0);
  return digest;
}

std::string ToHex(const Sha256::Digest& digest) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * digest.size());
  for (const uint8_t byte : digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace ming::tls
