#include "ming/cli/status_text.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <utility>

namespace ming::cli {
namespace {

// Three digits that matter: "1.5", "23".
std::string ShortNumber(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), value < 9.95 ? "%.1f" : "%.0f", value);
  return text.data();
}

}  // namespace

std::string FormatRate(double bytes_per_second) {
  constexpr std::array<const char*, 5> kUnits = {" B/s", " kB/s", " MB/s", " GB/s", " TB/s"};
  size_t unit = 0;
  double value = bytes_per_second;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit > 0 && value < 99.95 ? "%.1f" : "%.0f", value);
  return text.data() + std::string(kUnits[unit]);
}

std::string FormatDelay(Duration delay) {
  const double seconds = std::chrono::duration<double>(delay).count();
  if (seconds < 0.9995) return ShortNumber(seconds * 1000) + " ms";
  return ShortNumber(seconds) + " s";
}

std::string FormatCount(uint64_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

double RateMeter::Update(Timestamp now, uint64_t total) {
  const Sample present{now, total};
  const std::optional<Sample> before = std::exchange(last_, present);
  if (!before || now <= before->when || total < before->total) return 0;
  const std::chrono::duration<double> passed = now - before->when;
  return static_cast<double>(total - before->total) / passed.count();
}

}  // namespace ming::cli
