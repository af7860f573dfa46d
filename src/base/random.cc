#include "ming/base/random.h"

#include <glog/logging.h>

#include <cstring>

namespace ming {

uint64_t Random::Below(uint64_t bound) {
  DCHECK_GT(bound, 0U);
  // Values under the remainder of 2^64 / bound would make small results likelier: draw again.
  const uint64_t biased = (0 - bound) % bound;
  for (;;) {
    const uint64_t value = Next64();
    if (value >= biased) return value % bound;
  }
}

double Random::Fraction() {
  return static_cast<double>(Next64() >> 11) / static_cast<double>(uint64_t{1} << 53);
}

void Random::Fill(MutableByteSpan out) {
  for (size_t at = 0; at < out.size(); at += sizeof(uint64_t)) {
    const uint64_t value = Next64();
    const size_t count = out.size() - at < sizeof(value) ? out.size() - at : sizeof(value);
    std::memcpy(out.data() + at, &value, count);
  }
}

std::string Random::Alphanumeric(size_t count) {
  static constexpr char kAlphabet[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  std::string text(count, '\0');
  for (char& character : text) character = kAlphabet[Below(sizeof(kAlphabet) - 1)];
  return text;
}

uint64_t SeededRandom::Next64() {
  state_ += 0x9E3779B97F4A7C15U;
  uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31);
}

std::string RandomUuid(Random& random) {
  uint8_t bytes[16];
  random.Fill(MutableByteSpan(bytes, sizeof(bytes)));
  bytes[6] = static_cast<uint8_t>((bytes[6] & 0x0F) | 0x40);
  bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3F) | 0x80);
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < sizeof(bytes); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
  }
  return text;
}

}  // namespace ming
