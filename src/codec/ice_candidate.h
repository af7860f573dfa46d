// One ICE candidate attribute (RFC 8839, section 5.1), and the rules for taking one from a peer.
// Gathering, pairing and checking are the ICE agent's.
#ifndef MING_CODEC_ICE_CANDIDATE_H_
#define MING_CODEC_ICE_CANDIDATE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ming/base/ip_address.h"
#include "ming/base/status.h"

namespace ming::codec {

// The longest text of one candidate that is read, bytes. Real ones are below 200.
inline constexpr size_t kMaxCandidateBytes = 1024;
// The most trailing name-value pairs that are kept. Real ones have at most 5.
inline constexpr size_t kMaxCandidateExtensions = 16;

enum class CandidateType { kHost, kServerReflexive, kPeerReflexive, kRelay, kOther };

// "host", "srflx", "prflx", "relay"; empty for kOther.
std::string_view CandidateTypeName(CandidateType type);

// As it stands in the text. Parsing checks the shape only; ValidateRemoteCandidate checks the
// values.
struct IceCandidate {
  std::string foundation;
  uint32_t component = 1;
  std::string transport;  // "udp", "UDP", "tcp", ...
  uint32_t priority = 0;
  std::string address;  // an IP address, or a name ("x.local")
  Port port;
  CandidateType type = CandidateType::kHost;
  std::string other_type;                      // the type's text when `type` is kOther
  std::optional<std::string> related_address;  // raddr
  std::optional<Port> related_port;            // rport
  std::optional<std::string> tcp_type;         // tcptype: "active", "passive", "so"
  // What follows, in order: {"generation", "0"}, {"network-cost", "999"}, ...
  std::vector<std::pair<std::string, std::string>> extensions;

  friend bool operator==(const IceCandidate& a, const IceCandidate& b);
  friend bool operator!=(const IceCandidate& a, const IceCandidate& b) { return !(a == b); }
};

// Parses "candidate:1 1 udp 2122260223 192.0.2.1 50000 typ host ...". "a=" in front and one line
// end behind are tolerated, as is a missing "candidate:". Too few fields, a number that is none or
// does not fit, a name without value, control characters and more than the limits above are
// kMalformed.
Result<IceCandidate> ParseIceCandidate(std::string_view text);

// "candidate:..." without "a=" and line end. The fields must be such as ParseIceCandidate yields.
std::string SerializeIceCandidate(const IceCandidate& candidate);

enum class LoopbackCandidates { kRefuse, kAllow };

enum class CandidateVerdict {
  kUsable,     // give it to the ICE agent
  kIgnored,    // legal, but of no use here: drop it without a word
  kMalformed,  // breaks a rule: drop it, count it
};

struct CandidateCheck {
  CandidateVerdict verdict = CandidateVerdict::kUsable;
  std::string_view reason;  // a constant for logs; empty when usable
};

// Decides whether a candidate of the peer may reach the ICE agent (RFC 8445, section 5.1; RFC 8839,
// section 5.1). Usable: UDP, component 1, type host, srflx, prflx or relay, a unicast IP address,
// and every field within its grammar. Ignored: names (mDNS), TCP, component 2 to 256, unknown
// transports and types, IPv6 link-local (no zone is signaled), IPv4-mapped IPv6 and, by `loopback`,
// loopback. Malformed: foundation not 1 to 32 ice-chars, component 0 or above 256, priority 0 or
// above 2^31-1, port 0, unspecified, multicast or broadcast addresses, zones, text that could end a
// line.
CandidateCheck ValidateRemoteCandidate(const IceCandidate& candidate, LoopbackCandidates loopback);

}  // namespace ming::codec

#endif  // MING_CODEC_ICE_CANDIDATE_H_
