// LogGate: holds back log lines of one kind that peers can cause, so that none of them fills a
// disk. A line that passes says how many did not.
#ifndef MING_BASE_LOG_GATE_H_
#define MING_BASE_LOG_GATE_H_

#include <cstdint>
#include <string>
#include <utility>

#include "ming/base/time.h"

namespace ming {

struct LogGateRule {
  double per_second = 1.0;  // over time, above 0
  double burst = 20.0;      // at once, at least 1
};

class LogGate {
 public:
  explicit LogGate(const LogGateRule& rule) : rule_(rule), tokens_(rule.burst) {}

  // Whether a line may be written now; one that may not is counted.
  bool Pass(Timestamp now);
  // How many did not pass since the last call.
  uint64_t TakeHeldBackCount() { return std::exchange(held_back_, 0); }
  // The same to end a line with: " (17 like it were not logged)", or nothing.
  std::string TakeHeldBack();

 private:
  LogGateRule rule_;
  double tokens_;  // at filled_at_
  Timestamp filled_at_;
  uint64_t held_back_ = 0;
};

}  // namespace ming

#endif  // MING_BASE_LOG_GATE_H_
