// PeerSession: one peer connection with the number the session cores know it by. It makes the
// cores' candidates and path states of what the connection says, and keeps what signaling needs to
// know of our own description. Both roles use it.
#ifndef MING_P2P_PEER_SESSION_H_
#define MING_P2P_PEER_SESSION_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "ming/base/status.h"
#include "ming/codec/signaling_message.h"
#include "ming/link/message_channel.h"
#include "ming/p2p/session_types.h"
#include "ming/p2p/tunnel_options.h"
#include "ming/tunnel/channel_stream_core.h"
#include "ming/tunnel/channel_terms.h"
#include "ming/tunnel/udp_flow_table.h"
#include "ming/webrtc/peer_connection.h"

namespace ming::p2p {

// What a role asks of its peer connections.
struct PeerSessionOptions {
  PeerAccess access;
  TunnelProtocol protocol = TunnelProtocol::kTcp;
  // The limits of the session core: the connection itself gives up a little later.
  Duration connect_limit{0};
  Duration session_timeout{0};
  // What we are willing to hold for each channel, bytes: the credit that is announced.
  size_t receive_window = tunnel::kDefaultReceiveWindowBytes;
  // The longest message we send, bytes; never more than the peer takes.
  size_t max_message_bytes = tunnel::kDefaultMaxMessageBytes;
};

// Without the limits of the session core; `protocol` picks what counts of `tcp` and `udp`.
PeerSessionOptions SessionOptionsFor(TunnelProtocol protocol, const PeerAccess& peer,
                                     const tunnel::ChannelStreamOptions& tcp,
                                     const tunnel::UdpFlowOptions& udp);

class PeerSession final : private webrtc::PeerConnection::Observer {
 public:
  // Called from the loop, never inside a call to the session; each may call back and may destroy
  // the session through TimerService::DeferDelete.
  class Observer {
   public:
    virtual ~Observer() = default;
    // kEnded: nothing but the destruction is left to do.
    virtual void OnPathState(SessionId session, PathState state, const Status& why) = 0;
    virtual void OnLocalCandidate(SessionId session, const Candidate& candidate) = 0;
    virtual void OnRemoteChannel(SessionId session, std::unique_ptr<link::MessageChannel> channel,
                                 const std::string& label) = 0;
  };

  // `services` and `observer` outlive the session.
  PeerSession(SessionId id, const webrtc::PeerServices& services, const PeerSessionOptions& options,
              const std::string& log_prefix, Observer& observer);

  SessionId id() const { return id_; }
  bool ended() const { return ended_; }
  // As PeerConnection's.
  Result<std::string> CreateOffer(webrtc::PeerConnection::OfferKind kind);
  Status SetAnswer(std::string_view sdp) { return connection_.SetAnswer(sdp); }
  Result<std::string> AcceptOffer(std::string_view sdp);
  void AddRemoteCandidate(const Candidate& candidate);
  // kEnded follows.
  void Close() { connection_.Close(); }

  // A candidate of ours as signaling carries it.
  codec::CandidatePayload ToPayload(const Candidate& candidate) const;
  link::ChannelOpener& opener() { return connection_; }
  // How both sides agreed to use channels; known once the path was up.
  tunnel::ChannelTerms Terms() const;
  webrtc::PeerStats GetStats() const { return connection_.GetStats(); }

 private:
  void NoteLocalDescription(std::string_view sdp, codec::SdpKind kind);

  void OnConnectionState(webrtc::ConnectionState state) override;
  void OnLocalCandidate(const std::string& candidate) override;
  void OnRemoteChannel(std::unique_ptr<link::MessageChannel> channel,
                       const std::string& label) override;
  void OnConnectionClosed(const Status& why) override;

  const SessionId id_;
  const size_t max_message_bytes_;
  Observer& observer_;
  DescriptionFacts local_;
  bool ended_ = false;
  webrtc::PeerConnection connection_;
};

// The other way round: what a candidate message says. kMalformed where it cannot be read.
Result<Candidate> FromPayload(std::string_view payload);

}  // namespace ming::p2p

#endif  // MING_P2P_PEER_SESSION_H_
