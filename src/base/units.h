// Durations and sizes as users write them: "300ms", "1m30s", "64KiB", "1M".
#ifndef MING_BASE_UNITS_H_
#define MING_BASE_UNITS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ming/base/status.h"
#include "ming/base/time.h"

namespace ming {

inline constexpr uint64_t kKiB = 1024;
inline constexpr uint64_t kMiB = 1024 * kKiB;
inline constexpr uint64_t kGiB = 1024 * kMiB;

// Takes the digits at the front of `text`; nothing, and `text` as it was, where there are none or
// the number needs more than 64 bits.
std::optional<uint64_t> TakeNumber(std::string_view& text);

// A sum of numbers with units ns, us, ms, s, m, h, each unit at most once and from large to small;
// "1.5s" is 1500 ms. A bare number is an error, except "0". Not negative; at most 1000000 h.
Result<Duration> ParseDuration(std::string_view text);
// The shortest text that ParseDuration reads back as the same value: "1m30s", "0s".
std::string FormatDuration(Duration duration);

// A whole number and a unit: B, K or KiB, M or MiB, G or GiB (powers of 1024), kB, MB, GB (powers
// of 1000). A bare number is an error, except "0".
Result<uint64_t> ParseSize(std::string_view text);
// "64KiB", "1MiB", "1000B": exact, in the largest binary unit that divides the value.
std::string FormatSize(uint64_t bytes);

}  // namespace ming

#endif  // MING_BASE_UNITS_H_
