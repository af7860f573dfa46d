// Backoff: the delays between attempts, exponential with jitter.
#ifndef MING_BASE_BACKOFF_H_
#define MING_BASE_BACKOFF_H_

#include "ming/base/random.h"
#include "ming/base/time.h"

namespace ming {

struct BackoffOptions {
  Duration initial = std::chrono::seconds(1);
  Duration maximum = std::chrono::seconds(30);
  // Each delay is drawn from [1 - jitter, 1] times the nominal one, so that peers that lost the
  // same server do not all return at once. In [0, 1].
  double jitter = 0.3;
};

class Backoff {
 public:
  explicit Backoff(const BackoffOptions& options) : options_(options), nominal_(options.initial) {}

  // The delay before the next attempt; the nominal one doubles up to the maximum.
  Duration Next(Random& random);
  // After a success: the next delay is the initial one again.
  void Reset() { nominal_ = options_.initial; }

 private:
  BackoffOptions options_;
  Duration nominal_;
};

}  // namespace ming

#endif  // MING_BASE_BACKOFF_H_
