// ReverseCounters: what an end of a reverse tunnel has done so far. At any quiet moment
// accepted = active + pending + ended.
#ifndef MING_REVERSE_REVERSE_COUNTERS_H_
#define MING_REVERSE_REVERSE_COUNTERS_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "ming/codec/reverse_line.h"

namespace ming::reverse {

struct ReverseCounters {
  uint64_t accepted = 0;  // callers; at the client: announcements
  uint64_t paired = 0;
  uint64_t ended = 0;
  std::array<uint64_t, codec::kReverseReasonCount> ended_for{};  // by reason
  uint64_t bytes_in = 0;                                         // from callers toward the target
  uint64_t bytes_out = 0;
  uint64_t reconnects = 0;  // of the client
  size_t active = 0;
  size_t pending = 0;
  size_t clients = 0;  // of the server
};

}  // namespace ming::reverse

#endif  // MING_REVERSE_REVERSE_COUNTERS_H_
