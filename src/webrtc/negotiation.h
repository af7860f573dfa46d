// Negotiation: the offer/answer side of one peer connection (RFC 8829 for data channels only):
// which description may come when, what both sides agreed on, which DTLS role we play, whether ICE
// is being restarted, and candidates that came too early. Pure.
#ifndef MING_WEBRTC_NEGOTIATION_H_
#define MING_WEBRTC_NEGOTIATION_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ming/base/status.h"
#include "ming/codec/ice_candidate.h"
#include "ming/codec/ming_features.h"
#include "ming/codec/sdp.h"

namespace ming::webrtc {

enum class HandshakeRole { kClient, kServer };  // of DTLS

struct NegotiationOptions {
  uint64_t session_id = 0;  // random; of the o= line
  codec::SdpFingerprint fingerprint;
  uint64_t max_message_bytes = uint64_t{256} * 1024;
  std::optional<codec::MingFeatures> features;  // none: not announced
  // Candidates of the peer kept until its description is there.
  size_t max_early_candidates = 64;
};

// What the peer's description means for the layers below.
struct RemoteSession {
  codec::IceCredentials ice;
  bool ice_lite = false;
  // ICE credentials differ from those before: both sides check anew.
  bool ice_restart = false;
  std::vector<codec::SdpFingerprint> fingerprints;
  HandshakeRole role = HandshakeRole::kClient;  // ours
  uint16_t sctp_port = 5000;
  size_t max_message_bytes = 0;  // the peer takes; never 0
  std::optional<codec::MingAgreement> agreement;
  // Of the description and the early ones, in order; each still to be validated.
  std::vector<codec::IceCandidate> candidates;
  bool end_of_candidates = false;
};

// Our part of a description, known when it is written.
struct LocalSession {
  codec::IceCredentials ice;
  std::vector<codec::IceCandidate> candidates;
  bool end_of_candidates = false;
};

class Negotiation {
 public:
  explicit Negotiation(const NegotiationOptions& options);

  // Takes the place of an offer that was not answered (RFC 8829, section 4.1.8.1 allows it).
  std::string MakeOffer(const LocalSession& local);
  // The answer to the last offer. On failure the offer stays open.
  Result<RemoteSession> HandleAnswer(std::string_view sdp);
  // kProtocolViolation: our own offer is open. On success MakeAnswer must follow.
  Result<RemoteSession> HandleOffer(std::string_view sdp);
  std::string MakeAnswer(const LocalSession& local);

  // Gives the candidate back where the description is there; else keeps it, and gives nothing. The
  // empty text ends the candidates and gives nothing. kMalformed; kResourceExhausted: too many
  // early ones.
  Result<std::optional<codec::IceCandidate>> HandleCandidate(std::string_view text);

  bool offer_open() const { return open_offer_.has_value(); }
  bool remote_known() const { return remote_.has_value(); }

 private:
  void FillLocal(const LocalSession& local, codec::SessionDescription& description);
  Result<RemoteSession> Adopt(codec::SessionDescription remote, HandshakeRole role);

  NegotiationOptions options_;
  uint64_t next_version_ = 2;
  std::optional<codec::SessionDescription> open_offer_;  // ours
  std::optional<codec::SessionDescription> remote_;      // the last adopted one
  std::optional<HandshakeRole> role_;                    // ours, for the life of the connection
  std::optional<codec::SessionDescription> answer_;      // between HandleOffer and MakeAnswer
  codec::SessionDescription section_template_;           // form and mid of our next offer
  std::vector<codec::IceCandidate> early_;
  bool early_end_ = false;
};

}  // namespace ming::webrtc

#endif  // MING_WEBRTC_NEGOTIATION_H_
