#include "ming/signaling/signaling_server_options.h"

#include <algorithm>
#include <string_view>

#include "ming/base/utf8.h"

namespace ming::signaling {
namespace {

class Problems {
 public:
  // Adds `sentence` unless `holds`.
  void Require(bool holds, std::string sentence) {
    if (!holds) found_.push_back(std::move(sentence));
  }
  template <typename T>
  void RequireBetween(T low, T value, T high, const std::string& name) {
    Require(low <= value && value <= high, name + " must be " + Text(low) + " to " + Text(high));
  }
  std::vector<std::string> Take() { return std::move(found_); }

 private:
  static std::string Text(size_t value) { return std::to_string(value); }
  static std::string Text(double value) {
    std::string text = std::to_string(value);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
    return text;
  }

  std::vector<std::string> found_;
};

constexpr size_t kMaxTokenBytes = 2048;

bool IsUsableToken(const Secret& token) {
  const std::string& text = token.Reveal();
  return !text.empty() && text.size() <= kMaxTokenBytes &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

}  // namespace

std::string WhyBadId(const std::string& id, size_t max_length) {
  if (id.empty()) return "it is empty";
  if (id.size() > max_length) return "it is longer than " + std::to_string(max_length) + " bytes";
  if (!IsValidUtf8(id)) return "it is not UTF-8";
  const auto is_control = [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; };
  if (std::any_of(id.begin(), id.end(), is_control)) return "it has control characters";
  // U+0080 to U+009F, the C1 controls.
  for (size_t i = 0; i + 1 < id.size(); ++i) {
    if (id[i] == '\xc2' && id[i + 1] <= '\x9f') return "it has control characters";
  }
  return "";
}

std::vector<std::string> Validate(const SignalingServerCoreOptions& options) {
  Problems problems;
  for (const Secret& token : options.valid_tokens) {
    problems.Require(IsUsableToken(token),
                     "a token must be 1 to 2048 visible ASCII characters without spaces");
  }
  for (const auto& [id, token] : options.host_tokens) {
    const std::string why = WhyBadId(id, options.max_id_length);
    problems.Require(why.empty(), "bad host ID '" + PrintableText(id, 64) + "': " + why);
    problems.Require(IsUsableToken(token), "the token of host '" + PrintableText(id, 64) +
                                               "' must be 1 to 2048 visible ASCII characters "
                                               "without spaces");
  }
  problems.Require(!options.allowed_origins.empty(),
                   "the list of allowed origins is empty; \"*\" allows all");
  problems.RequireBetween<size_t>(1024, options.max_message_size, size_t{1} << 20,
                                  "the largest message");
  problems.RequireBetween<size_t>(1, options.max_id_length, 256, "the longest ID");
  problems.RequireBetween<size_t>(1, options.max_connections, 1'000'000, "the connection limit");
  problems.RequireBetween<size_t>(1, options.max_connections_per_source, 1'000'000,
                                  "the connection limit of a source");
  problems.RequireBetween(0.1, options.connection_rate, 1e6, "the connection rate");
  problems.RequireBetween(1.0, options.connection_burst, 1e6, "the connection burst");
  problems.RequireBetween(0.1, options.message_rate, 1e6, "the message rate");
  problems.RequireBetween(1.0, options.message_burst, 1e6, "the message burst");
  problems.RequireBetween<size_t>(1, options.auth_failure_burst, 10'000,
                                  "the number of refused tokens");
  problems.Require(options.auth_failure_refill > Duration::zero(),
                   "the refill time of refused tokens must be positive");
  problems.Require(options.first_message_timeout > Duration::zero(),
                   "the time to the first message must be positive");
  problems.Require(options.probe_timeout > Duration::zero(), "the probe time must be positive");
  return problems.Take();
}

}  // namespace ming::signaling
