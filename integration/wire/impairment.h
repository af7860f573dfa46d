// Impairment: what one direction of the wire does to the frames it carries, and its text form.
#ifndef MING_WIRE_IMPAIRMENT_H_
#define MING_WIRE_IMPAIRMENT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "ming/base/status.h"
#include "ming/base/time.h"

namespace ming::wire {

// The default is a perfect cable. Shares are probabilities, 0 to 1, drawn anew for each frame.
struct Impairment {
  Duration delay{0};
  // Added to each delay, uniform in -jitter to +jitter. Frames keep their order all the same.
  Duration jitter{0};
  double loss = 0;
  // Runs of losses (Gilbert): a run begins with probability `burst_start`, and each lost frame ends
  // it with probability 1 / burst_length, so that is the mean length of a run, in frames.
  double burst_start = 0;
  double burst_length = 8;
  // This share of the frames comes `reorder_by` late, so that those behind it overtake it.
  double reorder = 0;
  Duration reorder_by{std::chrono::milliseconds(5)};
  double duplicate = 0;
  // Bits a second of the bottleneck; nothing: no limit. What would wait in front of it behind more
  // than `queue` bytes is dropped.
  std::optional<uint64_t> rate;
  size_t queue = size_t{64} << 10;
  // Packets larger than this vanish without an ICMP message: a path-MTU black hole. In bytes of the
  // packet, without the Ethernet header.
  std::optional<size_t> drop_larger;
};

// Applies words as "delay=25ms jitter=5ms loss=2% burst-start=0.5% burst-length=8 reorder=1%
// reorder-by=5ms duplicate=1% rate=5Mbit queue=30kB drop-larger=1280B", any of them in any order;
// "rate=none" and "drop-larger=none" take a limit away. What is not named stays as it is; after a
// failure, all of it does.
Status ApplySettings(std::string_view words, Impairment& impairment);

}  // namespace ming::wire

#endif  // MING_WIRE_IMPAIRMENT_H_
