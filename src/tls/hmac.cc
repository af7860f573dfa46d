#include "ming/tls/hmac.h"

#include <glog/logging.h>
#include <gnutls/crypto.h>

namespace ming::tls {

HmacSha1Hash HmacSha1(ByteSpan key, ByteSpan message) {
  HmacSha1Hash hash{};
  CHECK_EQ(gnutls_hmac_fast(GNUTLS_MAC_SHA1, key.data(), key.size(), message.data(), message.size(),
                            hash.data()),
           0);
  return hash;
}

Sha256::Digest HmacSha256(ByteSpan key, ByteSpan message) {
  Sha256::Digest digest{};
  CHECK_EQ(gnutls_hmac_fast(GNUTLS_MAC_SHA256, key.data(), key.size(), message.data(),
                            message.size(), digest.data()),
           0);
  return digest;
}

}  // namespace ming::tls
