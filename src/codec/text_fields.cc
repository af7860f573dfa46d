#include "ming/codec/text_fields.h"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace ming::codec {
namespace {

char LowerCaseChar(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool IsAlphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

}  // namespace

std::string_view TakeWord(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  const std::string_view word = rest.substr(0, rest.find(' '));
  rest.remove_prefix(word.size());
  return word;
}

std::string_view TakeUntil(std::string_view& rest, char separator) {
  const std::string_view taken = rest.substr(0, rest.find(separator));
  rest.remove_prefix(std::min(taken.size() + 1, rest.size()));
  return taken;
}

std::optional<uint64_t> ParseDecimal(std::string_view text, uint64_t max) {
  constexpr size_t kMostDigits = 20;
  if (text.empty() || text.size() > kMostDigits) return std::nullopt;
  if (text.front() < '0' || text.front() > '9') return std::nullopt;
  uint64_t value = 0;
  const char* const text_end = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), text_end, value);
  if (error != std::errc() || end != text_end || value > max) return std::nullopt;
  return value;
}

bool IsPrintableAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7E; });
}

bool IsWord(std::string_view text) {
  return !text.empty() && IsPrintableAscii(text) && text.find(' ') == std::string_view::npos;
}

bool IsSdpToken(std::string_view text) {
  constexpr std::string_view kExcluded = "\"(),/:;<=>?@[\\]";
  return IsWord(text) && text.find_first_of(kExcluded) == std::string_view::npos;
}

bool IsIceText(std::string_view text, size_t min_bytes, size_t max_bytes) {
  if (text.size() < min_bytes || text.size() > max_bytes) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return IsAlphanumeric(c) || c == '+' || c == '/'; });
}

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return LowerCaseChar(x) == LowerCaseChar(y); });
}

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), LowerCaseChar);
  return lower;
}

}  // namespace ming::codec
