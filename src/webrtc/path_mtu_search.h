// PathMtuSearch: the largest packet that the path to the peer carries, found by probes that the
// peer answers (RFC 8899). Nothing that a router says counts. Pure.
//
// It begins with the first bulk: an idle connection has no use for large packets. A probe of the
// base size shows that probes are answered at all; then what the link of this machine takes is
// tried, which is mostly right; then the usual sizes are halved. While large packets leave, the
// size in use is confirmed again and again, and where that fails the base size is used at once
// and the search begins anew.
//
// The parts of a message have the base size for ever, so that they fit through whatever the path
// becomes, and a large packet holds several. One that does not hold two is not worth its risk.
#ifndef MING_WEBRTC_PATH_MTU_SEARCH_H_
#define MING_WEBRTC_PATH_MTU_SEARCH_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "ming/base/time.h"

namespace ming::webrtc {

// Sizes of packets, bytes, without what DTLS, UDP and IP add, which is `overhead`.
struct PathMtuLimits {
  size_t base = 0;      // every path carries it
  size_t limit = 0;     // no larger one is wanted; below twice the base: nothing to search for
  size_t first = 0;     // tried first, if between the two
  size_t overhead = 0;  // of each packet
};

class PathMtuSearch {
 public:
  static constexpr int kMaxProbes = 3;
  // An answer is waited for so long at least, twice as long for each further probe.
  static constexpr Duration kLeastWait = std::chrono::milliseconds(100);
  static constexpr Duration kFirstWait = std::chrono::seconds(1);  // before a round trip is known
  static constexpr Duration kConfirmInterval = std::chrono::milliseconds(500);
  // How long a path on which nothing was answered is left alone, and one that was searched.
  static constexpr Duration kErrorInterval = std::chrono::seconds(10);
  static constexpr Duration kRaiseInterval = std::chrono::minutes(10);
  // What is worth a search: bytes in packets of more than half the base size.
  static constexpr size_t kBulk = size_t{64} << 10;

  struct Probe {
    uint32_t id = 0;
    size_t size = 0;
  };

  // Everything begins anew with the base size.
  void HandleNewPath(const PathMtuLimits& limits);
  // A packet left.
  void HandleSent(Timestamp now, size_t size);
  void HandleAnswer(Timestamp now, uint32_t id, size_t size);
  // A packet or probe above the base size did not pass the first link in one piece.
  void HandleTooLarge(Timestamp now);
  // Of packets; what probes show counts beside it.
  void SetRoundTrip(Duration round_trip) { round_trip_ = round_trip; }
  // Early or repeated calls are harmless.
  void HandleTimeout(Timestamp now);
  Timestamp NextTimeout() const;

  // Drain it after every call above.
  std::optional<Probe> PollProbe();
  // What may be sent.
  size_t packet_size() const { return packet_size_; }

 private:
  enum class State {
    kOff,
    kWaiting,  // for bulk
    kBase,
    kSearching,
    kComplete,
    kError,  // not even the base size is answered
  };

  bool asking() const { return attempts_ > 0; }
  void Ask(Timestamp now, size_t size);
  void SendAgain(Timestamp now);
  void GiveUp(Timestamp now);
  void SearchOn(Timestamp now);
  void FallBack(Timestamp now);
  void StartBase(Timestamp now);
  size_t NextCandidate();
  Duration WaitForAnswer() const;

  PathMtuLimits limits_;
  State state_ = State::kOff;
  size_t packet_size_ = 0;
  size_t failed_ = 0;  // the smallest size that was not answered
  bool first_tried_ = false;
  size_t bulk_ = 0;

  size_t asked_ = 0;
  uint32_t id_ = 0;
  int attempts_ = 0;
  Timestamp asked_at_;
  std::optional<Probe> to_send_;
  std::optional<Duration> round_trip_;
  std::optional<Duration> answer_time_;

  Timestamp deadline_ = Timestamp::Max();  // of the answer, or of the state
  Timestamp confirmed_at_;
  Timestamp confirm_at_ = Timestamp::Max();
};

}  // namespace ming::webrtc

#endif  // MING_WEBRTC_PATH_MTU_SEARCH_H_
