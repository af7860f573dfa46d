// SendQueueLimit: how many bytes may wait for their acknowledgment, so that the path stays full and
// a small message does not wait behind more than a few milliseconds of bulk. Pure.
//
// By Little's law the bytes queued are the rate times the time each of them stays. The limit asks
// for twice the shortest round trip seen plus kQueueTime: enough for the rate to double in a round
// trip, and short on a fast path.
#ifndef MING_SCTP_SEND_QUEUE_LIMIT_H_
#define MING_SCTP_SEND_QUEUE_LIMIT_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "ming/base/time.h"

namespace ming::sctp {

class SendQueueLimit {
 public:
  // The limit stays within [floor, ceiling], bytes.
  SendQueueLimit(size_t floor, size_t ceiling);

  // A message of so many bytes was queued.
  void NoteSent(Timestamp now, size_t bytes);
  // So many bytes are queued now. Sets the limit anew about once in a round trip.
  void NoteQueued(Timestamp now, size_t queued);
  // The limit kept a sender waiting: the rate of this window is the rate of the path.
  void NoteFull() { was_full_ = is_full_ = true; }

  // The round trip time and the rate are those of another path from here on.
  void HandleNewPath();

  size_t limit() const { return limit_; }
  // A sender that waits goes on when at most so much is queued.
  size_t resume_at() const { return limit_ / 2; }

 private:
  struct Mark {
    uint64_t offset = 0;  // of the last byte, counted from the first ever
    Timestamp sent_at;
  };

  void SampleRoundTrip(Timestamp now);
  void StartWindow(Timestamp now);
  void SetLimit(Timestamp now);

  const size_t floor_;
  const size_t ceiling_;
  size_t limit_;
  uint64_t sent_ = 0;
  uint64_t acknowledged_ = 0;
  std::optional<Mark> mark_;
  std::optional<Duration> shortest_;
  Timestamp shortest_until_;  // then the queue is drained once and the round trip measured again
  std::optional<Timestamp> window_start_;  // none: waiting for the first acknowledgment
  uint64_t window_acknowledged_ = 0;
  bool is_full_ = false;   // since the last message
  bool was_full_ = false;  // in this window
};

}  // namespace ming::sctp

#endif  // MING_SCTP_SEND_QUEUE_LIMIT_H_
