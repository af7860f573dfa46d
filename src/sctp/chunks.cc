#include "ming/sctp/chunks.h"

#include <glog/logging.h>

#include <algorithm>

#include "ming/base/byte_io.h"

namespace ming::sctp {

std::optional<Chunk> NextChunk(ByteSpan& rest) {
  ByteReader reader(rest);
  const std::optional<uint8_t> type = reader.ReadU8();
  const std::optional<uint8_t> flags = reader.ReadU8();
  const std::optional<uint16_t> length = reader.ReadU16();
  if (!type || !flags || !length || *length < kChunkHeader || *length > rest.size()) {
    return std::nullopt;
  }
  const Chunk chunk{static_cast<ChunkType>(*type), rest.First(Padded(*length)),
                    rest.First(*length).Skip(kChunkHeader)};
  rest = rest.Skip(chunk.whole.size());
  return chunk;
}

PacketCutter::PacketCutter(MutableByteSpan packet, size_t max_size)
    : packet_(packet), max_size_(max_size) {
  DCHECK_GE(packet.size(), kCommonHeader);
  std::copy_n(packet.data(), kCommonHeader, header_.begin());
}

std::optional<MutableByteSpan> PacketCutter::Next() {
  if (at_ == packet_.size()) return std::nullopt;
  ByteSpan rest(packet_.data() + at_, packet_.size() - at_);
  size_t size = 0;
  while (const std::optional<Chunk> chunk = NextChunk(rest)) {
    if (size != 0 && kCommonHeader + size + chunk->whole.size() > max_size_) break;
    size += chunk->whole.size();
  }
  if (size == 0) size = packet_.size() - at_;  // no chunk: goes as it is
  // The header goes over the end of the piece before.
  uint8_t* begin = packet_.data() + at_ - kCommonHeader;
  std::copy(header_.begin(), header_.end(), begin);
  at_ += size;
  return MutableByteSpan(begin, kCommonHeader + size);
}

}  // namespace ming::sctp
