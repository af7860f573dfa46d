#include "ming/reverse/control_watch.h"

#include <algorithm>

namespace ming::reverse {
namespace {

constexpr int kMaxUnknownVerbsPerMinute = 100;
constexpr int kSilentIntervals = 3;

}  // namespace

ControlWatch::ControlWatch(Duration heartbeat, Timestamp now)
    : heartbeat_(heartbeat), last_sent_(now), last_received_(now), minute_began_(now) {}

bool ControlWatch::NoteUnknownVerb(Timestamp now) {
  if (now - minute_began_ >= std::chrono::minutes(1)) {
    minute_began_ = now;
    unknown_verbs_ = 0;
  }
  return ++unknown_verbs_ <= kMaxUnknownVerbsPerMinute;
}

ControlWatch::Due ControlWatch::HandleTimeout(Timestamp now) const {
  if (heartbeat_ == Duration::zero()) return Due::kNothing;
  if (now >= last_received_ + heartbeat_ * kSilentIntervals) return Due::kLost;
  return now >= last_sent_ + heartbeat_ ? Due::kPing : Due::kNothing;
}

Timestamp ControlWatch::NextTimeout() const {
  if (heartbeat_ == Duration::zero()) return Timestamp::Max();
  return std::min(last_sent_ + heartbeat_, last_received_ + heartbeat_ * kSilentIntervals);
}

}  // namespace ming::reverse
