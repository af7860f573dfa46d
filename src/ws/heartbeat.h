// Heartbeat: when to ping a peer and when to give it up. Pure.
#ifndef MING_WS_HEARTBEAT_H_
#define MING_WS_HEARTBEAT_H_

#include "ming/base/time.h"

namespace ming::ws {

struct HeartbeatRule {
  // A ping is due so long after the last one; zero: no heartbeat at all.
  Duration interval = Duration::zero();
  // Without a sign of life for so long the peer is gone.
  Duration timeout = Duration::zero();
};

enum class HeartbeatAction { kNothing, kPing, kGiveUp };

class Heartbeat {
 public:
  // The peer has just been heard.
  explicit Heartbeat(Timestamp now) : heard_(now), pinged_(now) {}

  // Anything came from the peer.
  void NoteHeard(Timestamp now) { heard_ = now; }
  // What is due at `now`; kPing counts as sent.
  HeartbeatAction HandleTimeout(const HeartbeatRule& rule, Timestamp now);
  // When to ask again at the latest; Timestamp::Max() without a heartbeat.
  Timestamp NextTimeout(const HeartbeatRule& rule) const;

 private:
  Timestamp heard_;
  Timestamp pinged_;
};

// `when`, or up to one second later, so that the heartbeats of many connections share a wake-up.
Timestamp RoundUpToSecond(Timestamp when);

}  // namespace ming::ws

#endif  // MING_WS_HEARTBEAT_H_
