#include "ming/cli/flag_value.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "ming/base/units.h"
#include "ming/base/utf8.h"

namespace ming::cli {
namespace {

constexpr size_t kShownBytes = 60;
constexpr size_t kLongestText = size_t{64} * 1024;

Status Invalid(std::string message) {
  return Status(StatusCode::kInvalidArgument, std::move(message));
}

std::string Quote(std::string_view text) { return '"' + PrintableText(text, kShownBytes) + '"'; }

std::string Shown(const FlagSpec& flag, std::string_view text) {
  return flag.sensitivity == Sensitivity::kSecret ? "the value" : Quote(text);
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  });
  return lower;
}

bool HasControlCharacter(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return std::iscntrl(static_cast<unsigned char>(c)) != 0; });
}

std::string RangeText(const FlagSpec& flag, std::string (*format)(uint64_t)) {
  if (flag.maximum == std::numeric_limits<uint64_t>::max()) {
    return "at least " + format(flag.minimum);
  }
  return format(flag.minimum) + " to " + format(flag.maximum);
}

Status CheckRange(const FlagSpec& flag, std::string_view text, uint64_t value,
                  std::string (*format)(uint64_t)) {
  if (value >= flag.minimum && value <= flag.maximum) return Status::Ok();
  return Invalid(Quote(text) + " is out of range (" + RangeText(flag, format) + ")");
}

Status CheckInteger(const FlagSpec& flag, std::string_view text) {
  const auto format = [](uint64_t value) { return std::to_string(value); };
  const std::optional<uint64_t> value = ParseInteger(text);
  if (!value) {
    return Invalid(Quote(text) + " is not a whole number (" + RangeText(flag, format) + ")");
  }
  return CheckRange(flag, text, *value, format);
}

bool IsChoice(const FlagSpec& flag, std::string_view text) {
  return std::find(flag.choices.begin(), flag.choices.end(), text) != flag.choices.end();
}

// `problem`, and the words that would do.
Status WithChoices(const FlagSpec& flag, const Status& problem) {
  if (flag.choices.empty()) return problem;
  std::string words;
  for (const std::string& choice : flag.choices) words += (words.empty() ? "" : ", ") + choice;
  return Status(problem.code(), problem.message() + "; or: " + words);
}

Status CheckSize(const FlagSpec& flag, std::string_view text) {
  if (IsChoice(flag, text)) return Status::Ok();
  const Result<uint64_t> size = ParseSize(text);
  if (!size.ok()) return WithChoices(flag, size.status());
  return CheckRange(flag, text, *size, FormatSize);
}

Status CheckDuration(const FlagSpec& flag, std::string_view text) {
  if (IsChoice(flag, text)) return Status::Ok();
  const auto format = [](uint64_t value) {
    return FormatDuration(Duration(static_cast<Duration::rep>(value)));
  };
  const Result<Duration> duration = ParseDuration(text);
  if (!duration.ok()) return WithChoices(flag, duration.status());
  return CheckRange(flag, text, static_cast<uint64_t>(duration->count()), format);
}

Status CheckText(const FlagSpec& flag, std::string_view text) {
  if (!IsValidUtf8(text) || HasControlCharacter(text)) {
    return Invalid(Shown(flag, text) + " has control characters or is not UTF-8");
  }
  if (flag.required && text.empty()) return Invalid("must not be empty");
  const uint64_t longest = std::min<uint64_t>(flag.maximum, kLongestText);
  if (text.size() > longest) {
    return Invalid(Shown(flag, text) + " is " + std::to_string(text.size()) +
                   " bytes long; at most " + std::to_string(longest) + " are allowed");
  }
  return Status::Ok();
}

Status CheckChoice(const FlagSpec& flag, std::string_view text) {
  if (IsChoice(flag, text)) return Status::Ok();
  std::string all;
  for (size_t i = 0; i < flag.choices.size(); ++i) {
    if (i > 0) all += i + 1 == flag.choices.size() ? " or " : ", ";
    all += flag.choices[i];
  }
  return Invalid(Quote(text) + " is not " + all);
}

}  // namespace

Status CheckValue(const FlagSpec& flag, std::string_view text) {
  switch (flag.type) {
    case ValueType::kBool:
      if (ParseBool(text)) return Status::Ok();
      return Invalid(Quote(text) + " is not true or false");
    case ValueType::kInteger:
      return CheckInteger(flag, text);
    case ValueType::kDuration:
      return CheckDuration(flag, text);
    case ValueType::kSize:
      return CheckSize(flag, text);
    case ValueType::kText:
    case ValueType::kTextList:
    case ValueType::kPath:
      return CheckText(flag, text);
    case ValueType::kChoice:
      return CheckChoice(flag, text);
    case ValueType::kAddress:
      return [&] {
        const Result<HostPort> address = ParseHostPort(text);
        return address.ok() ? Status::Ok() : address.status();
      }();
    case ValueType::kPortRange:
      return [&] {
        const auto range = ParsePortRange(text);
        return range.ok() ? Status::Ok() : range.status();
      }();
  }
  return Invalid("unknown type");
}

std::optional<bool> ParseBool(std::string_view text) {
  const std::string lower = LowerCase(text);
  for (const char* word : {"true", "yes", "on", "1", "t", "y"}) {
    if (lower == word) return true;
  }
  for (const char* word : {"false", "no", "off", "0", "f", "n"}) {
    if (lower == word) return false;
  }
  return std::nullopt;
}

std::optional<uint64_t> ParseInteger(std::string_view text) {
  uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || rest != end) return std::nullopt;
  return value;
}

std::vector<std::string> SplitList(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    std::string_view item = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    while (!item.empty() && item.front() == ' ') item.remove_prefix(1);
    while (!item.empty() && item.back() == ' ') item.remove_suffix(1);
    if (!item.empty()) items.emplace_back(item);
  }
  return items;
}

Result<std::optional<PortRange>> ParsePortRange(std::string_view text) {
  if (text.empty()) return std::optional<PortRange>();
  const size_t dash = text.find('-');
  if (dash != std::string_view::npos) {
    const std::optional<Port> low = ParsePort(text.substr(0, dash));
    const std::optional<Port> high = ParsePort(text.substr(dash + 1));
    if (low && high && low->value() >= 1 && low->value() <= high->value()) {
      return std::optional<PortRange>(PortRange{*low, *high});
    }
  }
  return Invalid(Quote(text) + " is not a port range (low-high, as in 20000-20100)");
}

}  // namespace ming::cli
