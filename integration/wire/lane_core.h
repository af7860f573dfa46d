// LaneCore: one direction of the wire. Frames and the time go in, frames come out when they are
// due.
#ifndef MING_WIRE_LANE_CORE_H_
#define MING_WIRE_LANE_CORE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "ming/base/bytes.h"
#include "ming/base/random.h"
#include "ming/base/time.h"
#include "ming/wire/impairment.h"

namespace ming::wire {

// What became of the frames since the start. `carried` counts what came out, copies included.
struct LaneCounters {
  uint64_t carried = 0;
  uint64_t carried_bytes = 0;
  uint64_t lost = 0;
  uint64_t too_large = 0;
  uint64_t queue_full = 0;
  uint64_t reordered = 0;
  uint64_t duplicated = 0;
};

class LaneCore {
 public:
  // What may be in flight, in bytes: half a second of a fast link. More counts as queue_full.
  static constexpr size_t kMaxHeld = size_t{64} << 20;
  static constexpr size_t kEthernetHeader = 14;

  // `random` outlives the lane.
  explicit LaneCore(Random& random) : random_(random) {}

  // Holds for frames that come from now on; those in flight keep their time.
  Impairment& impairment() { return impairment_; }
  const LaneCounters& counters() const { return counters_; }

  void HandleFrame(Timestamp now, ByteSpan frame);
  // When the next frame is due; Max() when none is in flight.
  Timestamp NextTimeout() const { return held_.empty() ? Timestamp::Max() : held_.front().due; }
  // The next frame that is due at `now`.
  std::optional<ByteBuffer> PollFrame(Timestamp now);

 private:
  struct Held {
    Timestamp due;
    uint64_t number;  // keeps the order of frames due at the same time
    ByteBuffer frame;
  };
  static bool IsLater(const Held& a, const Held& b);

  bool Happens(double share) { return share > 0 && random_.Fraction() < share; }
  bool IsLost();
  // When the last bit has passed the bottleneck; nothing where its queue is full.
  std::optional<Timestamp> PassBottleneck(Timestamp now, size_t size);
  // When a frame that passed the bottleneck at `sent` arrives.
  Timestamp ArrivalTime(Timestamp sent);
  void Hold(Timestamp due, ByteSpan frame);

  Random& random_;
  Impairment impairment_;
  LaneCounters counters_;
  std::vector<Held> held_;  // a heap, the earliest first
  size_t held_bytes_ = 0;
  uint64_t next_number_ = 0;
  bool in_burst_ = false;
  Timestamp bottleneck_free_;
  Timestamp last_in_order_;
};

}  // namespace ming::wire

#endif  // MING_WIRE_LANE_CORE_H_
