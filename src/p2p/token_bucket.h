// TokenBucket: a rate limit that allows bursts.
#ifndef MING_P2P_TOKEN_BUCKET_H_
#define MING_P2P_TOKEN_BUCKET_H_

#include <algorithm>
#include <chrono>

#include "ming/base/time.h"

namespace ming::p2p {

struct TokenBucketOptions {
  double per_second = 1.0;  // above 0
  double burst = 1.0;       // at least 1
};

class TokenBucket {
 public:
  // Full at `now`.
  TokenBucket(const TokenBucketOptions& options, Timestamp now)
      : options_(options), tokens_(options.burst), filled_at_(now) {}

  // Whether one more is within the limit; takes it if so.
  bool TryTake(Timestamp now) {
    const std::chrono::duration<double> passed = now - filled_at_;
    tokens_ =
        std::min(options_.burst, tokens_ + std::max(0.0, passed.count()) * options_.per_second);
    filled_at_ = now;
    if (tokens_ < 1.0) return false;
    tokens_ -= 1.0;
    return true;
  }

 private:
  TokenBucketOptions options_;
  double tokens_;
  Timestamp filled_at_;
};

}  // namespace ming::p2p

#endif  // MING_P2P_TOKEN_BUCKET_H_
