// Reordering: how long a packet may be overtaken before it counts as lost (RFC 8985, section 6.2,
// step 4). Three packets that overtook it are enough where nothing was ever out of order; else it
// is a share of the shortest round trip, which grows with each repair that was in vain. Pure.
#ifndef MING_SCTP_REORDERING_H_
#define MING_SCTP_REORDERING_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "ming/base/time.h"

namespace ming::sctp {

class Reordering {
 public:
  // The next chunk that is sent. First transmissions leave in the order of TSNs.
  void Start(uint32_t first_tsn) { highest_delivered_ = first_tsn - 1; }
  void NoteRepeated(uint32_t tsn);
  // A packet that begins with `tsn` arrived, and was sent so often.
  void NoteDelivered(uint32_t tsn, uint32_t transmissions);
  // The peer had `tsn` twice: where it was repeated, it was late and not lost.
  void NoteDuplicate(uint32_t tsn);
  // Of another path nothing is known.
  void Reset() { quarters_ = 0; }

  // `arrived_packets` are behind the gap.
  Duration Window(std::optional<Duration> shortest_round_trip,
                  std::optional<Duration> smoothed_round_trip, size_t arrived_packets) const;

 private:
  static constexpr size_t kRemembered = 64;

  int quarters_ = 0;  // of the shortest round trip; 0: nothing was out of order
  uint32_t highest_delivered_ = 0;
  std::array<uint32_t, kRemembered> repeated_{};
  size_t repeated_count_ = 0;
};

}  // namespace ming::sctp

#endif  // MING_SCTP_REORDERING_H_
