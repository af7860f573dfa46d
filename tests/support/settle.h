// SettleOrFail: runs a simulation until nothing is left to happen.
#ifndef MING_SUPPORT_SETTLE_H_
#define MING_SUPPORT_SETTLE_H_

#include <gtest/gtest.h>

#include <cstddef>

#include "ming/support/fake_timer_service.h"

namespace ming::support {

// Fails instead of hanging when something keeps arming alarms.
inline void SettleOrFail(FakeTimerService& timers, size_t max_steps = 100000) {
  if (!timers.Settle(max_steps)) {
    ADD_FAILURE() << "not settled after " << max_steps << " turns; " << timers.armed_count()
                  << " alarms are armed";
  }
}

}  // namespace ming::support

#endif  // MING_SUPPORT_SETTLE_H_
