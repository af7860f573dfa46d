#include "ming/cli/live_status.h"

#include <chrono>
#include <utility>

namespace ming::cli {

LiveStatus::LiveStatus(link::TimerService& timers, std::function<std::string()> describe)
    : timers_(timers),
      describe_(std::move(describe)),
      alarm_(timers.CreateAlarm([this] { Refresh(); })) {
  if (line_.shown()) alarm_->ArmAt(timers_.Now());
}

void LiveStatus::Refresh() {
  line_.Update(describe_());
  alarm_->ArmAt(timers_.Now() + std::chrono::milliseconds(500));
}

}  // namespace ming::cli
