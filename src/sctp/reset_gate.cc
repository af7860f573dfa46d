#include "ming/sctp/reset_gate.h"

#include <glog/logging.h>

#include <utility>

#include "ming/base/byte_io.h"
#include "ming/sctp/chunks.h"

namespace ming::sctp {
namespace {

constexpr uint16_t kOutgoingReset = 13;  // RFC 6525, section 4.1
constexpr size_t kLastTsnOffset = 8;     // behind the parameter's header and two sequence numbers

// Whether `a` is `b` or comes behind it (RFC 1982).
bool IsAtOrAfter(uint32_t a, uint32_t b) { return static_cast<int32_t>(a - b) >= 0; }

// The sender's last TSN as its request for an outgoing reset names it, where there is one.
std::optional<uint32_t> RequestedTsn(ByteSpan parameters) {
  ByteReader reader(parameters);
  while (true) {
    const std::optional<uint16_t> type = reader.ReadU16();
    const std::optional<uint16_t> length = reader.ReadU16();
    if (!type || !length || *length < kChunkHeader) return std::nullopt;
    const std::optional<ByteSpan> value = reader.ReadBytes(*length - kChunkHeader);
    if (!value) return std::nullopt;
    if (*type == kOutgoingReset) return ByteReader(value->Skip(kLastTsnOffset)).ReadU32();
    if (!reader.ReadBytes(Padded(*length) - *length)) return std::nullopt;
  }
}

}  // namespace

std::optional<ByteBuffer> ResetGate::HoldBack(ByteSpan packet) {
  // Before the first acknowledgment nothing is known, and nothing can have got lost unnoticed.
  if (!cumulative_tsn_) return std::nullopt;
  ByteBuffer passing;
  ByteSpan rest = packet.Skip(kCommonHeader);
  bool held = false;
  while (const std::optional<Chunk> chunk = NextChunk(rest)) {
    std::optional<uint32_t> tsn;
    if (chunk->type == ChunkType::kReconfig) tsn = RequestedTsn(chunk->value);
    if (!tsn || IsAtOrAfter(*cumulative_tsn_, *tsn)) {
      // Most packets have no such chunk: nothing is copied before one was found.
      if (held) passing.Append(chunk->whole);
      continue;
    }
    if (!held) {
      const auto before = static_cast<size_t>(chunk->whole.data() - packet.data());
      passing.Append(packet.First(before));
    }
    held = true;
    ByteBuffer alone = ByteBuffer::CopyOf(packet.First(kCommonHeader));
    alone.Append(chunk->whole);
    held_ = Held{std::move(alone), *tsn};
  }
  if (!held) return std::nullopt;
  return passing;
}

void ResetGate::NoteOutbound(ByteSpan packet) {
  ByteSpan rest = packet.Skip(kCommonHeader);
  while (const std::optional<Chunk> chunk = NextChunk(rest)) {
    if (IsData(chunk->type)) return;  // control comes first
    if (chunk->type != ChunkType::kSack) continue;
    if (const std::optional<uint32_t> tsn = ByteReader(chunk->value).ReadU32()) {
      cumulative_tsn_ = tsn;
    }
  }
}

bool ResetGate::HasDue() const {
  return held_ && cumulative_tsn_ && IsAtOrAfter(*cumulative_tsn_, held_->last_tsn);
}

ByteBuffer ResetGate::TakeDue() {
  DCHECK(HasDue());
  ByteBuffer packet = std::move(held_->packet);
  held_.reset();
  return packet;
}

}  // namespace ming::sctp
