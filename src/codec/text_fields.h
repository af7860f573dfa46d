// Scanning that the text codecs share: words, numbers and character classes. Nothing here depends
// on the locale.
#ifndef MING_CODEC_TEXT_FIELDS_H_
#define MING_CODEC_TEXT_FIELDS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ming::codec {

// Takes the next word off the front of `rest`; words stand between spaces, one or more. Empty:
// there is none.
std::string_view TakeWord(std::string_view& rest);

// Takes what stands before the first `separator` off the front of `rest`, and the separator; all of
// it where there is none.
std::string_view TakeUntil(std::string_view& rest, char separator);

// Decimal digits only, at most `max`. Leading zeros are fine, 20 digits are the most.
std::optional<uint64_t> ParseDecimal(std::string_view text, uint64_t max);

// Printable ASCII, space included (0x20 to 0x7E). True for an empty text.
bool IsPrintableAscii(std::string_view text);
// Printable ASCII without space, and not empty.
bool IsWord(std::string_view text);
// token of RFC 8866, section 9; not empty.
bool IsSdpToken(std::string_view text);
// ice-char of RFC 8839, section 5.1: letters, digits, '+' and '/'. The length is within the bounds.
bool IsIceText(std::string_view text, size_t min_bytes, size_t max_bytes);

bool EqualsIgnoreCase(std::string_view a, std::string_view b);
std::string LowerCase(std::string_view text);

}  // namespace ming::codec

#endif  // MING_CODEC_TEXT_FIELDS_H_
