#include "ming/reverse/reconnect.h"

#include <algorithm>
#include <utility>

namespace ming::reverse {
namespace {

// After a session of this length the delays begin anew.
constexpr Duration kLongSession = std::chrono::seconds(30);

// Backoff draws downwards: 0.8 to 1.2 times a delay is 2/3 to 1 times 1.2 of it.
BackoffOptions Delays(const ReconnectOptions& options) {
  BackoffOptions delays;
  delays.initial = options.least * 6 / 5;
  delays.maximum = options.most * 6 / 5;
  delays.jitter = 1.0 / 3;
  return delays;
}

}  // namespace

Reconnect::Reconnect(const ReconnectOptions& options)
    : enabled_(options.enabled), most_failures_(options.count), backoff_(Delays(options)) {}

std::optional<Duration> Reconnect::HandleLoss(Timestamp now, Duration least, Random& random) {
  const auto up_since = std::exchange(up_since_, std::nullopt);
  if (up_since && now - *up_since >= kLongSession) {
    failures_ = 0;
    backoff_.Reset();
  }
  if (!enabled_ || (most_failures_ != 0 && failures_ >= most_failures_)) return std::nullopt;
  ++failures_;
  return std::max(backoff_.Next(random), least);
}

}  // namespace ming::reverse
