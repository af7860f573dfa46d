#include "ming/signaling/token_bucket.h"

#include <algorithm>
#include <cmath>

namespace ming::signaling {
namespace {

// Rounding of NextToken must not leave a bucket a hair short of its token.
constexpr double kEpsilon = 1e-6;

}  // namespace

double TokenBucket::TokensAt(const TokenBucketRule& rule, Timestamp now) const {
  const double seconds = std::chrono::duration<double>(now - filled_at_).count();
  return std::min(rule.burst, tokens_ + seconds * rule.rate);
}

void TokenBucket::Take(const TokenBucketRule& rule, Timestamp now) {
  tokens_ = TokensAt(rule, now) - 1.0;
  filled_at_ = now;
}

bool TokenBucket::HasToken(const TokenBucketRule& rule, Timestamp now) const {
  return TokensAt(rule, now) >= 1.0 - kEpsilon;
}

bool TokenBucket::IsFull(const TokenBucketRule& rule, Timestamp now) const {
  return TokensAt(rule, now) >= rule.burst - kEpsilon;
}

Timestamp TokenBucket::NextToken(const TokenBucketRule& rule, Timestamp now) const {
  const double missing = 1.0 - TokensAt(rule, now);
  if (missing <= 0) return now;
  return now + Duration(static_cast<Duration::rep>(std::ceil(missing / rule.rate * 1e9)));
}

}  // namespace ming::signaling
