// Latencies: durations of one kind, and their percentiles.
#ifndef MING_LOAD_LATENCIES_H_
#define MING_LOAD_LATENCIES_H_

#include <chrono>
#include <string>
#include <vector>

namespace ming::load {

using Clock = std::chrono::steady_clock;

class Latencies {
 public:
  void Add(Clock::duration latency) { values_.push_back(latency); }
  void Clear() { values_.clear(); }
  size_t count() const { return values_.size(); }
  // `share` of the values are not larger, 0 to 1.
  double Microseconds(double share);
  // "count": n, "p50_us": ..., "p99_us": ..., "p999_us": ..., "max_us": ...
  std::string Json();

 private:
  std::vector<Clock::duration> values_;
};

}  // namespace ming::load

#endif  // MING_LOAD_LATENCIES_H_
