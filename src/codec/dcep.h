// The Data Channel Establishment Protocol (RFC 8832) and the payload protocol identifiers of data
// channels (RFC 8831, section 8).
#ifndef MING_CODEC_DCEP_H_
#define MING_CODEC_DCEP_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "ming/base/bytes.h"
#include "ming/base/status.h"

namespace ming::codec {

// SCTP payload protocol identifiers, host byte order.
enum class Ppid : uint32_t {
  kDcep = 50,
  kString = 51,
  kBinaryPartial = 52,  // deprecated: never sent, dropped when received
  kBinary = 53,
  kStringPartial = 54,  // deprecated likewise
  kStringEmpty = 56,    // carries one byte, which means nothing
  kBinaryEmpty = 57,    // the same
};

enum class DcepOrdering { kOrdered, kUnordered };

// At most one of the two limits is set; none: reliable.
struct DcepReliability {
  DcepOrdering ordering = DcepOrdering::kOrdered;
  std::optional<uint32_t> max_retransmits;
  std::optional<uint32_t> max_lifetime_ms;

  friend bool operator==(const DcepReliability& a, const DcepReliability& b) {
    return a.ordering == b.ordering && a.max_retransmits == b.max_retransmits &&
           a.max_lifetime_ms == b.max_lifetime_ms;
  }
};

// Priorities as in RFC 8831, section 6.4. Pion and Chromium send "normal" as 256, aiortc sends 0.
inline constexpr uint16_t kDcepPriorityNormal = 256;

struct DataChannelOpen {
  DcepReliability reliability;
  uint16_t priority = kDcepPriorityNormal;
  std::string label;     // UTF-8, at most 65535 bytes
  std::string protocol;  // UTF-8, at most 65535 bytes

  friend bool operator==(const DataChannelOpen& a, const DataChannelOpen& b) {
    return a.reliability == b.reliability && a.priority == b.priority && a.label == b.label &&
           a.protocol == b.protocol;
  }
};

struct DataChannelAck {
  friend bool operator==(const DataChannelAck& /*a*/, const DataChannelAck& /*b*/) { return true; }
};

using DcepMessage = std::variant<DataChannelOpen, DataChannelAck>;

// Parses one SCTP user message with PPID 50 (RFC 8832, section 5).
// OPEN is 12 to 131082 bytes; trailing bytes are kMalformed, as is any length that disagrees with
// `wire`, and text that is not UTF-8. The reliability parameter of a reliable channel is ignored.
// ACK is 1 byte, or 4 as Pion sends it. An unknown message or channel type is kUnsupported.
Result<DcepMessage> ParseDcepMessage(ByteSpan wire);

// CHECKs that label and protocol are at most 65535 bytes and at most one limit is set.
ByteBuffer SerializeDataChannelOpen(const DataChannelOpen& open);
ByteBuffer SerializeDataChannelAck();

}  // namespace ming::codec

#endif  // MING_CODEC_DCEP_H_
