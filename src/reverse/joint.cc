#include "ming/reverse/joint.h"

#include <utility>

namespace ming::reverse {

Joint::Joint(link::TimerService& timers, Ends ends, const tunnel::RelayOptions& options,
             DoneCallback on_done)
    : ends_(std::move(ends)),
      on_done_(std::move(on_done)),
      relay_(tunnel::CreateRelay(timers, *ends_.a, *ends_.b, options, *this)) {
  relay_->Start();
}

void Joint::OnRelayDone(const Status& why, const tunnel::RelayCounts& /*counts*/) {
  if (why.ok()) return on_done_(codec::ReverseReason::kDone);
  // A time-out of the kernel's, which has an errno, is a lost peer.
  const bool idle = why.code() == StatusCode::kTimeout && why.detail() == 0;
  on_done_(idle ? codec::ReverseReason::kIdle : codec::ReverseReason::kReset);
}

}  // namespace ming::reverse
