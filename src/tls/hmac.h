// HMAC (RFC 2104).
#ifndef MING_TLS_HMAC_H_
#define MING_TLS_HMAC_H_

#include <array>
#include <cstdint>

#include "ming/base/bytes.h"
#include "ming/tls/sha256.h"

namespace ming::tls {

using HmacSha1Hash = std::array<uint8_t, 20>;

// As STUN's MESSAGE-INTEGRITY wants it (RFC 8489, section 14.5).
HmacSha1Hash HmacSha1(ByteSpan key, ByteSpan message);
Sha256::Digest HmacSha256(ByteSpan key, ByteSpan message);

}  // namespace ming::tls

#endif  // MING_TLS_HMAC_H_
