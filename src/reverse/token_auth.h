// Proving, and checking, with a token that both ends share, who opens a connection on port B. The
// texts that are signed stand in docs/reverse.md.
#ifndef MING_REVERSE_TOKEN_AUTH_H_
#define MING_REVERSE_TOKEN_AUTH_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "ming/base/random.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/codec/reverse_line.h"

namespace ming::reverse {

// The token and the wall clock, which pure code does not touch.
class TokenKey {
 public:
  virtual ~TokenKey() = default;
  // HMAC-SHA256(token, text) as 64 lower-case hexadecimal digits.
  virtual std::string Mac(std::string_view text) const = 0;
  virtual int64_t UnixSeconds() const = 0;
};

// Adds ts, nonce and mac to the parameters of a CONTROL line for `id`.
void SignControl(const TokenKey& key, Random& random, std::string_view id,
                 codec::ReverseParams& params);
// Adds mac to the parameters of a DATA line for `conn`.
void SignData(const TokenKey& key, const codec::ReverseConnId& conn, codec::ReverseParams& params);

// How far the clocks of the two ends may be apart.
inline constexpr Duration kMaxClockSkew = std::chrono::seconds(60);
// How long a nonce is remembered: as long as its time stamp can be valid.
inline constexpr Duration kNonceMemory = 2 * kMaxClockSkew;

class TokenChecker {
 public:
  // `key` outlives the checker. `max_nonces` is how many CONTROL lines may succeed in kNonceMemory:
  // only holders of the token can fill it.
  TokenChecker(const TokenKey& key, size_t max_nonces) : key_(key), max_nonces_(max_nonces) {}

  // kPermissionDenied: the parameters do not prove the token, or their time stamp is too far from
  // the clock, or they came before. kResourceExhausted: right, but `max_nonces` are remembered. The
  // message may be told to the peer.
  Status CheckControl(Timestamp now, std::string_view id, const codec::ReverseParams& params);
  Status CheckData(const codec::ReverseConnId& conn, const codec::ReverseParams& params) const;

  size_t nonce_count() const { return nonces_.size(); }

 private:
  const TokenKey& key_;
  const size_t max_nonces_;
  std::unordered_set<std::string> nonces_;
  std::deque<std::pair<Timestamp, std::string>> expiries_;  // in their order
};

}  // namespace ming::reverse

#endif  // MING_REVERSE_TOKEN_AUTH_H_
