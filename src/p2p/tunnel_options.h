// What a tunnel's host and client are told: plain values, checked before use.
#ifndef MING_P2P_TUNNEL_OPTIONS_H_
#define MING_P2P_TUNNEL_OPTIONS_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "ming/base/ip_address.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/ice/ice_options.h"
#include "ming/p2p/client_session_core.h"
#include "ming/p2p/host_sessions_core.h"
#include "ming/p2p/signaling_access.h"
#include "ming/tls/tls_trust.h"
#include "ming/tunnel/tcp_client_forwarder.h"
#include "ming/tunnel/tcp_host_forwarder.h"
#include "ming/tunnel/udp_client_forwarder.h"
#include "ming/tunnel/udp_host_forwarder.h"

namespace ming::p2p {

// "tcp" or "udp"; anything else is kInvalidArgument.
Result<TunnelProtocol> ParseTunnelProtocol(std::string_view text);

// What every path carries, and the largest DTLS record with its header.
inline constexpr size_t kMinPathMtu = 1200;
inline constexpr size_t kMaxPathMtu = 16384;

// The peer connections.
struct PeerAccess {
  ice::IceOptions ice;
  // How the servers of turns: URLs are judged; null: by the system's authorities.
  std::shared_ptr<const tls::TlsTrust> turn_trust;
  // Announce a=x-ming. Without it every peer is treated as a foreign one (ming-protocol,
  // section 3): for tests of interoperability.
  bool announce_features = true;
  // Largest datagram toward another ming, bytes of UDP payload, kMinPathMtu to kMaxPathMtu. More
  // than kMinPathMtu is used only where the peer agrees and the path is known to carry it.
  size_t path_mtu = kMaxPathMtu;
  // Longest data message of a TCP tunnel, bytes, 1 KiB to 1 MiB; never more than the peer takes.
  // What one read of the socket gives: longer ones save nothing.
  size_t max_message_bytes = size_t{64} << 10;
  // Channels of one peer connection at a time, 1 to 65535. Each costs about 110 bytes on either
  // side for the life of the connection, used or not.
  size_t max_channels = 16384;
  // No authenticated packet of the peer for so long: the path is lost. 1 s to 5 min; peers send
  // something every second.
  Duration disconnected_after = std::chrono::seconds(3);
};

struct TunnelClientOptions {
  SignalingAccess signaling;
  // The ID of the host to reach, 1 to 128 bytes.
  std::string host_id;
  TunnelProtocol protocol = TunnelProtocol::kTcp;
  PeerAccess peer;
  ClientSessionOptions session;
  // The one that `protocol` names is used. Both default to listen on localhost:25565.
  tunnel::TcpClientForwarderOptions tcp;
  tunnel::UdpClientForwarderOptions udp;
};

struct TunnelHostOptions {
  SignalingAccess signaling;
  // Our own ID, 1 to 128 bytes.
  std::string id;
  TunnelProtocol protocol = TunnelProtocol::kTcp;
  PeerAccess peer;
  HostSessionsOptions sessions;
  // The one that `protocol` names is used. Both default to the target localhost:25565.
  tunnel::TcpHostForwarderOptions tcp;
  tunnel::UdpHostForwarderOptions udp;
};

// All problems at once, one a line, in one kInvalidArgument; ok where there are none.
Status Validate(const TunnelClientOptions& options);
Status Validate(const TunnelHostOptions& options);

}  // namespace ming::p2p

#endif  // MING_P2P_TUNNEL_OPTIONS_H_
