#include "ming/base/units.h"

#include <charconv>
#include <limits>
#include <optional>

namespace ming {
namespace {

struct Unit {
  std::string_view name;
  uint64_t factor;
};

// From large to small, as they must follow one another.
constexpr Unit kDurationUnits[] = {{"h", 3600'000'000'000}, {"m", 60'000'000'000},
                                   {"s", 1'000'000'000},    {"ms", 1'000'000},
                                   {"us", 1'000},           {"ns", 1}};

constexpr Unit kSizeUnits[] = {{"B", 1},      {"kB", 1000}, {"MB", 1000'000}, {"GB", 1000'000'000},
                               {"K", kKiB},   {"M", kMiB},  {"G", kGiB},      {"KiB", kKiB},
                               {"MiB", kMiB}, {"GiB", kGiB}};

constexpr uint64_t kMaxDuration = 1'000'000ULL * 3600 * 1'000'000'000;

// Takes what stands before the next digit.
std::string_view TakeWord(std::string_view& text) {
  size_t length = 0;
  while (length < text.size() && (text[length] < '0' || text[length] > '9')) ++length;
  const std::string_view word = text.substr(0, length);
  text.remove_prefix(length);
  return word;
}

// Takes ".25" and returns "25", or nothing where no point follows. None: a point without digits.
std::optional<std::string_view> TakeDecimals(std::string_view& text) {
  if (text.empty() || text.front() != '.') return std::string_view();
  const std::string_view digits = text.substr(1, text.find_first_not_of("0123456789", 1) - 1);
  if (digits.empty()) return std::nullopt;
  text.remove_prefix(1 + digits.size());
  return digits;
}

// Of a unit; what is finer than 1 is cut.
uint64_t FractionOf(uint64_t unit, std::string_view decimals) {
  uint64_t fraction = 0;
  for (const char digit : decimals) {
    unit /= 10;
    fraction += static_cast<uint64_t>(digit - '0') * unit;
  }
  return fraction;
}

Status Bad(std::string_view text, const char* why) {
  return Status(StatusCode::kInvalidArgument, "'" + std::string(text) + "' " + why);
}

}  // namespace

std::optional<uint64_t> TakeNumber(std::string_view& text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return value;
}

Result<Duration> ParseDuration(std::string_view text) {
  static constexpr char kWant[] = "is no duration (want for example 300ms, 10s or 1m30s)";
  if (text == "0") return Duration(0);
  if (text.empty()) return Bad(text, kWant);
  uint64_t total = 0;
  size_t next_unit = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const auto number = TakeNumber(rest);
    const auto decimals = TakeDecimals(rest);
    const std::string_view name = TakeWord(rest);
    if (!number || !decimals) return Bad(text, kWant);
    size_t unit = next_unit;
    while (unit < std::size(kDurationUnits) && kDurationUnits[unit].name != name) ++unit;
    if (unit == std::size(kDurationUnits)) return Bad(text, kWant);
    next_unit = unit + 1;
    if (*number > kMaxDuration / kDurationUnits[unit].factor) return Bad(text, "is too long");
    total += *number * kDurationUnits[unit].factor;
    total += FractionOf(kDurationUnits[unit].factor, *decimals);
    if (total > kMaxDuration) return Bad(text, "is too long");
  }
  return Duration(static_cast<Duration::rep>(total));
}

std::string FormatDuration(Duration duration) {
  uint64_t rest = static_cast<uint64_t>(duration.count() < 0 ? 0 : duration.count());
  if (rest == 0) return "0s";
  std::string text;
  for (const Unit& unit : kDurationUnits) {
    if (rest < unit.factor) continue;
    text += std::to_string(rest / unit.factor);
    text += unit.name;
    rest %= unit.factor;
  }
  return text;
}

Result<uint64_t> ParseSize(std::string_view text) {
  static constexpr char kWant[] = "is no size (want for example 1200B, 64KiB or 1M)";
  if (text == "0") return uint64_t{0};
  std::string_view rest = text;
  const auto number = TakeNumber(rest);
  if (!number) return Bad(text, kWant);
  for (const Unit& unit : kSizeUnits) {
    if (unit.name != rest) continue;
    if (*number > std::numeric_limits<uint64_t>::max() / unit.factor)
      return Bad(text, "is too large");
    return *number * unit.factor;
  }
  return Bad(text, kWant);
}

std::string FormatSize(uint64_t bytes) {
  static constexpr Unit kBinary[] = {{"GiB", kGiB}, {"MiB", kMiB}, {"KiB", kKiB}};
  for (const Unit& unit : kBinary) {
    if (bytes != 0 && bytes % unit.factor == 0)
      return std::to_string(bytes / unit.factor) + std::string(unit.name);
  }
  return std::to_string(bytes) + "B";
}

}  // namespace ming
