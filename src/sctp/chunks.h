// The chunks of SCTP packets (RFC 9260, section 3.2), as far as this folder looks into them:
// walking over them, and cutting a packet between them.
#ifndef MING_SCTP_CHUNKS_H_
#define MING_SCTP_CHUNKS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "ming/base/bytes.h"

namespace ming::sctp {

constexpr size_t kCommonHeader = 12;
constexpr size_t kChunkHeader = 4;
constexpr size_t kDataHeader = 16;             // of a DATA chunk, with the chunk's own
constexpr size_t kInterleavedDataHeader = 20;  // of an I-DATA chunk (RFC 8260)

enum class ChunkType : uint8_t {
  kData = 0,                     // RFC 9260, section 3.3.1
  kInit = 1,                     // RFC 9260, section 3.3.2
  kInitAck = 2,                  // RFC 9260, section 3.3.3
  kSack = 3,                     // RFC 9260, section 3.3.4
  kInterleavedData = 64,         // RFC 8260, section 2.1
  kReconfig = 130,               // RFC 6525, section 3.1
  kForwardTsn = 192,             // RFC 3758, section 3.2
  kInterleavedForwardTsn = 194,  // RFC 8260, section 2.3.1
};

inline bool IsData(ChunkType type) {
  return type == ChunkType::kData || type == ChunkType::kInterleavedData;
}

// A size with the padding to a multiple of four bytes.
constexpr size_t Padded(size_t size) { return (size + 3) / 4 * 4; }

struct Chunk {
  ChunkType type = ChunkType::kData;
  ByteSpan whole;  // with header and padding
  ByteSpan value;
};

// Takes the next chunk off `rest`; nothing at the end and where the lengths do not hold.
std::optional<Chunk> NextChunk(ByteSpan& rest);

// Cuts a packet into packets of at most `max_size` bytes, between its chunks. All get the common
// header of the packet; checksums are the caller's. A chunk that is longer by itself stays whole.
class PacketCutter {
 public:
  // `packet` holds at least a common header and outlives the cutter, which writes over it.
  PacketCutter(MutableByteSpan packet, size_t max_size);

  // The next piece, valid until the next call; nothing at the end.
  std::optional<MutableByteSpan> Next();

 private:
  MutableByteSpan packet_;
  size_t max_size_;
  size_t at_ = kCommonHeader;
  std::array<uint8_t, kCommonHeader> header_{};
};

}  // namespace ming::sctp

#endif  // MING_SCTP_CHUNKS_H_
