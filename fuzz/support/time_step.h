// How time passes for a core under a fuzzer.
#ifndef MING_FUZZ_SUPPORT_TIME_STEP_H_
#define MING_FUZZ_SUPPORT_TIME_STEP_H_

#include <glog/logging.h>

#include "ming/base/time.h"

namespace ming::fuzz {

// A deadline that stays behind would make the shell spin.
template <typename Core>
void PassTime(Core& core, Duration time, Timestamp& now) {
  now = now + time;
  core.HandleTimeout(now);
  CHECK(core.NextTimeout() > now);
}

}  // namespace ming::fuzz

#endif  // MING_FUZZ_SUPPORT_TIME_STEP_H_
