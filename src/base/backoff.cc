#include "ming/base/backoff.h"

#include <algorithm>

namespace ming {

Duration Backoff::Next(Random& random) {
  const double factor = 1.0 - options_.jitter * random.Fraction();
  const Duration delay(static_cast<Duration::rep>(static_cast<double>(nominal_.count()) * factor));
  nominal_ = std::min(options_.maximum, nominal_ * 2);
  return delay;
}

}  // namespace ming
