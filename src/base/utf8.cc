#include "ming/base/utf8.h"

#include <cstddef>
#include <cstdint>

namespace ming {
namespace {

// The well-formed sequences (RFC 3629, section 4): overlong forms, surrogates and values above
// U+10FFFF are excluded by the range of the second byte.
struct SequenceForm {
  uint8_t first_low;
  uint8_t first_high;
  uint8_t second_low;
  uint8_t second_high;
  size_t length;
};

constexpr SequenceForm kForms[] = {
    {0x00, 0x7F, 0x00, 0x00, 1}, {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
    {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
    {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
};

bool IsInRange(char character, uint8_t low, uint8_t high) {
  const uint8_t byte = static_cast<uint8_t>(character);
  return byte >= low && byte <= high;
}

// The length of the valid sequence at the front of `text`, which is not empty; 0 where there is
// none.
size_t SequenceLength(std::string_view text) {
  for (const SequenceForm& form : kForms) {
    if (!IsInRange(text[0], form.first_low, form.first_high)) continue;
    if (text.size() < form.length) return 0;
    if (form.length > 1 && !IsInRange(text[1], form.second_low, form.second_high)) return 0;
    for (size_t i = 2; i < form.length; ++i) {
      if (!IsInRange(text[i], 0x80, 0xBF)) return 0;
    }
    return form.length;
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
