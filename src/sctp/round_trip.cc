#include "ming/sctp/round_trip.h"

#include <algorithm>

namespace ming::sctp {
namespace {

constexpr Duration kAssumed = std::chrono::seconds(1);
constexpr Duration kLeastSilence = std::chrono::milliseconds(200);
constexpr int kMostDoublings = 6;

}  // namespace

void RoundTrip::Add(Duration sample) {
  if (!smoothed_) {
    smoothed_ = sample;
    variation_ = sample / 2;
    return;
  }
  const Duration difference = sample > *smoothed_ ? sample - *smoothed_ : *smoothed_ - sample;
  variation_ = (3 * variation_ + difference) / 4;
  smoothed_ = (7 * *smoothed_ + sample) / 8;
}

void RoundTrip::Reset() {
  smoothed_.reset();
  variation_ = Duration(0);
}

Duration RoundTrip::assumed() const { return smoothed_.value_or(kAssumed); }

Duration RoundTrip::ProbeTimeout() const {
  if (!smoothed_) return kAssumed;
  return std::max(2 * *smoothed_, *smoothed_ + 4 * variation_) + delayed_ack_;
}

Duration RoundTrip::SilenceTimeout(int silences) const {
  const Duration base =
      smoothed_ ? std::max(kLeastSilence, *smoothed_ + 4 * variation_ + delayed_ack_) : kAssumed;
  const Duration longest = std::max(base, longest_silence_);
  return std::min(longest, base * (1 << std::min(silences, kMostDoublings)));
}

}  // namespace ming::sctp
