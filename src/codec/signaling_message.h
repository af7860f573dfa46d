// The JSON messages between hosts, clients and the signaling server. The envelope is read without
// looking into the payload, which is kept as text so that a server forwards it as it came; the
// payloads have functions of their own.
#ifndef MING_CODEC_SIGNALING_MESSAGE_H_
#define MING_CODEC_SIGNALING_MESSAGE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ming/base/status.h"
#include "ming/codec/sdp.h"

namespace ming::codec {

struct SignalingLimits {
  size_t max_bytes = 65536;  // an offer of a machine with many addresses is about 10 KiB
  size_t max_id_bytes = 256;
  size_t max_depth = 16;  // real messages have 3
};

inline constexpr size_t kMaxSignalingTypeBytes = 64;

enum class SignalingType { kRegisterHost, kOffer, kAnswer, kCandidate, kError, kUnknown };

// "register-host", "offer", ...; empty for kUnknown.
std::string_view SignalingTypeName(SignalingType type);

struct SignalingMessage {
  SignalingType type = SignalingType::kUnknown;
  std::string unknown_type;      // the type's text when `type` is kUnknown
  std::string payload = "null";  // one JSON value, as it stood in the message
  std::string target_id;         // UTF-8; empty: none
  std::string sender_id;         // UTF-8; empty: none

  friend bool operator==(const SignalingMessage& a, const SignalingMessage& b) {
    return a.type == b.type && a.unknown_type == b.unknown_type && a.payload == b.payload &&
           a.target_id == b.target_id && a.sender_id == b.sender_id;
  }
  friend bool operator!=(const SignalingMessage& a, const SignalingMessage& b) { return !(a == b); }
};

// Parses one text message. Unknown members are ignored; a null id is as a missing one.
// kMalformed: not one JSON object in UTF-8, a member named twice (at any depth), a type that is
//   missing, empty or no string, an id that is no string;
// kResourceExhausted: above `limits` (depth is checked while reading, so nothing recurses).
Result<SignalingMessage> ParseSignalingMessage(std::string_view text,
                                               const SignalingLimits& limits = {});

// The bytes Go's encoding/json writes for the same message: members in the order type, payload,
// target_id, sender_id, empty ids left out, no spaces. The payload is written as it is.
std::string SerializeSignalingMessage(const SignalingMessage& message);

// What an offer or answer carries: {"sdp":{"type":"offer","sdp":"v=0..."}}.
struct DescriptionPayload {
  SdpKind kind = SdpKind::kOffer;
  std::string sdp;
};

// `payload` is SignalingMessage::payload. kMalformed where it has another shape; a type other than
// offer and answer ("pranswer", "rollback") is kUnsupported.
Result<DescriptionPayload> ParseDescriptionPayload(std::string_view payload);

// What a candidate message carries:
// {"candidate":{"candidate":"candidate:...","sdpMid":"","sdpMLineIndex":0,"usernameFragment":null}}.
struct CandidatePayload {
  std::string candidate;                         // empty: end of candidates
  std::optional<std::string> mid;                // Pion sends an empty one
  std::optional<uint16_t> mline_index;           // none: null or missing
  std::optional<std::string> username_fragment;  // none: null or missing

  friend bool operator==(const CandidatePayload& a, const CandidatePayload& b) {
    return a.candidate == b.candidate && a.mid == b.mid && a.mline_index == b.mline_index &&
           a.username_fragment == b.username_fragment;
  }
};

// With its prefix in any form; and of a mid or a username fragment (RFC 8839, section 5.4).
inline constexpr size_t kMaxCandidateTextBytes = 1100;
inline constexpr size_t kMaxCandidateNameBytes = 256;

// A null payload, a null or missing "candidate" and an empty one all are the end of candidates.
// Texts above the limits are kMalformed.
Result<CandidatePayload> ParseCandidatePayload(std::string_view payload);

// The text of an error for people. A payload that is no string is given as its JSON text.
std::string ParseErrorPayload(std::string_view payload);

// Whole messages, ready to serialize. Texts must be UTF-8.
SignalingMessage MakeRegisterHost(const std::string& host_id);
SignalingMessage MakeDescription(const DescriptionPayload& description,
                                 const std::string& target_id, const std::string& sender_id);
SignalingMessage MakeCandidate(const CandidatePayload& candidate, const std::string& target_id,
                               const std::string& sender_id);
SignalingMessage MakeError(std::string_view text, const std::string& target_id);

}  // namespace ming::codec

#endif  // MING_CODEC_SIGNALING_MESSAGE_H_
