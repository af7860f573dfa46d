#include "ming/sctp/sack.h"

#include <algorithm>
#include <limits>

#include "ming/base/byte_io.h"
#include "ming/base/checked_cast.h"
#include "ming/sctp/tsn.h"

namespace ming::sctp {
namespace {

constexpr size_t kFixedValue = 12;  // behind the chunk header, before the blocks
constexpr size_t kEntry = 4;

uint32_t ReadU16At(ByteSpan bytes, size_t at) {
  return static_cast<uint32_t>(bytes[at] << 8 | bytes[at + 1]);
}

void WriteSack(const Sack& sack, const SackView& view, ByteBuffer& out) {
  size_t visible = 0;
  while (visible < sack.block_count() && IsAfter(view.first_hidden, sack.Block(visible).last)) {
    ++visible;
  }
  const uint32_t room = std::numeric_limits<uint32_t>::max() - sack.window;
  ByteWriter writer(out);
  writer.WriteU8(static_cast<uint8_t>(ChunkType::kSack));
  writer.WriteU8(0);
  writer.WriteU16(base::CheckedCast<uint16_t>(kChunkHeader + kFixedValue + visible * kEntry));
  writer.WriteU32(sack.cumulative_tsn);
  writer.WriteU32(sack.window + std::min(room, view.extra_window));
  writer.WriteU16(base::CheckedCast<uint16_t>(visible));
  writer.WriteU16(0);
  writer.WriteBytes(sack.blocks.First(visible * kEntry));
}

}  // namespace

TsnRange Sack::Block(size_t i) const {
  return {cumulative_tsn + ReadU16At(blocks, i * kEntry),
          cumulative_tsn + ReadU16At(blocks, i * kEntry + 2)};
}

uint32_t Sack::Duplicate(size_t i) const {
  return ReadU16At(duplicates, i * kEntry) << 16 | ReadU16At(duplicates, i * kEntry + 2);
}

std::optional<Sack> ParseSack(const Chunk& chunk) {
  if (chunk.type != ChunkType::kSack) return std::nullopt;
  ByteReader reader(chunk.value);
  const std::optional<uint32_t> cumulative_tsn = reader.ReadU32();
  const std::optional<uint32_t> window = reader.ReadU32();
  const std::optional<uint16_t> blocks = reader.ReadU16();
  const std::optional<uint16_t> duplicates = reader.ReadU16();
  if (!blocks || !duplicates) return std::nullopt;
  const std::optional<ByteSpan> block_bytes = reader.ReadBytes(*blocks * kEntry);
  const std::optional<ByteSpan> duplicate_bytes = reader.ReadBytes(*duplicates * kEntry);
  if (!block_bytes || !duplicate_bytes) return std::nullopt;
  return Sack{*cumulative_tsn, *window, *block_bytes, *duplicate_bytes};
}

bool RewriteSacks(ByteSpan packet, const SackView& view, ByteBuffer& out) {
  out.Clear();
  out.Append(packet.First(kCommonHeader));
  ByteSpan rest = packet.Skip(kCommonHeader);
  bool changed = false;
  while (const std::optional<Chunk> chunk = NextChunk(rest)) {
    const std::optional<Sack> sack = ParseSack(*chunk);
    if (!sack) {
      out.Append(chunk->whole);
      continue;
    }
    changed = changed || !sack->blocks.empty() || !sack->duplicates.empty();
    WriteSack(*sack, view, out);
  }
  return changed && rest.empty();
}

}  // namespace ming::sctp
