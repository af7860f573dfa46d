#include "ming/base/log_gate.h"

#include <algorithm>
#include <chrono>

namespace ming {

bool LogGate::Pass(Timestamp now) {
  const std::chrono::duration<double> passed = now - filled_at_;
  tokens_ = std::min(rule_.burst, tokens_ + std::max(0.0, passed.count()) * rule_.per_second);
  filled_at_ = now;
  if (tokens_ < 1.0) {
    ++held_back_;
    return false;
  }
  tokens_ -= 1.0;
  return true;
}

std::string LogGate::TakeHeldBack() {
  const uint64_t count = TakeHeldBackCount();
  return count == 0 ? std::string() : " (" + std::to_string(count) + " like it were not logged)";
}

}  // namespace ming
