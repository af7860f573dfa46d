// Relay: joins two byte streams, both ways, until both directions ended or one stream failed.
//
// It buffers nothing: it shows the source only as many bytes as the sink takes, and the rest stays
// in the source, whose own bound slows its sender down. The end of a direction and a reset are
// carried over as what they are.
#ifndef MING_TUNNEL_RELAY_H_
#define MING_TUNNEL_RELAY_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/link/byte_stream.h"
#include "ming/link/splice.h"
#include "ming/link/timer_service.h"

namespace ming::tunnel {

struct RelayOptions {
  // Both streams are reset when no byte moved for so long; none: an idle relay lives for ever, as
  // the connections it joins would.
  std::optional<Duration> idle_timeout;
  // The same, for when one direction has ended and the other has not; none: idle_timeout holds.
  std::optional<Duration> half_close_timeout;
  // How much one direction moves in one turn of the loop before others get theirs, bytes, at
  // least 1.
  size_t turn_budget = size_t{256} << 10;
  // Where both streams can be spliced, long bursts go through these pipes; null: every byte is
  // copied. Outlives the relay.
  link::SplicePipes* pipes = nullptr;
};

// All problems of `options` in one kInvalidArgument.
Status Validate(const RelayOptions& options);

// Bytes taken from one stream and accepted by the other.
struct RelayCounts {
  uint64_t a_to_b = 0;
  uint64_t b_to_a = 0;
};

class Relay {
 public:
  class Observer {
   public:
    virtual ~Observer() = default;
    // Exactly once, from the loop, and last. Ok: both directions ended in order and everything was
    // handed over. Otherwise both streams failed or were reset, for the reason given. The relay no
    // longer observes the streams. May destroy relay and streams through TimerService::DeferDelete.
    virtual void OnRelayDone(const Status& why, const RelayCounts& counts) = 0;
  };

  // Destroying a relay that is not done leaves both streams as they are, unobserved.
  virtual ~Relay() = default;

  // Becomes the observer of both streams and begins, from the loop. Once.
  virtual void Start() = 0;
  // Resets both streams now; OnRelayDone(why) follows from the loop. Harmless when done.
  virtual void Abort(const Status& why) = 0;
  virtual const RelayCounts& counts() const = 0;
};

// Chooses how to move the bytes between these two. `timers`, both streams and `observer` outlive
// the relay. CHECKs that `options` validates.
std::unique_ptr<Relay> CreateRelay(link::TimerService& timers, link::ByteStream& a,
                                   link::ByteStream& b, const RelayOptions& options,
                                   Relay::Observer& observer);

}  // namespace ming::tunnel

#endif  // MING_TUNNEL_RELAY_H_
