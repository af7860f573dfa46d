// CongestionUnit: how many packets the engine's congestion control takes for one. Pure.
//
// The engine has the algorithm of RFC 9260: it begins with two units, adds one in each round trip,
// halves after a loss but never falls below two. With a unit of one packet an association, which
// carries any number of connections, gets what a single TCP connection of 1990 would get: 2.4
// Mbit/s at 2 % loss and 40 ms. Here the unit follows what the path shows, as in TCP Illinois:
// losses without a queue come from a bad cable, which slowing down does not mend, so the unit is
// large; a round trip time that grows is a queue, and the unit is that of a few polite connections;
// and where very much is lost (a policer keeps no queue) it is one packet.
#ifndef MING_SCTP_CONGESTION_UNIT_H_
#define MING_SCTP_CONGESTION_UNIT_H_

#include <cstddef>
#include <cstdint>

#include "ming/base/time.h"

namespace ming::sctp {

class CongestionUnit {
 public:
  static constexpr size_t kCautious = 1;
  static constexpr size_t kNormal = 4;
  static constexpr size_t kEager = 32;

  // One DATA chunk went out.
  void NoteChunk(uint32_t tsn);
  // Looks at the path, at most about ten times a second; true where the unit has changed.
  // `smoothed_rtt` is 0 where it is not known.
  bool Update(Timestamp now, Duration smoothed_rtt);
  // Nothing is known of the path: at the start, and when it is another one.
  void Reset(Timestamp now);

  // In packets.
  size_t packets() const { return packets_; }
  // The time of the next Update that does something.
  Timestamp next_update() const { return next_update_; }

 private:
  size_t Choose(Timestamp now) const;
  bool HasQueue(Timestamp now, Duration smoothed_rtt);

  size_t packets_ = kNormal;
  Timestamp next_update_;

  bool sent_any_ = false;
  uint32_t last_tsn_ = 0;
  // Chunks of about the last second: older ones weigh less.
  double chunks_ = 0;
  double repeated_ = 0;
  // Intervals of the last seconds in which something was sent again, and those without a queue.
  bool repeated_now_ = false;
  double losses_ = 0;
  double clear_losses_ = 0;

  Duration shortest_{0};  // of the last minute or so; 0: none
  Duration shortest_now_{0};
  Timestamp shortest_until_;
  Timestamp normal_until_;  // not eager before
};

}  // namespace ming::sctp

#endif  // MING_SCTP_CONGESTION_UNIT_H_
