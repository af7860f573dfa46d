// CRC32c (Castagnoli), the checksum of SCTP packets (RFC 9260, appendix A).
#ifndef MING_SCTP_CRC32C_H_
#define MING_SCTP_CRC32C_H_

#include <cstdint>

#include "ming/base/bytes.h"

namespace ming::sctp {

// The CRC of `bytes`: 0xE3069283 for "123456789". With the CRC of what came before as `previous`
// it goes on. Uses the CPU's instruction where there is one.
uint32_t Crc32c(ByteSpan bytes, uint32_t previous = 0);
// The same by table, for CPUs without it.
uint32_t Crc32cPortable(ByteSpan bytes, uint32_t previous = 0);

// The checksum of a packet of at least 12 bytes (RFC 9260, section 6.8): the CRC with the checksum
// field read as zero. It stands at offset 8, least significant byte first.
uint32_t PacketChecksum(ByteSpan packet);
uint32_t ReadPacketChecksum(ByteSpan packet);

}  // namespace ming::sctp

#endif  // MING_SCTP_CRC32C_H_
