// UTF-8 validity (RFC 3629).
#ifndef MING_BASE_UTF8_H_
#define MING_BASE_UTF8_H_

#include <string>
#include <string_view>

namespace ming {

// False for overlong forms, surrogates, values above U+10FFFF and truncated sequences.
bool IsValidUtf8(std::string_view text);

// `text` fit for one log line: control characters and invalid bytes as \xNN, cut at `max_bytes`
// with "...".
std::string PrintableText(std::string_view text, size_t max_bytes);

}  // namespace ming

#endif  // MING_BASE_UTF8_H_
