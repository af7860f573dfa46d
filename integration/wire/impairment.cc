#include "ming/wire/impairment.h"

#include <charconv>
#include <string>

#include "ming/base/units.h"

namespace ming::wire {
namespace {

Status Bad(std::string_view text, const char* want) {
  return Status(StatusCode::kInvalidArgument, "'" + std::string(text) + "' is no " + want);
}

// A decimal number followed by `unit`.
std::optional<double> NumberWithUnit(std::string_view text, std::string_view unit) {
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  const std::string_view rest(end, static_cast<size_t>(text.data() + text.size() - end));
  if (error != std::errc() || rest != unit || value < 0) return std::nullopt;
  return value;
}

Status SetShare(std::string_view text, double& share) {
  const auto percent = NumberWithUnit(text, "%");
  if (!percent || *percent > 100) return Bad(text, "share (want 0% to 100%)");
  share = *percent / 100;
  return Status::Ok();
}

Status SetLength(std::string_view text, double& length) {
  const auto frames = NumberWithUnit(text, "");
  if (!frames || *frames < 1) return Bad(text, "mean length of a run (want 1 or more)");
  length = *frames;
  return Status::Ok();
}

Status SetDuration(std::string_view text, Duration& duration) {
  const auto parsed = ParseDuration(text);
  if (!parsed.ok()) return parsed.status();
  duration = *parsed;
  return Status::Ok();
}

Status SetRate(std::string_view text, std::optional<uint64_t>& rate) {
  rate = std::nullopt;
  if (text == "none") return Status::Ok();
  static constexpr std::pair<std::string_view, double> kUnits[] = {
      {"kbit", 1e3}, {"Mbit", 1e6}, {"Gbit", 1e9}};
  for (const auto& [unit, factor] : kUnits) {
    const auto number = NumberWithUnit(text, unit);
    if (number && *number * factor >= 1 && *number <= 1e6) {
      rate = static_cast<uint64_t>(*number * factor);
    }
  }
  return rate ? Status::Ok() : Bad(text, "rate (want for example 500kbit or 5Mbit)");
}

Status SetSize(std::string_view text, size_t& size) {
  const auto parsed = ParseSize(text);
  if (!parsed.ok()) return parsed.status();
  size = *parsed;
  return Status::Ok();
}

Status SetLimit(std::string_view text, std::optional<size_t>& limit) {
  limit = std::nullopt;
  return text == "none" ? Status::Ok() : SetSize(text, limit.emplace());
}

Status ApplyOne(std::string_view name, std::string_view value, Impairment& to) {
  if (name == "delay") return SetDuration(value, to.delay);
  if (name == "jitter") return SetDuration(value, to.jitter);
  if (name == "loss") return SetShare(value, to.loss);
  if (name == "burst-start") return SetShare(value, to.burst_start);
  if (name == "burst-length") return SetLength(value, to.burst_length);
  if (name == "reorder") return SetShare(value, to.reorder);
  if (name == "reorder-by") return SetDuration(value, to.reorder_by);
  if (name == "duplicate") return SetShare(value, to.duplicate);
  if (name == "rate") return SetRate(value, to.rate);
  if (name == "queue") return SetSize(value, to.queue);
  if (name == "drop-larger") return SetLimit(value, to.drop_larger);
  return Bad(name, "setting");
}

}  // namespace

Status ApplySettings(std::string_view words, Impairment& impairment) {
  Impairment changed = impairment;
  while (!words.empty()) {
    const std::string_view word = words.substr(0, words.find(' '));
    words.remove_prefix(word.size() + (word.size() < words.size() ? 1 : 0));
    if (word.empty()) continue;
    const size_t equals = word.find('=');
    if (equals == std::string_view::npos) return Bad(word, "setting (want name=value)");
    Status status = ApplyOne(word.substr(0, equals), word.substr(equals + 1), changed);
    if (!status.ok()) return status.WithContext(word.substr(0, equals));
  }
  impairment = changed;
  return Status::Ok();
}

}  // namespace ming::wire
