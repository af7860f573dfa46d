#include "ming/load/latencies.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace ming::load {

double Latencies::Microseconds(double share) {
  if (values_.empty()) return 0;
  const auto last = static_cast<double>(values_.size() - 1);
  const auto at = values_.begin() + std::lround(share * last);
  std::nth_element(values_.begin(), at, values_.end());
  return std::chrono::duration<double, std::micro>(*at).count();
}

std::string Latencies::Json() {
  std::array<char, 256> text{};
  std::snprintf(text.data(), text.size(),
                R"("count": %zu, "p50_us": %.1f, "p99_us": %.1f, "p999_us": %.1f, "max_us": %.1f)",
                count(), Microseconds(0.5), Microseconds(0.99), Microseconds(0.999),
                Microseconds(1));
  return text.data();
}

}  // namespace ming::load
