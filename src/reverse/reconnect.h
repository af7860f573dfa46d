// Reconnect: whether, and when, a client tries again after it lost its server or did not reach it.
#ifndef MING_REVERSE_RECONNECT_H_
#define MING_REVERSE_RECONNECT_H_

#include <cstddef>
#include <optional>

#include "ming/base/backoff.h"
#include "ming/base/random.h"
#include "ming/base/time.h"
#include "ming/reverse/client_core_options.h"

namespace ming::reverse {

class Reconnect {
 public:
  explicit Reconnect(const ReconnectOptions& options);

  // A session has begun.
  void HandleUp(Timestamp now) { up_since_ = now; }
  // The session, or the attempt at one, is over: how long to wait, at least `least`; nothing: give
  // up. The delays begin anew after a long session.
  std::optional<Duration> HandleLoss(Timestamp now, Duration least, Random& random);

 private:
  const bool enabled_;
  const size_t most_failures_;  // 0: no limit
  Backoff backoff_;
  size_t failures_ = 0;  // in a row
  std::optional<Timestamp> up_since_;
};

}  // namespace ming::reverse

#endif  // MING_REVERSE_RECONNECT_H_
