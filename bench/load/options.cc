#include "ming/load/options.h"

#include <charconv>
#include <system_error>

namespace ming::load {

Options::Options(const std::vector<std::string>& words) {
  for (size_t at = 0; at < words.size(); at += 2) {
    if (words[at].rfind("--", 0) != 0) DieOf("not a flag: " + words[at]);
    if (at + 1 == words.size()) DieOf("no value: " + words[at]);
    values_[words[at].substr(2)] = words[at + 1];
  }
}

std::string Options::Text(const std::string& name, const std::string& fallback) {
  const auto found = values_.find(name);
  if (found == values_.end()) return fallback;
  std::string value = found->second;
  values_.erase(found);
  return value;
}

double Options::Number(const std::string& name, double fallback) {
  const std::string text = Text(name, "");
  if (text.empty()) return fallback;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) {
    DieOf("--" + name + " is not a number: " + text);
  }
  return value;
}

size_t Options::Count(const std::string& name, size_t fallback) {
  return static_cast<size_t>(Number(name, static_cast<double>(fallback)));
}

Endpoint Options::Place(const std::string& name) {
  const std::string text = Text(name, "");
  if (text.empty()) DieOf("--" + name + " is required");
  return ParseEndpoint(text);
}

void Options::CheckAllUsed() const {
  if (!values_.empty()) DieOf("unknown flag: --" + values_.begin()->first);
}

}  // namespace ming::load
