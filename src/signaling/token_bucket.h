// TokenBucket: at most `burst` at once and `rate` a second over time. Pure.
#ifndef MING_SIGNALING_TOKEN_BUCKET_H_
#define MING_SIGNALING_TOKEN_BUCKET_H_

#include "ming/base/time.h"

namespace ming::signaling {

struct TokenBucketRule {
  double rate = 1.0;   // tokens a second, above 0
  double burst = 1.0;  // tokens a full bucket holds, at least 1
};

// Begins full. The rule is an argument, because thousands of buckets share one. `now` never goes
// back.
class TokenBucket {
 public:
  TokenBucket(const TokenBucketRule& rule, Timestamp now) : filled_at_(now), tokens_(rule.burst) {}

  // Takes one token, or runs up a debt: use it for what cannot be turned away any more.
  void Take(const TokenBucketRule& rule, Timestamp now);
  // Whether a whole token is there.
  bool HasToken(const TokenBucketRule& rule, Timestamp now) const;
  bool IsFull(const TokenBucketRule& rule, Timestamp now) const;
  // When a whole token is there, if none is taken before; `now` where it is already.
  Timestamp NextToken(const TokenBucketRule& rule, Timestamp now) const;

 private:
  double TokensAt(const TokenBucketRule& rule, Timestamp now) const;

  Timestamp filled_at_;
  double tokens_;  // at filled_at_
};

}  // namespace ming::signaling

#endif  // MING_SIGNALING_TOKEN_BUCKET_H_
