#include "ming/ws/heartbeat.h"

#include <algorithm>

namespace ming::ws {

HeartbeatAction Heartbeat::HandleTimeout(const HeartbeatRule& rule, Timestamp now) {
  if (rule.interval == Duration::zero()) return HeartbeatAction::kNothing;
  if (now >= heard_ + rule.timeout) return HeartbeatAction::kGiveUp;
  if (now < pinged_ + rule.interval) return HeartbeatAction::kNothing;
  pinged_ = now;
  return HeartbeatAction::kPing;
}

Timestamp Heartbeat::NextTimeout(const HeartbeatRule& rule) const {
  if (rule.interval == Duration::zero()) return Timestamp::Max();
  return std::min(heard_ + rule.timeout, pinged_ + rule.interval);
}

Timestamp RoundUpToSecond(Timestamp when) {
  constexpr Duration kSecond = std::chrono::seconds(1);
  const Duration over = when.since_origin() % kSecond;
  return over == Duration::zero() ? when : when + (kSecond - over);
}

}  // namespace ming::ws
