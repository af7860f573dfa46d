#include "ming/reverse/token_auth.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "ming/base/secret.h"
#include "ming/codec/text_fields.h"

namespace ming::reverse {
namespace {

constexpr size_t kNonceDigits = 32;

std::string ControlText(std::string_view id, std::string_view time, std::string_view nonce) {
  std::string text = "RT1|CONTROL|";
  text.append(id).append("|").append(time).append("|").append(nonce);
  return text;
}

std::string DataText(const codec::ReverseConnId& conn) { return "RT1|DATA|" + conn.ToString(); }

bool IsNonce(std::string_view text) {
  return text.size() == kNonceDigits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// In constant time.
bool IsMac(std::string expected, std::optional<std::string_view> shown) {
  return shown && Secret(std::move(expected)).Matches(*shown);
}

Status Refused(const char* why) { return {StatusCode::kPermissionDenied, why}; }

}  // namespace

void SignControl(const TokenKey& key, Random& random, std::string_view id,
                 codec::ReverseParams& params) {
  const std::string time = std::to_string(key.UnixSeconds());
  const std::string nonce = codec::ReverseConnId::Draw(random).ToString();
  params.Add("ts", time);
  params.Add("nonce", nonce);
  params.Add("mac", key.Mac(ControlText(id, time, nonce)));
}

void SignData(const TokenKey& key, const codec::ReverseConnId& conn, codec::ReverseParams& params) {
  params.Add("mac", key.Mac(DataText(conn)));
}

// The MAC first: nobody without the token learns anything about the clock or the memory, or fills
// it.
Status TokenChecker::CheckControl(Timestamp now, std::string_view id,
                                  const codec::ReverseParams& params) {
  const std::string_view time = params.Find("ts").value_or("");
  const std::string_view nonce = params.Find("nonce").value_or("");
  if (!IsMac(key_.Mac(ControlText(id, time, nonce)), params.Find("mac")) || !IsNonce(nonce)) {
    return Refused("token");
  }
  const auto stamp = codec::ParseDecimal(time, std::numeric_limits<uint32_t>::max() * uint64_t{4});
  const int64_t clock = key_.UnixSeconds();
  constexpr int64_t kSkew = std::chrono::floor<std::chrono::seconds>(kMaxClockSkew).count();
  if (!stamp || static_cast<int64_t>(*stamp) < clock - kSkew ||
      static_cast<int64_t>(*stamp) > clock + kSkew) {
    return Refused("the clocks of the two ends differ by more than 60 s");
  }
  while (!expiries_.empty() && expiries_.front().first <= now) {
    nonces_.erase(expiries_.front().second);
    expiries_.pop_front();
  }
  if (nonces_.count(std::string(nonce)) != 0) return Refused("seen before");
  if (nonces_.size() >= max_nonces_) {
    return {StatusCode::kResourceExhausted, "too many clients in two minutes"};
  }
  nonces_.emplace(nonce);
  expiries_.emplace_back(now + kNonceMemory, nonce);
  return Status::Ok();
}

Status TokenChecker::CheckData(const codec::ReverseConnId& conn,
                               const codec::ReverseParams& params) const {
  return IsMac(key_.Mac(DataText(conn)), params.Find("mac")) ? Status::Ok() : Refused("token");
}

}  // namespace ming::reverse
