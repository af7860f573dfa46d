// SACK chunks (RFC 9260, section 3.3.4): what they say, and packets in which they say less.
#ifndef MING_SCTP_SACK_H_
#define MING_SCTP_SACK_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "ming/base/bytes.h"
#include "ming/sctp/chunks.h"

namespace ming::sctp {

struct TsnRange {
  uint32_t first = 0;
  uint32_t last = 0;
};

// A view of one chunk. Everything in it is the peer's word: blocks may be in any order, overlap,
// end before they begin and name TSNs that were never sent.
struct Sack {
  uint32_t cumulative_tsn = 0;
  uint32_t window = 0;  // bytes
  ByteSpan blocks;      // four bytes each
  ByteSpan duplicates;  // four bytes each

  size_t block_count() const { return blocks.size() / 4; }
  size_t duplicate_count() const { return duplicates.size() / 4; }
  TsnRange Block(size_t i) const;
  uint32_t Duplicate(size_t i) const;
};

// Nothing where the chunk is none, or is shorter than it says.
std::optional<Sack> ParseSack(const Chunk& chunk);

// What is told of acknowledgments further on.
struct SackView {
  // Blocks from here on are left out, and so are the duplicates.
  uint32_t first_hidden = 0;
  // Added to the window, which ends at the largest number.
  uint32_t extra_window = 0;
};

// The packet with `view` applied to its SACK chunks, into `out`; the checksum is not computed.
// False: there is nothing to change, or a chunk does not parse.
bool RewriteSacks(ByteSpan packet, const SackView& view, ByteBuffer& out);

}  // namespace ming::sctp

#endif  // MING_SCTP_SACK_H_
