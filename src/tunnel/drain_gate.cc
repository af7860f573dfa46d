#include "ming/tunnel/drain_gate.h"

#include <glog/logging.h>

#include <utility>

namespace ming::tunnel {

DrainGate::DrainGate(link::TimerService& timers, std::function<void()> on_deadline)
    : timers_(timers), on_deadline_(std::move(on_deadline)) {}

void DrainGate::Begin(Timestamp deadline, std::function<void()> on_drained) {
  CHECK(!draining() && on_drained != nullptr);
  on_drained_ = std::move(on_drained);
  alarm_ = timers_.CreateAlarm([this] { OnAlarm(); });
  alarm_->ArmAt(deadline);
}

void DrainGate::Update(bool empty) {
  if (!draining() || finished_ || !empty || std::exchange(empty_, true)) return;
  alarm_->ArmAt(timers_.Now());
}

void DrainGate::OnAlarm() {
  if (!empty_) return on_deadline_();
  finished_ = true;
  on_drained_();  // may destroy us through DeferDelete
}

}  // namespace ming::tunnel
