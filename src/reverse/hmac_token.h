// HmacToken: the token of a reverse tunnel, computed by GnuTLS, and the clock of the system.
#ifndef MING_REVERSE_HMAC_TOKEN_H_
#define MING_REVERSE_HMAC_TOKEN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ming/base/secret.h"
#include "ming/reverse/token_auth.h"

namespace ming::reverse {

class HmacToken final : public TokenKey {
 public:
  // `token` is not empty.
  explicit HmacToken(Secret token);

  std::string Mac(std::string_view text) const override;
  int64_t UnixSeconds() const override;

 private:
  const Secret token_;
};

// None for an empty token.
std::optional<HmacToken> MakeToken(const Secret& token);
// The same as the cores take it: null for none.
const TokenKey* KeyOf(const std::optional<HmacToken>& token);

}  // namespace ming::reverse

#endif  // MING_REVERSE_HMAC_TOKEN_H_
