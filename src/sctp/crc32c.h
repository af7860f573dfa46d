// CRC32c (Castagnoli), the checksum of SCTP packets (RFC 9260, appendix A).
#ifndef MING_SCTP_CRC32C_H_
#define MING_SCTP_CRC32C_H_

#include <cstdint>

#include "ming/base/bytes.h"

namespace ming::sctp {

// The CRC of `bytes`: 0xE3069283 for "123456789". Uses the CPU's instruction where there is one.
uint32_t Crc32c(ByteSpan bytes);
// The same by table, for comparison.
uint32_t Crc32cPortable(ByteSpan bytes);

}  // namespace ming::sctp

#endif  // MING_SCTP_CRC32C_H_
