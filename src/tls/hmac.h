// HMAC-SHA1 (RFC 2104), as STUN's MESSAGE-INTEGRITY wants it (RFC 8489, section 14.5).
#ifndef MING_TLS_HMAC_H_
#define MING_TLS_HMAC_H_

#include <array>
#include <cstdint>

#include "ming/base/bytes.h"

namespace ming::tls {

using HmacSha1Hash = std::array<uint8_t, 20>;

HmacSha1Hash HmacSha1(ByteSpan key, ByteSpan message);

}  // namespace ming::tls

#endif  // MING_TLS_HMAC_H_
