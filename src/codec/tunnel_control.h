// The control messages of a tunnel channel between two ming peers: ASCII text messages inside the
// data channel, beside its binary data. "open", "refuse <reason>", "end", "reset <reason>",
// "credit <bytes>".
#ifndef MING_CODEC_TUNNEL_CONTROL_H_
#define MING_CODEC_TUNNEL_CONTROL_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>

#include "ming/base/bytes.h"
#include "ming/base/status.h"

namespace ming::codec {

inline constexpr size_t kMaxTunnelReasonBytes = 200;
inline constexpr uint32_t kMaxTunnelCredit = 1 << 30;

// Host to client: the target is connected.
struct TunnelOpened {
  friend bool operator==(const TunnelOpened& /*a*/, const TunnelOpened& /*b*/) { return true; }
};

// Host to client: there is no connection to the target. The channel is closed next.
struct TunnelRefused {
  std::string reason;
  friend bool operator==(const TunnelRefused& a, const TunnelRefused& b) {
    return a.reason == b.reason;
  }
};

// No more data from the sender; the other direction goes on.
struct TunnelEnd {
  friend bool operator==(const TunnelEnd& /*a*/, const TunnelEnd& /*b*/) { return true; }
};

// The sender's connection was reset: data under way is void.
struct TunnelReset {
  std::string reason;
  friend bool operator==(const TunnelReset& a, const TunnelReset& b) {
    return a.reason == b.reason;
  }
};

// The receiver of this may send that many bytes of data more.
struct TunnelCredit {
  uint32_t bytes = 0;  // 1 to kMaxTunnelCredit
  friend bool operator==(const TunnelCredit& a, const TunnelCredit& b) {
    return a.bytes == b.bytes;
  }
};

using TunnelControl =
    std::variant<TunnelOpened, TunnelRefused, TunnelEnd, TunnelReset, TunnelCredit>;

// Parses one text message. A reason is 1 to kMaxTunnelReasonBytes of printable ASCII; a credit is
// decimal without leading zeros. kUnsupported: an unknown word, which a later version may send;
// kMalformed: everything else that is not exactly one of the five forms.
Result<TunnelControl> ParseTunnelControl(ByteSpan message);

// In a reason, bytes that are not printable ASCII become '?', what is too long is cut, and an empty
// one becomes "unknown". CHECKs the range of a credit.
ByteBuffer SerializeTunnelControl(const TunnelControl& control);

}  // namespace ming::codec

#endif  // MING_CODEC_TUNNEL_CONTROL_H_
