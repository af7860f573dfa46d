#include "ming/net/spin_policy.h"

#include <algorithm>

namespace ming::net {
namespace {

// A moving average over about eight waits.
constexpr uint32_t kAllHits = 256;
constexpr uint32_t kGain = 8;
// Below a quarter most polls are in vain. A request and its answer take turns with the thinking
// time of an application, which makes one half.
constexpr uint32_t kEnough = kAllHits / 4;
constexpr uint32_t kReliable = kAllHits / 4 * 3;
// A wait that slept has the wake-ups of all processors on its way in it, which polling takes out.
constexpr int kSleepFactor = 4;
// Others run for less than this where they only do their part of the same exchange.
constexpr Duration kShortTurn = std::chrono::microseconds(200);
constexpr Duration kFirstRest = std::chrono::milliseconds(10);
constexpr Duration kLongestRest = std::chrono::seconds(1);

}  // namespace

SpinPolicy::SpinPolicy(const SpinOptions& options, size_t processors)
    : options_(options), next_rest_(kFirstRest) {
  // Whoever is to answer could not run.
  if (options_.mode == SpinMode::kAuto && processors < 2) options_.mode = SpinMode::kOff;
}

Duration SpinPolicy::Window(Timestamp now) const {
  switch (options_.mode) {
    case SpinMode::kOff:
      return Duration::zero();
    case SpinMode::kAlways:
      return options_.limit;
    case SpinMode::kAuto:
      break;
  }
  return hits_ >= kEnough && now >= rest_until_ ? options_.limit : Duration::zero();
}

void SpinPolicy::NoteWait(Timestamp now, const Wait& wait) {
  if (options_.mode != SpinMode::kAuto || now < rest_until_) return;
  const bool polled = wait.polled > Duration::zero();
  const Duration horizon = polled ? options_.limit : options_.limit * kSleepFactor;
  const bool hit = wait.traffic && wait.waited <= horizon;
  // A timer that was due that soon says nothing.
  if (!wait.traffic && wait.waited <= horizon) return;
  hits_ -= hits_ / kGain;
  if (hit) hits_ += kAllHits / kGain;
  if (hits_ >= kReliable && polled) next_rest_ = kFirstRest;
  if (hits_ < kEnough && polled) Rest(now);
}

void SpinPolicy::NoteAway(Timestamp now, Duration away) {
  if (options_.mode == SpinMode::kAuto && away > kShortTurn) Rest(now);
}

void SpinPolicy::Rest(Timestamp now) {
  rest_until_ = now + next_rest_;
  next_rest_ = std::min(next_rest_ * 2, kLongestRest);
  hits_ = 0;
}

}  // namespace ming::net
