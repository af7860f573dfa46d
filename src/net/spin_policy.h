// SpinPolicy: whether a loop that has nothing to do polls for a moment before it sleeps. To wake a
// sleeping processor takes tens of microseconds, often longer than the answer that is waited for.
// The policy decides; the Reactor polls and measures.
#ifndef MING_NET_SPIN_POLICY_H_
#define MING_NET_SPIN_POLICY_H_

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "ming/base/time.h"

namespace ming::net {

enum class SpinMode {
  kOff,
  kAuto,    // while it shortens waits, and nobody else needs the processor
  kAlways,  // before each sleep that follows traffic
};

inline constexpr Duration kMinSpin = std::chrono::microseconds(1);
inline constexpr Duration kMaxSpin = std::chrono::milliseconds(10);

struct SpinOptions {
  SpinMode mode = SpinMode::kOff;
  // The longest time to poll before a sleep, kMinSpin to kMaxSpin. The default is what a processor
  // takes to wake up.
  Duration limit = std::chrono::microseconds(50);
};

class SpinPolicy {
 public:
  // `processors`: how many the process may use at once.
  SpinPolicy(const SpinOptions& options, size_t processors);

  // How long to poll before the sleep that follows a turn with traffic; zero: not at all.
  Duration Window(Timestamp now) const;

  struct Wait {
    Duration waited;  // polling included
    Duration polled;  // the window that it began with
    bool traffic;     // what ended it; else it was a timer
  };
  // A wait that began after a turn with traffic is over.
  void NoteWait(Timestamp now, const Wait& wait);
  // Between two polls somebody else had the processor for so long.
  void NoteAway(Timestamp now, Duration away);

 private:
  void Rest(Timestamp now);

  SpinOptions options_;
  // What share of the recent waits a poll would have caught, 0 to kAllHits.
  uint32_t hits_ = 0;
  Timestamp rest_until_;
  Duration next_rest_;
};

}  // namespace ming::net

#endif  // MING_NET_SPIN_POLICY_H_
