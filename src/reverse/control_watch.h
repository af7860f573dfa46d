// ControlWatch: whether the other end of a control connection is alive: heartbeat, and a bound on
// lines that mean nothing to us. The same at both ends.
#ifndef MING_REVERSE_CONTROL_WATCH_H_
#define MING_REVERSE_CONTROL_WATCH_H_

#include <cstdint>

#include "ming/base/time.h"

namespace ming::reverse {

class ControlWatch {
 public:
  enum class Due { kNothing, kPing, kLost };

  // `heartbeat` zero: no heartbeat.
  ControlWatch(Duration heartbeat, Timestamp now);

  // A line left; a line came.
  void NoteSent(Timestamp now) { last_sent_ = now; }
  void NoteReceived(Timestamp now) { last_received_ = now; }
  // An unknown verb. False: too many within a minute.
  [[nodiscard]] bool NoteUnknownVerb(Timestamp now);

  // kPing: nothing was sent for an interval. kLost: nothing came for three.
  Due HandleTimeout(Timestamp now) const;
  Timestamp NextTimeout() const;
  uint64_t NextPing() { return ++last_ping_; }

 private:
  Duration heartbeat_;
  Timestamp last_sent_;
  Timestamp last_received_;
  uint64_t last_ping_ = 0;
  Timestamp minute_began_;
  int unknown_verbs_ = 0;
};

}  // namespace ming::reverse

#endif  // MING_REVERSE_CONTROL_WATCH_H_
