// The vocabulary that both ends of a reverse tunnel share.
#ifndef MING_REVERSE_REVERSE_TYPES_H_
#define MING_REVERSE_REVERSE_TYPES_H_

#include <cstddef>
#include <cstdint>

#include "ming/base/strong_id.h"

namespace ming::reverse {

// Groups that one client may belong to.
inline constexpr size_t kMaxLabels = 8;

struct CallerIdTag;
// A caller on port A. Numbers are given in the order of arrival and never used again.
using CallerId = StrongId<CallerIdTag, uint64_t>;

// What a caller is.
enum class CallerKind {
  kStream,     // a TCP connection
  kDatagrams,  // a UDP source, carried in frames (docs/reverse.md)
};

struct LinkIdTag;
// A connection on port B. Never used again.
using LinkId = StrongId<LinkIdTag, uint64_t>;

// Data connections of one client that wait for callers to come.
inline constexpr size_t kMaxAhead = 1000;

// RT1 over TLS, for ALPN (RFC 7301).
inline constexpr char kAlpn[] = "rt1";

// What becomes of running relays when the control connection is lost.
enum class Orphans {
  kDrain,  // they may finish within the drain time
  kKeep,
  kKill,
};

}  // namespace ming::reverse

#endif  // MING_REVERSE_REVERSE_TYPES_H_
