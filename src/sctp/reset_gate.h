// ResetGate: holds a peer's request for a stream reset back until everything it sent before has
// arrived. The engine answers a request that comes too early with "in progress" (RFC 6525, section
// 5.2.2), and then looks at it again only when another DATA chunk comes, and before it counts that
// chunk: where a gap closes last, the reset, and with it every later one, waits for ever.
#ifndef MING_SCTP_RESET_GATE_H_
#define MING_SCTP_RESET_GATE_H_

#include <cstdint>
#include <optional>

#include "ming/base/bytes.h"

namespace ming::sctp {

class ResetGate {
 public:
  // An inbound packet with a valid checksum. Nothing: it may pass as it is. Else what may pass of
  // it; the rest is held. A request that is held replaces an earlier one, which it repeats: a peer
  // has one under way at a time.
  std::optional<ByteBuffer> HoldBack(ByteSpan packet);
  // An outbound packet: an acknowledgment tells how far the engine has got.
  void NoteOutbound(ByteSpan packet);
  // A held packet that is due now.
  bool HasDue() const;
  ByteBuffer TakeDue();

 private:
  struct Held {
    ByteBuffer packet;
    uint32_t last_tsn = 0;  // of the sender when it asked
  };

  std::optional<uint32_t> cumulative_tsn_;
  std::optional<Held> held_;
};

}  // namespace ming::sctp

#endif  // MING_SCTP_RESET_GATE_H_
