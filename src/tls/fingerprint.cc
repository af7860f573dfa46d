#include "ming/tls/fingerprint.h"

#include <algorithm>
#include <optional>

namespace ming::tls {
namespace {

constexpr std::string_view kAlgorithm = "sha-256";

char ToLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool EqualsIgnoringCase(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (ToLower(text[i]) != lower[i]) return false;
  }
  return true;
}

std::optional<uint8_t> HexValue(char c) {
  const char lower = ToLower(c);
  if (lower >= '0' && lower <= '9') return static_cast<uint8_t>(lower - '0');
  if (lower >= 'a' && lower <= 'f') return static_cast<uint8_t>(lower - 'a' + 10);
  return std::nullopt;
}

Status OtherFunction() {
  return Status(StatusCode::kUnsupported, "only sha-256 fingerprints are understood");
}

}  // namespace

Result<Fingerprint> Fingerprint::Parse(std::string_view text) {
  const size_t space = text.find(' ');
  if (space == std::string_view::npos) {
    return Status(StatusCode::kMalformed, "a fingerprint needs a hash function and digits");
  }
  if (!EqualsIgnoringCase(text.substr(0, space), kAlgorithm)) {
    return OtherFunction();
  }
  return ParseDigits(text.substr(space + 1));
}

Result<Fingerprint> Fingerprint::FromBytes(std::string_view algorithm, ByteSpan digest) {
  if (algorithm != kAlgorithm) return OtherFunction();
  Sha256::Digest bytes{};
  if (digest.size() != bytes.size()) {
    return Status(StatusCode::kMalformed, "a sha-256 fingerprint has 32 bytes");
  }
  std::copy(digest.begin(), digest.end(), bytes.begin());
  return Fingerprint(bytes);
}

Result<Fingerprint> Fingerprint::ParseDigits(std::string_view text) {
  const Status malformed(StatusCode::kMalformed,
                         "a sha-256 fingerprint is 32 pairs of hexadecimal digits with colons");
  Sha256::Digest digest;
  if (text.size() != 3 * digest.size() - 1) return malformed;
  for (size_t i = 0; i < digest.size(); ++i) {
    const std::optional<uint8_t> high = HexValue(text[3 * i]);
    const std::optional<uint8_t> low = HexValue(text[3 * i + 1]);
    if (!high || !low) return malformed;
    if (i + 1 < digest.size() && text[3 * i + 2] != ':') return malformed;
    digest[i] = static_cast<uint8_t>(*high << 4 | *low);
  }
  return Fingerprint(digest);
}

std::string Fingerprint::Digits() const {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string text;
  text.reserve(3 * digest_.size());
  for (const uint8_t byte : digest_) {
    if (!text.empty()) text += ':';
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::string Fingerprint::ToString() const { return std::string(kAlgorithm) + ' ' + Digits(); }

}  // namespace ming::tls
