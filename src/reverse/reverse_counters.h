// ReverseCounters: what an end of a reverse tunnel has done so far. At any quiet moment
// accepted = active + pending + ended.
#ifndef MING_REVERSE_REVERSE_COUNTERS_H_
#define MING_REVERSE_REVERSE_COUNTERS_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "ming/base/time.h"
#include "ming/codec/reverse_line.h"

namespace ming::reverse {

// How long callers waited for their data connection.
struct PairTimes {
  // Upper ends, seconds: loopback, a LAN, the way around the world, the default pair time.
  static constexpr std::array<double, 12> kBounds{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                                  0.05,   0.1,   0.25,   0.5,   1.0,  10.0};

  void Add(Duration waited);

  std::array<uint64_t, kBounds.size() + 1> counts{};  // of each bound alone, and beyond
  Duration sum{};
};

// Datagrams of UDP callers.
struct DatagramCounts {
  uint64_t in = 0;  // from callers toward the target
  uint64_t out = 0;
  uint64_t dropped_backpressure = 0;  // the data connection stalled
  uint64_t dropped_waiting = 0;       // too many before their flow was paired, or while stopping
  uint64_t dropped_oversize = 0;      // longer than a frame may be
};

struct ReverseCounters {
  void CountEnd(codec::ReverseReason reason);
  // Ended otherwise than in order.
  uint64_t failed() const;

  uint64_t accepted = 0;  // callers; at the client: announcements
  uint64_t paired = 0;
  uint64_t paired_ahead = 0;  // those of them whose data connection was there before
  uint64_t ended = 0;
  std::array<uint64_t, codec::kReverseReasonCount> ended_for{};  // by reason
  PairTimes pair_times;
  uint64_t bytes_in = 0;  // from callers toward the target
  uint64_t bytes_out = 0;
  DatagramCounts datagrams;
  // Times that a client came up after one was lost.
  uint64_t reconnects = 0;
  size_t active = 0;
  size_t pending = 0;
  size_t clients = 0;  // connected; at the client: 1 or 0
  size_t ahead = 0;    // data connections that wait for callers; at the client: on the way, too
};

}  // namespace ming::reverse

#endif  // MING_REVERSE_REVERSE_COUNTERS_H_
