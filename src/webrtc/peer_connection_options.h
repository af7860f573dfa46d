// What a PeerConnection can be told.
#ifndef MING_WEBRTC_PEER_CONNECTION_OPTIONS_H_
#define MING_WEBRTC_PEER_CONNECTION_OPTIONS_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "ming/base/status.h"
#include "ming/codec/ming_features.h"
#include "ming/ice/ice_options.h"
#include "ming/sctp/sctp_options.h"
#include "ming/tls/tls_trust.h"
#include "ming/webrtc/channel_limits.h"
#include "ming/webrtc/connection_state.h"

namespace ming::webrtc {

struct PeerConnectionOptions {
  ice::IceOptions ice;
  // Announced as a=x-ming; none: nothing is announced, and the peer is treated as a foreign one.
  std::optional<codec::MingFeatures> features;
  // Largest message we take, announced as a=max-message-size. Bytes, 1 KiB to 16 MiB. The default
  // is what browsers announce.
  size_t max_message_size = size_t{256} * 1024;
  ChannelLimits channels;
  LivenessOptions liveness;
  // Ports and sizes of messages are set by the negotiation; a silent peer ends a connection by
  // `liveness` only.
  sctp::SctpOptions sctp;
  // How the servers of turns: URLs are judged; null: by the system's authorities, which are then
  // loaded for each connection and each ICE restart, in tens of milliseconds.
  std::shared_ptr<const tls::TlsTrust> turn_trust;
  // In front of log lines: "[host c=17] ".
  std::string log_prefix;
};

// All problems at once, one a line; ok where there are none. A connection CHECKs it.
Status Validate(const PeerConnectionOptions& options);

}  // namespace ming::webrtc

#endif  // MING_WEBRTC_PEER_CONNECTION_OPTIONS_H_
