// A conformance case as data: what is claimed, where that is written, and the script that looks.
#ifndef MING_CONFORMANCE_CASE_H_
#define MING_CONFORMANCE_CASE_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ming::conformance {

class Bench;

enum class Verdict { kHolds, kFails, kSkipped };

// "holds", "FAILS", "skipped".
std::string_view VerdictName(Verdict verdict);

// What a script found; the detail is one sentence for people, empty where there is nothing to add.
struct Outcome {
  Verdict verdict = Verdict::kHolds;
  std::string detail;
};

inline Outcome Holds(std::string detail = "") { return {Verdict::kHolds, std::move(detail)}; }
inline Outcome Fails(std::string detail) { return {Verdict::kFails, std::move(detail)}; }
inline Outcome Skipped(std::string detail) { return {Verdict::kSkipped, std::move(detail)}; }

// The peer under test.
enum class PeerRole { kHost, kClient };
enum class TunnelKind { kTcp, kUdp };

enum class ForRole { kAny, kHost, kClient };
enum class ForTunnel { kAny, kTcp, kUdp };

// What a case stands on; the run provides it, or skips the case. Each includes those before it.
enum class Need {
  kNothing,  // makes its own connections
  kSession,  // the shared connection to the peer, up to SCTP
  kTraffic,  // bytes can be sent through the peer and come back
  kOurEnd,   // the far end is ours as well: the target behind a host
};

// How a case treats the peer.
enum class Manner {
  kOrdinary,
  kRude,  // input that a fragile peer may end by: run last
  kLong,  // waits for a long timer of the peer: only where it is asked for
};

struct Case {
  std::string_view id;  // "dcep/ack": group/name
  std::string_view section;
  std::string_view sentence;  // what holds, no full stop
  ForRole role = ForRole::kAny;
  ForTunnel tunnel = ForTunnel::kAny;
  Need need = Need::kNothing;
  Manner manner = Manner::kOrdinary;
  Outcome (*run)(Bench& bench) = nullptr;
};

// Of the cases about the signaling server alone.
inline constexpr std::string_view kServerGroup = "server";

// "dcep" of "dcep/ack".
std::string_view GroupOf(const Case& one);

struct CaseFilter {
  PeerRole role = PeerRole::kHost;
  TunnelKind tunnel = TunnelKind::kTcp;
  // Parts of ids; a case whose id contains one of them is chosen. Empty: all.
  std::vector<std::string> only;
  bool with_long = false;
};

// In the order in which they are run: rude ones last, and before a client's own connections what
// its first one is enough for (a client may offer only once). A long case is chosen by with_long,
// or by its whole id in `only`.
std::vector<Case> ChooseCases(const std::vector<Case>& all, const CaseFilter& filter);

}  // namespace ming::conformance

#endif  // MING_CONFORMANCE_CASE_H_
