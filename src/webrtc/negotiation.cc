#include "ming/webrtc/negotiation.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

namespace ming::webrtc {
namespace {

HandshakeRole RoleAgainst(codec::SdpSetup answer) {
  return answer == codec::SdpSetup::kActive ? HandshakeRole::kServer : HandshakeRole::kClient;
}

codec::SdpSetup SetupOf(HandshakeRole role) {
  return role == HandshakeRole::kClient ? codec::SdpSetup::kActive : codec::SdpSetup::kPassive;
}

}  // namespace

Negotiation::Negotiation(const NegotiationOptions& options) : options_(options) {}

void Negotiation::FillLocal(const LocalSession& local, codec::SessionDescription& description) {
  description.session_id = options_.session_id;
  description.session_version = next_version_++;
  description.ice = local.ice;
  description.trickle = true;
  description.fingerprints = {options_.fingerprint};
  description.max_message_bytes = options_.max_message_bytes;
  description.candidates = local.candidates;
  description.end_of_candidates = local.end_of_candidates;
  description.ming = options_.features;
}

std::string Negotiation::MakeOffer(const LocalSession& local) {
  codec::SessionDescription offer = section_template_;
  offer.setup = codec::SdpSetup::kActpass;
  FillLocal(local, offer);
  open_offer_ = offer;
  return codec::SerializeSessionDescription(offer);
}

Result<RemoteSession> Negotiation::HandleAnswer(std::string_view sdp) {
  if (!open_offer_) return Status(StatusCode::kProtocolViolation, "no offer is open");
  Result<codec::SessionDescription> answer =
      codec::ParseSessionDescription(sdp, codec::SdpKind::kAnswer);
  if (!answer.ok()) return answer.status().WithContext("answer");
  const Status fits = codec::CheckAnswerFitsOffer(*open_offer_, *answer);
  if (!fits.ok()) return fits.WithContext("answer");
  const HandshakeRole role = RoleAgainst(answer->setup);
  Result<RemoteSession> session = Adopt(*std::move(answer), role);
  if (session.ok()) open_offer_.reset();
  return session;
}

Result<RemoteSession> Negotiation::HandleOffer(std::string_view sdp) {
  if (open_offer_) {
    return Status(StatusCode::kProtocolViolation, "both sides made an offer");
  }
  Result<codec::SessionDescription> offer =
      codec::ParseSessionDescription(sdp, codec::SdpKind::kOffer);
  if (!offer.ok()) return offer.status().WithContext("offer");
  codec::SessionDescription answer = codec::MakeAnswerSkeleton(*offer);
  // The DTLS session goes on, so its roles do (RFC 8842, section 5.5).
  if (role_ && offer->setup == codec::SdpSetup::kActpass) answer.setup = SetupOf(*role_);
  const HandshakeRole role =
      answer.setup == codec::SdpSetup::kActive ? HandshakeRole::kClient : HandshakeRole::kServer;
  Result<RemoteSession> session = Adopt(*std::move(offer), role);
  if (session.ok()) answer_ = std::move(answer);
  return session;
}

std::string Negotiation::MakeAnswer(const LocalSession& local) {
  CHECK(answer_) << "MakeAnswer follows HandleOffer";
  codec::SessionDescription answer = *std::exchange(answer_, std::nullopt);
  FillLocal(local, answer);
  if (answer.ming && remote_->ming) answer.ming->answers = remote_->ice.username_fragment;
  return codec::SerializeSessionDescription(answer);
}

Result<std::optional<codec::IceCandidate>> Negotiation::HandleCandidate(std::string_view text) {
  if (text.empty()) {
    if (!remote_) early_end_ = true;
    return std::optional<codec::IceCandidate>();
  }
  Result<codec::IceCandidate> candidate = codec::ParseIceCandidate(text);
  if (!candidate.ok()) return candidate.status();
  if (remote_) return std::optional<codec::IceCandidate>(*std::move(candidate));
  if (early_.size() >= options_.max_early_candidates) {
    return Status(StatusCode::kResourceExhausted, "too many candidates before the description");
  }
  early_.push_back(*std::move(candidate));
  return std::optional<codec::IceCandidate>();
}

Result<RemoteSession> Negotiation::Adopt(codec::SessionDescription remote, HandshakeRole role) {
  if (remote_ && remote.fingerprints != remote_->fingerprints) {
    return Status(StatusCode::kPermissionDenied,
                  "the peer's certificate is another one: it is a new session");
  }
  if (role_ && *role_ != role) {
    return Status(StatusCode::kProtocolViolation, "the peer changed its DTLS role");
  }
  RemoteSession session;
  session.ice = remote.ice;
  session.ice_lite = remote.ice_lite;
  session.ice_restart = remote_ && remote_->ice != remote.ice;
  session.fingerprints = remote.fingerprints;
  session.role = role;
  session.sctp_port = remote.sctp_port;
  // Absent or 0 stand for "any": what we are ready to send is then the limit.
  session.max_message_bytes = static_cast<size_t>(std::min(
      remote.max_message_bytes.value_or(options_.max_message_bytes), options_.max_message_bytes));
  if (options_.features && remote.ming) {
    session.agreement = codec::Intersect(*options_.features, *remote.ming);
  }
  session.candidates = remote.candidates;
  for (codec::IceCandidate& candidate : early_) {
    session.candidates.push_back(std::move(candidate));
  }
  early_.clear();
  session.end_of_candidates = remote.end_of_candidates || std::exchange(early_end_, false);
  role_ = role;
  section_template_.mid = remote.mid;
  remote_ = std::move(remote);
  return session;
}

}  // namespace ming::webrtc
