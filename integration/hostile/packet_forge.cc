#include "packet_forge.h"

#include "ming/sctp/crc32c.h"

namespace ming::hostile {
namespace {

constexpr size_t kCommonHeader = 12;
constexpr size_t kChunkHeader = 4;
constexpr size_t kMaxSamples = 64;
constexpr uint8_t kData = 0;
constexpr uint8_t kInit = 1;
constexpr uint8_t kInterleavedData = 64;
// Behind the header of an INIT: tag, window, streams each way.
constexpr size_t kInitialTsn = kCommonHeader + kChunkHeader + 12;

uint32_t ReadU32(ByteSpan bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | bytes[at + i];
  return value;
}

}  // namespace

void AppendU16(Bytes& bytes, size_t value) {
  bytes.push_back(static_cast<uint8_t>(value >> 8));
  bytes.push_back(static_cast<uint8_t>(value));
}

void AppendU32(Bytes& bytes, uint64_t value) {
  AppendU16(bytes, value >> 16 & 0xffff);
  AppendU16(bytes, value & 0xffff);
}

Bytes MakeChunk(uint8_t type, uint8_t flags, const Bytes& value) {
  Bytes chunk = {type, flags};
  AppendU16(chunk, kChunkHeader + value.size());
  chunk.insert(chunk.end(), value.begin(), value.end());
  chunk.resize((chunk.size() + 3) / 4 * 4);
  return chunk;
}

PacketForge::PacketForge(conformance::RawPeer& peer) : peer_(peer) {
  peer.taps().packet_out = [this](ByteSpan packet) {
    if (taken_over_) return false;
    Learn(packet);
    return true;
  };
  peer.taps().packet_in = [this](ByteSpan packet) {
    LearnFromVictim(packet);
    return !taken_over_;
  };
}

void PacketForge::TakeOver() { taken_over_ = true; }

void PacketForge::Learn(ByteSpan packet) {
  if (packet.size() < kCommonHeader + kChunkHeader) return;
  ports_.assign(packet.begin(), packet.begin() + 4);
  const uint8_t type = packet[kCommonHeader];
  if (type == kInit && packet.size() >= kInitialTsn + 4) next_tsn_ = ReadU32(packet, kInitialTsn);
  if (ReadU32(packet, 4) != 0) tag_ = ReadU32(packet, 4);
  // Control chunks stand in front, and data of several chunks is rare at the start.
  if ((type == kData || type == kInterleavedData) && packet.size() >= kCommonHeader + 8) {
    next_tsn_ = ReadU32(packet, kCommonHeader + 4) + 1;
  }
  if (samples_.size() < kMaxSamples) samples_.emplace_back(packet.begin(), packet.end());
}

void PacketForge::LearnFromVictim(ByteSpan packet) {
  if (packet.size() < kCommonHeader + 8) return;
  const uint8_t type = packet[kCommonHeader];
  if (type == kData || type == kInterleavedData) victim_tsn_ = ReadU32(packet, kCommonHeader + 4);
}

Bytes PacketForge::MakeData(uint8_t flags, uint16_t stream, uint16_t sequence, uint32_t ppid,
                            const Bytes& payload) {
  Bytes value;
  AppendU32(value, next_tsn_++);
  AppendU16(value, stream);
  AppendU16(value, sequence);
  AppendU32(value, ppid);
  value.insert(value.end(), payload.begin(), payload.end());
  return MakeChunk(kData, flags, value);
}

bool PacketForge::Send(const Bytes& chunks) { return SendWith(chunks, tag_, true); }

bool PacketForge::SendWith(const Bytes& chunks, uint32_t tag, bool right_checksum) {
  Bytes packet = ports_;
  AppendU32(packet, tag);
  AppendU32(packet, 0);
  packet.insert(packet.end(), chunks.begin(), chunks.end());
  const ByteSpan span(packet.data(), packet.size());
  const uint32_t checksum = sctp::PacketChecksum(span) ^ (right_checksum ? 0u : 1u);
  for (size_t i = 0; i < 4; ++i) packet[8 + i] = static_cast<uint8_t>(checksum >> (8 * i));
  return peer_.SendRecord({packet.data(), packet.size()}).ok();
}

}  // namespace ming::hostile
