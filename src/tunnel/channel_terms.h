// ChannelTerms: how two peers agreed to use the channels between them (ming-protocol, section 5).
#ifndef MING_TUNNEL_CHANNEL_TERMS_H_
#define MING_TUNNEL_CHANNEL_TERMS_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "ming/base/status.h"
#include "ming/codec/ming_features.h"

namespace ming::tunnel {

// Fills 14 packets of 1200 bytes, or one of 16 KiB, to the end: two bytes more would cost one more
// packet. Every peer takes it: a Go peer fails the whole connection on a message over 32 KiB.
inline constexpr size_t kDefaultMaxMessageBytes = 15792;
// Our own announcement of `credit=` and the buffer of one channel and direction.
inline constexpr uint32_t kDefaultReceiveWindowBytes = 1 << 20;

// Per-channel flow control, in use when both peers announced `credit=<bytes>`.
struct CreditTerms {
  // What the peer announced: the bytes we may send on a fresh channel.
  uint32_t send = 0;
  // What we announced: the bytes the peer may send on a fresh channel, and the most we ever hold
  // for it. At least 1.
  uint32_t receive = kDefaultReceiveWindowBytes;
};

// The default is a peer that announced nothing: every such peer gets exactly section 3.
struct ChannelTerms {
  // The channel's directions end one by one, and `open`, `refuse`, `end`, `reset` are spoken.
  bool half_close = false;
  std::optional<CreditTerms> credit;
  // The longest binary message we send, bytes, 1 to 1 MiB; the channel's own limit holds as well.
  size_t max_message_bytes = kDefaultMaxMessageBytes;

  // Whether text messages are control messages; else they are data like any other.
  bool speaks_control() const { return half_close || credit.has_value(); }
};

// The terms of a path on which `agreement` is in use. No message is longer than
// `max_message_bytes`, whatever the peer takes.
ChannelTerms TermsFrom(const codec::MingAgreement& agreement, size_t max_message_bytes);

// All problems of `terms` in one kInvalidArgument.
Status Validate(const ChannelTerms& terms);

}  // namespace ming::tunnel

#endif  // MING_TUNNEL_CHANNEL_TERMS_H_
