#include "ming/reverse/hmac_token.h"

#include <glog/logging.h>

#include <chrono>
#include <utility>

#include "ming/base/bytes.h"
#include "ming/tls/hmac.h"

namespace ming::reverse {

HmacToken::HmacToken(Secret token) : token_(std::move(token)) { CHECK(!token_.empty()); }

std::string HmacToken::Mac(std::string_view text) const {
  return tls::ToHex(tls::HmacSha256(ByteSpan(std::string_view{token_.Reveal()}), ByteSpan(text)));
}

int64_t HmacToken::UnixSeconds() const {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(since_epoch).count();
}

std::optional<HmacToken> MakeToken(const Secret& token) {
  if (token.empty()) return std::nullopt;
  return std::optional<HmacToken>(std::in_place, token);
}

const TokenKey* KeyOf(const std::optional<HmacToken>& token) { return token ? &*token : nullptr; }

}  // namespace ming::reverse
