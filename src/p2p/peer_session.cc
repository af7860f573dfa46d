#include "ming/p2p/peer_session.h"

#include <glog/logging.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "ming/base/checked_cast.h"
#include "ming/tls/dtls_session.h"

namespace ming::p2p {
namespace {

// Behind the session cores' own limits, which decide.
constexpr Duration kLimitMargin = std::chrono::seconds(5);
// The largest SCTP packet we take where a path carries it; none: that of any peer.
std::optional<uint32_t> AnnouncedPathMtu(size_t path_mtu) {
  const size_t packet = path_mtu - tls::DtlsSession::kRecordOverhead;
  if (packet < codec::kMinFeaturePathMtu) return std::nullopt;
  return base::CheckedCast<uint32_t>(packet);
}

webrtc::PeerConnectionOptions MakeConnectionOptions(const PeerSessionOptions& session,
                                                    const std::string& log_prefix) {
  webrtc::PeerConnectionOptions options;
  options.ice = session.access.ice;
  options.turn_trust = session.access.turn_trust;
  if (session.access.announce_features) {
    codec::MingFeatures features;
    features.half_close = true;
    features.restart_requests = true;
    features.protocol = session.protocol;
    features.max_message_bytes = base::CheckedCast<uint32_t>(options.max_message_size);
    features.path_mtu_bytes = AnnouncedPathMtu(session.access.path_mtu);
    features.path_probes = features.path_mtu_bytes.has_value();
    features.credit_bytes =
        static_cast<uint32_t>(std::min<size_t>(session.receive_window, codec::kMaxFeatureCredit));
    options.features = features;
  }
  if (session.protocol == TunnelProtocol::kUdp) {
    // Datagrams gain nothing by I-DATA, and I-FORWARD-TSN names every message that was given up, a
    // packet of them in a retransmission time-out.
    options.sctp.interleaving = sctp::Interleaving::kOff;
  }
  options.channels.max_channels = session.access.max_channels;
  options.liveness.connect_timeout = session.connect_limit + kLimitMargin;
  options.liveness.disconnected_after = session.access.disconnected_after;
  options.liveness.failed_after = session.session_timeout + kLimitMargin;
  options.log_prefix = log_prefix;
  return options;
}

}  // namespace

PeerSessionOptions SessionOptionsFor(TunnelProtocol protocol, const PeerAccess& peer,
                                     const tunnel::ChannelStreamOptions& tcp,
                                     const tunnel::UdpFlowOptions& udp) {
  PeerSessionOptions session;
  session.access = peer;
  session.protocol = protocol;
  session.receive_window = tcp.receive_limit;
  session.max_message_bytes =
      protocol == TunnelProtocol::kTcp ? peer.max_message_bytes : udp.max_datagram_bytes;
  return session;
}

PeerSession::PeerSession(SessionId id, const webrtc::PeerServices& services,
                         const PeerSessionOptions& options, const std::string& log_prefix,
                         Observer& observer)
    : id_(id),
      max_message_bytes_(options.max_message_bytes),
      observer_(observer),
      connection_(services, MakeConnectionOptions(options, log_prefix), *this) {}

Result<std::string> PeerSession::CreateOffer(webrtc::PeerConnection::OfferKind kind) {
  Result<std::string> offer = connection_.CreateOffer(kind);
  if (offer.ok()) NoteLocalDescription(*offer, codec::SdpKind::kOffer);
  return offer;
}

Result<std::string> PeerSession::AcceptOffer(std::string_view sdp) {
  Result<std::string> answer = connection_.AcceptOffer(sdp);
  if (answer.ok()) NoteLocalDescription(*answer, codec::SdpKind::kAnswer);
  return answer;
}

void PeerSession::NoteLocalDescription(std::string_view sdp, codec::SdpKind kind) {
  Result<DescriptionFacts> facts = ReadDescription(sdp, kind);
  CHECK(facts.ok()) << "our own description: " << facts.status().ToString();
  local_ = std::move(*facts);
}

void PeerSession::AddRemoteCandidate(const Candidate& candidate) {
  const Status added = connection_.AddRemoteCandidate(candidate.line);
  if (!added.ok()) VLOG(1) << "session " << id_ << ": candidate: " << added.ToString();
}

codec::CandidatePayload PeerSession::ToPayload(const Candidate& candidate) const {
  codec::CandidatePayload payload;
  payload.candidate = candidate.line;
  payload.mid = local_.mid;
  payload.mline_index = local_.section_index;
  payload.username_fragment = candidate.ufrag;
  return payload;
}

tunnel::ChannelTerms PeerSession::Terms() const {
  if (connection_.features_in_use()) {
    return tunnel::TermsFrom(*connection_.features_in_use(), max_message_bytes_);
  }
  tunnel::ChannelTerms foreign;
  foreign.max_message_bytes = std::min(foreign.max_message_bytes, max_message_bytes_);
  return foreign;
}

void PeerSession::OnConnectionState(webrtc::ConnectionState state) {
  switch (state) {
    case webrtc::ConnectionState::kConnected:
      observer_.OnPathState(id_, PathState::kConnected, Status::Ok());
      break;
    case webrtc::ConnectionState::kDisconnected:
      observer_.OnPathState(id_, PathState::kDisconnected,
                            Status(StatusCode::kTimeout, "nothing heard from the peer"));
      break;
    case webrtc::ConnectionState::kNew:
    case webrtc::ConnectionState::kConnecting:
    case webrtc::ConnectionState::kFailed:
    case webrtc::ConnectionState::kClosed:
      break;  // the last two are followed by OnConnectionClosed
  }
}

void PeerSession::OnLocalCandidate(const std::string& candidate) {
  observer_.OnLocalCandidate(id_, Candidate{candidate, local_.ice_ufrag});
}

void PeerSession::OnRemoteChannel(std::unique_ptr<link::MessageChannel> channel,
                                  const std::string& label) {
  observer_.OnRemoteChannel(id_, std::move(channel), label);
}

void PeerSession::OnConnectionClosed(const Status& why) {
  ended_ = true;
  observer_.OnPathState(id_, PathState::kEnded,
                        why.ok() ? Status(StatusCode::kClosed, "the connection was closed") : why);
}

Result<Candidate> FromPayload(std::string_view payload) {
  Result<codec::CandidatePayload> parsed = codec::ParseCandidatePayload(payload);
  if (!parsed.ok()) return parsed.status();
  Candidate candidate{std::move(parsed->candidate), std::move(parsed->username_fragment)};
  if (candidate.ufrag && candidate.ufrag->empty()) candidate.ufrag.reset();
  return candidate;
}

}  // namespace ming::p2p
