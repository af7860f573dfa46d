#include "ming/p2p/tunnel_options.h"

#include <optional>
#include <string>

#include "ming/base/option_problems.h"
#include "ming/signaling/signaling_client.h"
#include "ming/webrtc/peer_connection.h"

namespace ming::p2p {
namespace {

void CheckSignaling(const SignalingAccess& access, signaling::SignalingRole role,
                    const std::string& id, OptionProblems& problems) {
  for (const std::string& problem : signaling::Validate(MakeSignalingOptions(access, role, id))) {
    problems.Require(false, "signaling: " + problem);
  }
}

void CheckPeer(const PeerAccess& peer, OptionProblems& problems) {
  // A peer connection carries TURN over TLS, which an ICE agent by itself does not.
  webrtc::PeerConnectionOptions connection;
  connection.ice = peer.ice;
  problems.Include("ice", webrtc::Validate(connection));
  problems.Range("peer.path_mtu", peer.path_mtu, kMinPathMtu, kMaxPathMtu);
  problems.Range("peer.max_message_bytes", peer.max_message_bytes, size_t{1} << 10,
                 size_t{1} << 20);
  problems.Range("peer.max_channels", peer.max_channels, size_t{1}, size_t{65535});
  problems.Range("peer.disconnected_after", peer.disconnected_after, std::chrono::seconds(1),
                 std::chrono::minutes(5));
}

}  // namespace

Result<TunnelProtocol> ParseTunnelProtocol(std::string_view text) {
  const std::optional<TunnelProtocol> protocol = codec::FindTunnelProtocol(text);
  if (!protocol) return Status(StatusCode::kInvalidArgument, "a protocol is tcp or udp");
  return *protocol;
}

Status Validate(const TunnelClientOptions& options) {
  OptionProblems problems;
  CheckSignaling(options.signaling, signaling::SignalingRole::kClient, options.host_id, problems);
  CheckPeer(options.peer, problems);
  problems.Include("session", options.session.Validate());
  problems.Include("tcp", tunnel::Validate(options.tcp));
  problems.Include("udp", tunnel::Validate(options.udp));
  return problems.ToStatus();
}

Status Validate(const TunnelHostOptions& options) {
  OptionProblems problems;
  CheckSignaling(options.signaling, signaling::SignalingRole::kHost, options.id, problems);
  CheckPeer(options.peer, problems);
  problems.Include("sessions", options.sessions.Validate());
  problems.Include("tcp", tunnel::Validate(options.tcp));
  problems.Include("udp", tunnel::Validate(options.udp));
  return problems.ToStatus();
}

}  // namespace ming::p2p
