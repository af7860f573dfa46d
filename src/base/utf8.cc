#include "ming/base/utf8.h"

#include <cstddef>
#include <cstdint>

namespace ming {
namespace {

// The length of the valid sequence at the front of `text` (RFC 3629, section 4); 0 where there is
// none.
size_t SequenceLength(std::string_view text) {
  const auto byte = [text](size_t i) { return static_cast<uint8_t>(text[i]); };
  const auto is_tail = [&](size_t i) { return i < text.size() && (byte(i) & 0xC0) == 0x80; };
  const uint8_t first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return is_tail(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (!is_tail(1) || !is_tail(2)) return 0;
    if (first == 0xE0 && byte(1) < 0xA0) return 0;  // overlong
    if (first == 0xED && byte(1) > 0x9F) return 0;  // surrogate
    return 3;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (!is_tail(1) || !is_tail(2) || !is_tail(3)) return 0;
    if (first == 0xF0 && byte(1) < 0x90) return 0;  // overlong
    if (first == 0xF4 && byte(1) > 0x8F) return 0;  // above U+10FFFF
    return 4;
  }
  return 0;
}

void AppendEscaped(std::string& out, char character) {
  static constexpr char kDigits[] = "0123456789abcdef";
  const uint8_t value = static_cast<uint8_t>(character);
  out += "\\x";
  out += kDigits[value >> 4];
  out += kDigits[value & 15];
}

}  // namespace

bool IsValidUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = SequenceLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string PrintableText(std::string_view text, size_t max_bytes) {
  std::string out;
  size_t taken = 0;
  while (!text.empty()) {
    const size_t length = SequenceLength(text);
    const size_t step = length == 0 ? 1 : length;
    if (taken + step > max_bytes) return out + "...";
    const uint8_t first = static_cast<uint8_t>(text[0]);
    if (length == 0 || first < 0x20 || first == 0x7F) {
      AppendEscaped(out, text[0]);
    } else {
      out.append(text.substr(0, length));
    }
    text.remove_prefix(step);
    taken += step;
  }
  return out;
}

}  // namespace ming
