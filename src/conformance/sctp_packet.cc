#include "ming/conformance/sctp_packet.h"

#include <algorithm>

#include "ming/base/byte_io.h"

namespace ming::conformance {
namespace {

constexpr size_t kChunkHeaderBytes = 4;
constexpr uint16_t kSupportedExtensions = 0x8008;
constexpr uint16_t kForwardTsnSupported = 0xC000;

size_t Padding(size_t size) { return (4 - size % 4) % 4; }

}  // namespace

const SctpChunk* SctpPacketView::Find(ChunkType type) const {
  const auto found = std::find_if(chunks.begin(), chunks.end(),
                                  [type](const SctpChunk& chunk) { return chunk.is(type); });
  return found == chunks.end() ? nullptr : &*found;
}

std::optional<SctpPacketView> ParseSctpPacket(ByteSpan packet) {
  ByteReader reader(packet);
  SctpPacketView view;
  const auto source = reader.ReadU16();
  const auto destination = reader.ReadU16();
  const auto tag = reader.ReadU32();
  if (!source || !destination || !tag || !reader.ReadU32()) return std::nullopt;
  view.source_port = *source;
  view.destination_port = *destination;
  view.verification_tag = *tag;
  while (reader.remaining() > 0) {
    SctpChunk chunk;
    const auto type = reader.ReadU8();
    const auto flags = reader.ReadU8();
    const auto size = reader.ReadU16();
    if (!type || !flags || !size || *size < kChunkHeaderBytes) return std::nullopt;
    const auto value = reader.ReadBytes(*size - kChunkHeaderBytes);
    if (!value) return std::nullopt;
    chunk.type = *type;
    chunk.flags = *flags;
    chunk.value = *value;
    view.chunks.push_back(chunk);
    // The last chunk may come without its padding.
    reader.ReadBytes(std::min(Padding(*size), reader.remaining()));
  }
  return view;
}

bool SctpInit::supports(ChunkType type) const {
  if (type == ChunkType::kForwardTsn && forward_tsn) return true;
  return std::find(extensions.begin(), extensions.end(), static_cast<uint8_t>(type)) !=
         extensions.end();
}

std::optional<SctpInit> ParseSctpInit(const SctpChunk& chunk) {
  ByteReader reader(chunk.value);
  SctpInit init;
  const auto tag = reader.ReadU32();
  const auto window = reader.ReadU32();
  const auto outbound = reader.ReadU16();
  const auto inbound = reader.ReadU16();
  const auto tsn = reader.ReadU32();
  if (!tag || !window || !outbound || !inbound || !tsn) return std::nullopt;
  init.initiate_tag = *tag;
  init.outbound_streams = *outbound;
  init.inbound_streams = *inbound;
  while (reader.remaining() >= 4) {
    const uint16_t type = *reader.ReadU16();
    const uint16_t size = *reader.ReadU16();
    if (size < 4) return std::nullopt;
    const auto value = reader.ReadBytes(size - size_t{4});
    if (!value) return std::nullopt;
    if (type == kSupportedExtensions) init.extensions.assign(value->begin(), value->end());
    if (type == kForwardTsnSupported) init.forward_tsn = true;
    reader.ReadBytes(std::min(Padding(size), reader.remaining()));
  }
  return init;
}

ByteBuffer StartSctpPacket(uint16_t source_port, uint16_t destination_port,
                           uint32_t verification_tag) {
  ByteBuffer packet;
  ByteWriter writer(packet);
  writer.WriteU16(source_port);
  writer.WriteU16(destination_port);
  writer.WriteU32(verification_tag);
  writer.WriteU32(0);
  return packet;
}

void AppendChunk(ByteBuffer& packet, uint8_t type, uint8_t flags, ByteSpan value) {
  ByteWriter writer(packet);
  writer.WriteU8(type);
  writer.WriteU8(flags);
  writer.WriteU16(static_cast<uint16_t>(value.size() + kChunkHeaderBytes));
  writer.WriteBytes(value);
  for (size_t i = 0; i < Padding(value.size()); ++i) writer.WriteU8(0);
}

}  // namespace ming::conformance
