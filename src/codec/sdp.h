// The session description of a peer connection that carries data channels (RFC 8866, RFC 8829,
// RFC 8841, RFC 8839, RFC 8842). Media sections of other kinds are remembered only so that an
// answer can reject them.
#ifndef MING_CODEC_SDP_H_
#define MING_CODEC_SDP_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ming/base/secret.h"
#include "ming/base/status.h"
#include "ming/codec/ice_candidate.h"
#include "ming/codec/ming_features.h"

namespace ming::codec {

// What is read at most. The defaults are several times what browsers send.
struct SdpLimits {
  size_t max_bytes = 65536;  // as one signaling message
  size_t max_line_bytes = 4096;
  size_t max_lines = 2000;
  size_t max_media_sections = 32;
  size_t max_candidates = 200;  // in the whole description
  size_t max_fingerprints = 16;
};

enum class SdpKind { kOffer, kAnswer };

// a=setup (RFC 8842): who sends the DTLS ClientHello.
enum class SdpSetup { kActpass, kActive, kPassive };

// How the m= line says "data channels".
enum class DataChannelForm {
  kUdpDtlsSctp,  // m=application 9 UDP/DTLS/SCTP webrtc-datachannel, a=sctp-port
  kTcpDtlsSctp,  // the same with TCP/DTLS/SCTP: a description whose default candidate is TCP
  kLegacy,       // m=application 9 DTLS/SCTP 5000, a=sctpmap (aiortc's offers)
};

struct SdpFingerprint {
  std::string algorithm;  // lower case: "sha-256"
  std::vector<uint8_t> digest;

  friend bool operator==(const SdpFingerprint& a, const SdpFingerprint& b) {
    return a.algorithm == b.algorithm && a.digest == b.digest;
  }
};

struct IceCredentials {
  std::string username_fragment;  // 4 to 256 ice-chars
  Secret password;                // 22 to 256 ice-chars

  friend bool operator==(const IceCredentials& a, const IceCredentials& b) {
    return a.username_fragment == b.username_fragment && a.password.Reveal() == b.password.Reveal();
  }
  friend bool operator!=(const IceCredentials& a, const IceCredentials& b) { return !(a == b); }
};

// An m= section that is not ours; written back with port 0.
struct SdpOtherSection {
  std::string media;     // "audio"
  std::string protocol;  // "UDP/TLS/RTP/SAVPF"
  std::string formats;   // "111 63 9", as it stood
  std::string mid;       // empty: none

  friend bool operator==(const SdpOtherSection& a, const SdpOtherSection& b) {
    return a.media == b.media && a.protocol == b.protocol && a.formats == b.formats &&
           a.mid == b.mid;
  }
};

struct SessionDescription {
  // o=: the same id for the life of a connection; the version grows with each new description.
  uint64_t session_id = 0;
  uint64_t session_version = 2;

  DataChannelForm form = DataChannelForm::kUdpDtlsSctp;
  std::string mid = "0";  // empty: none
  bool bundled = true;    // the section's mid stands in a BUNDLE group
  IceCredentials ice;
  bool trickle = false;   // a=ice-options:trickle
  bool ice_lite = false;  // the sender only answers checks: we must control
  // At least one; a peer's certificate has to match one of the sha-256 ones.
  std::vector<SdpFingerprint> fingerprints;
  SdpSetup setup = SdpSetup::kActpass;
  uint16_t sctp_port = 5000;
  // The largest message the sender takes, bytes; none: any. A description that does not say has
  // 65536.
  std::optional<uint64_t> max_message_bytes = 262144;
  // Shape checked only: each goes through ValidateRemoteCandidate before use.
  std::vector<IceCandidate> candidates;
  bool end_of_candidates = false;
  std::optional<MingFeatures> ming;  // none: a foreign peer

  // The other sections in their order. The data-channel section stands at `section_index` of all,
  // which is also its sdpMLineIndex; at most other_sections.size().
  std::vector<SdpOtherSection> other_sections;
  size_t section_index = 0;

  friend bool operator==(const SessionDescription& a, const SessionDescription& b);
  friend bool operator!=(const SessionDescription& a, const SessionDescription& b) {
    return !(a == b);
  }
};

// Parses a peer's description with CRLF or LF line ends. The first data-channel section counts;
// what it lacks of ICE and DTLS attributes is taken from the section its BUNDLE group names first,
// and then from the session level.
// kMalformed: not SDP, a required attribute missing or contradicting itself, an answer with
//   setup:actpass;
// kUnsupported: no data-channel section, it was rejected (port 0), no sha-256 fingerprint;
// kResourceExhausted: above one of `limits`.
Result<SessionDescription> ParseSessionDescription(std::string_view text, SdpKind kind,
                                                   const SdpLimits& limits = {});

// The description with CRLF line ends. CHECKs that no field could end a line early.
std::string SerializeSessionDescription(const SessionDescription& description);

// The skeleton of an answer: form, mid, BUNDLE and other sections mirror the offer, setup is active
// for an actpass or passive offer and passive for an active one; the formats of rejected audio and
// video become "0". The caller fills in session id, ICE credentials, fingerprints, candidates,
// sizes and features.
SessionDescription MakeAnswerSkeleton(const SessionDescription& offer);

// Does `answer` fit the offer we made: same sections in the same order, same mid, complementary
// setup? kProtocolViolation with the reason where not.
Status CheckAnswerFitsOffer(const SessionDescription& offer, const SessionDescription& answer);

}  // namespace ming::codec

#endif  // MING_CODEC_SDP_H_
