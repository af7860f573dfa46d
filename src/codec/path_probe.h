// The record by which two ming peers find out what the path carries. It stands in a DTLS record of
// its own, beside SCTP packets: its first word is where those have their ports, and no port is 0.
//
//    0                   1                   2                   3
//   |                               0                               |
//   |     kind      |       0       |  bytes of the whole probe     |
//   |                              id                               |
//   |  zeros, up to the size of the probe; none in an answer        |
#ifndef MING_CODEC_PATH_PROBE_H_
#define MING_CODEC_PATH_PROBE_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "ming/base/bytes.h"

namespace ming::codec {

inline constexpr size_t kPathProbeHeader = 12;

struct PathProbe {
  enum class Kind : uint8_t { kProbe = 1, kAnswer = 2 };

  Kind kind = Kind::kProbe;
  uint32_t id = 0;
  uint16_t size = 0;  // of the probe; an answer names that of the probe it answers
};

// Whether `record` is none of SCTP's, whether it parses or not.
bool IsPathProbe(ByteSpan record);

// Nothing for a probe that has not the size that it names, an answer with anything behind its
// header, and other kinds. What fills a probe is not looked at.
std::optional<PathProbe> ParsePathProbe(ByteSpan record);

// A probe of at least kPathProbeHeader bytes, filled up to its size.
ByteBuffer SerializePathProbe(const PathProbe& probe);

}  // namespace ming::codec

#endif  // MING_CODEC_PATH_PROBE_H_
