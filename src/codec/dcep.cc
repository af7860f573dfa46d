#include "ming/codec/dcep.h"

#include <string_view>

#include "ming/base/byte_io.h"
#include "ming/base/checked_cast.h"
#include "ming/base/utf8.h"

namespace ming::codec {
namespace {

// RFC 8832, section 8.2.1.
constexpr uint8_t kMessageAck = 0x02;
constexpr uint8_t kMessageOpen = 0x03;

// RFC 8832, section 8.2.2: the low bits say how reliable, the top bit says unordered.
constexpr uint8_t kUnorderedBit = 0x80;
constexpr uint8_t kReliable = 0x00;
constexpr uint8_t kPartialReliableRexmit = 0x01;
constexpr uint8_t kPartialReliableTimed = 0x02;

constexpr size_t kOpenHeaderBytes = 12;
constexpr size_t kAckBytes = 1;
constexpr size_t kPionAckBytes = 4;
constexpr size_t kMaxTextBytes = 65535;

Status Malformed(const std::string& why) { return {StatusCode::kMalformed, "DCEP: " + why}; }

Result<DcepReliability> MakeReliability(uint8_t channel_type, uint32_t parameter) {
  DcepReliability reliability;
  if ((channel_type & kUnorderedBit) != 0) reliability.ordering = DcepOrdering::kUnordered;
  switch (channel_type & ~kUnorderedBit) {
    case kReliable:
      // "The Reliability Parameter field MUST be set to 0 on the sending side and MUST be ignored
      // on the receiving side."
      return reliability;
    case kPartialReliableRexmit:
      reliability.max_retransmits = parameter;
      return reliability;
    case kPartialReliableTimed:
      reliability.max_lifetime_ms = parameter;
      return reliability;
    default:
      return Status(StatusCode::kUnsupported,
                    "DCEP: unknown channel type " + std::to_string(channel_type));
  }
}

Result<DcepMessage> ParseOpen(ByteSpan wire) {
  ByteReader reader(wire.Skip(1));
  const auto channel_type = reader.ReadU8();
  const auto priority = reader.ReadU16();
  const auto parameter = reader.ReadU32();
  const auto label_bytes = reader.ReadU16();
  const auto protocol_bytes = reader.ReadU16();
  if (!protocol_bytes) return Malformed("OPEN is cut off");
  if (reader.remaining() != size_t{*label_bytes} + *protocol_bytes)
    return Malformed("OPEN has lengths that do not add up");
  const auto label = reader.ReadBytes(*label_bytes);
  const auto protocol = reader.ReadBytes(*protocol_bytes);
  if (!IsValidUtf8(label->AsText()) || !IsValidUtf8(protocol->AsText()))
    return Malformed("OPEN has text that is not UTF-8");
  auto reliability = MakeReliability(*channel_type, *parameter);
  if (!reliability.ok()) return reliability.status();
  DataChannelOpen open;
  open.reliability = *reliability;
  open.priority = *priority;
  open.label = std::string(label->AsText());
  open.protocol = std::string(protocol->AsText());
  return DcepMessage(std::move(open));
}

}  // namespace

Result<DcepMessage> ParseDcepMessage(ByteSpan wire) {
  if (wire.empty()) return Malformed("empty message");
  switch (wire[0]) {
    case kMessageOpen:
      return ParseOpen(wire);
    case kMessageAck:
      if (wire.size() != kAckBytes && wire.size() != kPionAckBytes)
        return Malformed("ACK of " + std::to_string(wire.size()) + " bytes");
      return DcepMessage(DataChannelAck{});
    default:
      return Status(StatusCode::kUnsupported,
                    "DCEP: unknown message type " + std::to_string(wire[0]));
  }
}

ByteBuffer SerializeDataChannelOpen(const DataChannelOpen& open) {
  const DcepReliability& reliability = open.reliability;
  CHECK(open.label.size() <= kMaxTextBytes && open.protocol.size() <= kMaxTextBytes);
  CHECK(!reliability.max_retransmits || !reliability.max_lifetime_ms);
  uint8_t channel_type = kReliable;
  if (reliability.max_retransmits) channel_type = kPartialReliableRexmit;
  if (reliability.max_lifetime_ms) channel_type = kPartialReliableTimed;
  if (reliability.ordering == DcepOrdering::kUnordered) channel_type |= kUnorderedBit;
  ByteBuffer wire =
      ByteBuffer::WithCapacity(kOpenHeaderBytes + open.label.size() + open.protocol.size());
  ByteWriter writer(wire);
  writer.WriteU8(kMessageOpen);
  writer.WriteU8(channel_type);
  writer.WriteU16(open.priority);
  writer.WriteU32(
      reliability.max_retransmits.value_or(reliability.max_lifetime_ms.value_or(uint32_t{0})));
  writer.WriteU16(base::CheckedCast<uint16_t>(open.label.size()));
  writer.WriteU16(base::CheckedCast<uint16_t>(open.protocol.size()));
  writer.WriteBytes(ByteSpan(std::string_view{open.label}));
  writer.WriteBytes(ByteSpan(std::string_view{open.protocol}));
  return wire;
}

ByteBuffer SerializeDataChannelAck() {
  ByteBuffer wire;
  wire.Append(kMessageAck);
  return wire;
}

}  // namespace ming::codec
