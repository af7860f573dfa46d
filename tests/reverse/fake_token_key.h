// FakeTokenKey: a token whose MACs are easy to make and whose clock a test sets.
#ifndef MING_TESTS_REVERSE_FAKE_TOKEN_KEY_H_
#define MING_TESTS_REVERSE_FAKE_TOKEN_KEY_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "ming/reverse/token_auth.h"

namespace ming::reverse {

class FakeTokenKey final : public TokenKey {
 public:
  explicit FakeTokenKey(std::string token) : token_(std::move(token)) {}

  // 64 digits that depend on the token and every byte of the text (FNV-1a, four times).
  std::string Mac(std::string_view text) const override {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string mac;
    uint64_t hash = 0xcbf29ce484222325;
    for (int round = 0; round < 4; ++round) {
      for (const char c : token_ + "|" + std::string(text)) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
      }
      for (int shift = 60; shift >= 0; shift -= 4) mac += kDigits[hash >> shift & 0xF];
    }
    return mac;
  }
  int64_t UnixSeconds() const override { return clock; }

  int64_t clock = 1700000000;

 private:
  const std::string token_;
};

}  // namespace ming::reverse

#endif  // MING_TESTS_REVERSE_FAKE_TOKEN_KEY_H_
