// RoundTrip: the smoothed round trip time of a path (RFC 9260, section 6.3.1), and how long to wait
// for an answer because of it. Pure.
#ifndef MING_SCTP_ROUND_TRIP_H_
#define MING_SCTP_ROUND_TRIP_H_

#include <optional>

#include "ming/base/time.h"

namespace ming::sctp {

class RoundTrip {
 public:
  // `delayed_ack`: how long a peer may keep the acknowledgment of a lone packet back. A silent path
  // is tried every `longest_silence` at least, or every round trip where that is longer.
  RoundTrip(Duration delayed_ack, Duration longest_silence)
      : delayed_ack_(delayed_ack), longest_silence_(longest_silence) {}

  void Add(Duration sample);
  // Of another path nothing is known.
  void Reset();

  std::optional<Duration> smoothed() const { return smoothed_; }
  // Before the first sample a second is assumed.
  Duration assumed() const;
  // When the end of a burst is asked after (RFC 8985, section 7.2).
  Duration ProbeTimeout() const;
  // When nothing is expected any more, behind so many such timeouts.
  Duration SilenceTimeout(int silences) const;

 private:
  Duration delayed_ack_;
  Duration longest_silence_;
  std::optional<Duration> smoothed_;
  Duration variation_{0};
};

}  // namespace ming::sctp

#endif  // MING_SCTP_ROUND_TRIP_H_
