// ChannelLimits: what the data channels of one connection may hold.
#ifndef MING_WEBRTC_CHANNEL_LIMITS_H_
#define MING_WEBRTC_CHANNEL_LIMITS_H_

#include <chrono>
#include <cstddef>

#include "ming/base/time.h"

namespace ming::webrtc {

struct ChannelLimits {
  // Open at the same time, ours and the peer's together: 1 to 65535. An idle one costs about 1 KiB.
  // Toward a foreign peer the SCTP streams run out first (SctpOptions::outgoing_streams / 2 for
  // each side); between two ming more are added on demand.
  size_t max_channels = 16384;
  // Bytes of the label of a channel of the peer: all that DCEP allows, since nobody keeps labels.
  size_t max_label_bytes = 65535;
  // Bytes received for a channel that is paused or has no observer, and kept. Beyond this, and
  // beyond max_held_total for all channels together, an unreliable channel drops messages, and a
  // reliable one stops the reading of the whole association: SCTP has one window for all.
  size_t max_held_bytes = size_t{256} * 1024;
  size_t max_held_total = size_t{4} * 1024 * 1024;
  // How long a channel may stop the whole association while there are others; then it is closed
  // with kResourceExhausted so that they go on. Peers with credit never come here.
  Duration stall_timeout = std::chrono::seconds(30);
  // Bytes sent on a channel before it can be carried (the association is not up), and kept.
  size_t max_early_bytes = size_t{256} * 1024;
};

}  // namespace ming::webrtc

#endif  // MING_WEBRTC_CHANNEL_LIMITS_H_
