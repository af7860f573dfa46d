#include "ming/reverse/reverse_counters.h"

#include <algorithm>
#include <chrono>

namespace ming::reverse {

void PairTimes::Add(Duration waited) {
  const double seconds = std::chrono::duration<double>(waited).count();
  const auto* const bound = std::lower_bound(kBounds.begin(), kBounds.end(), seconds);
  ++counts.at(static_cast<size_t>(bound - kBounds.begin()));
  sum += waited;
}

void ReverseCounters::CountEnd(codec::ReverseReason reason) {
  ++ended;
  ++ended_for.at(static_cast<size_t>(reason));
}

uint64_t ReverseCounters::failed() const {
  return ended - ended_for.at(static_cast<size_t>(codec::ReverseReason::kDone));
}

}  // namespace ming::reverse
