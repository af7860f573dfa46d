// SCTP packets (RFC 9260, section 3) as the cases look at and write them. Checksums are set
// elsewhere.
#ifndef MING_CONFORMANCE_SCTP_PACKET_H_
#define MING_CONFORMANCE_SCTP_PACKET_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "ming/base/bytes.h"

namespace ming::conformance {

enum class ChunkType : uint8_t {
  kData = 0,
  kInit = 1,
  kInitAck = 2,
  kSack = 3,
  kHeartbeat = 4,
  kHeartbeatAck = 5,
  kAbort = 6,
  kShutdown = 7,
  kError = 9,
  kIData = 64,
  kReconfig = 130,
  kForwardTsn = 192,
};

struct SctpChunk {
  uint8_t type = 0;
  uint8_t flags = 0;
  ByteSpan value;  // without padding

  bool is(ChunkType want) const { return type == static_cast<uint8_t>(want); }
};

// Views into the packet it was read from.
struct SctpPacketView {
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  uint32_t verification_tag = 0;
  std::vector<SctpChunk> chunks;

  // The first of that type; null: none.
  const SctpChunk* Find(ChunkType type) const;
};

// Nothing: too short, or a chunk overruns the packet.
std::optional<SctpPacketView> ParseSctpPacket(ByteSpan packet);

// What an INIT or INIT ACK says.
struct SctpInit {
  uint32_t initiate_tag = 0;
  uint16_t outbound_streams = 0;
  uint16_t inbound_streams = 0;
  std::vector<uint8_t> extensions;  // chunk types of the Supported Extensions parameter (RFC 5061)
  bool forward_tsn = false;         // the parameter of RFC 3758

  bool supports(ChunkType type) const;
};
std::optional<SctpInit> ParseSctpInit(const SctpChunk& chunk);

// Header with a checksum of zero.
ByteBuffer StartSctpPacket(uint16_t source_port, uint16_t destination_port,
                           uint32_t verification_tag);
void AppendChunk(ByteBuffer& packet, uint8_t type, uint8_t flags, ByteSpan value);

}  // namespace ming::conformance

#endif  // MING_CONFORMANCE_SCTP_PACKET_H_
