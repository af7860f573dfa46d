// ConnectionState and the core that decides it: ICE and DTLS progress and the age of the last
// authenticated packet in, a W3C RTCPeerConnectionState out. Pure.
#ifndef MING_WEBRTC_CONNECTION_STATE_H_
#define MING_WEBRTC_CONNECTION_STATE_H_

#include <chrono>
#include <string_view>

#include "ming/base/time.h"

namespace ming::webrtc {

enum class ConnectionState { kNew, kConnecting, kConnected, kDisconnected, kFailed, kClosed };

// "new", "connecting", "connected", "disconnected", "failed", "closed".
std::string_view ConnectionStateName(ConnectionState state);

struct LivenessOptions {
  // No authenticated packet of the peer for this long: disconnected. SCTP heartbeats are about 1 s
  // apart, so two may be lost.
  Duration disconnected_after = std::chrono::seconds(3);
  // Disconnected, or not connected at first, for this long: failed.
  Duration failed_after = std::chrono::seconds(15);
};

}  // namespace ming::webrtc

#endif  // MING_WEBRTC_CONNECTION_STATE_H_
