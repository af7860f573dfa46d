#include "ming/codec/stun_message.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "ming/base/byte_io.h"
#include "ming/codec/packet_demux.h"

namespace ming::codec {
namespace {

constexpr uint32_t kMagicCookie = 0x2112A442;
constexpr uint32_t kFingerprintXor = 0x5354554E;
constexpr size_t kAttributeHeaderBytes = 4;
constexpr size_t kFingerprintBytes = kAttributeHeaderBytes + 4;
constexpr size_t kIntegrityBytes = kAttributeHeaderBytes + 20;
constexpr size_t kMaxBodyBytes = 60'000;

// CRC-32 of ISO 3309 (RFC 8489, section 14.7), bit by bit: messages are short and few.
uint32_t Crc32(ByteSpan bytes) {
  uint32_t crc = 0xFFFFFFFF;
  for (const uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320U : 0U);
  }
  return ~crc;
}

size_t Padding(size_t size) { return (4 - size % 4) % 4; }

// The two bits of the class stand between those of the method (RFC 8489, section 5).
uint16_t TypeField(StunClass message_class, uint16_t method) {
  const auto bits = static_cast<unsigned>(message_class);
  const unsigned value = (method & 0x000FU) | ((method & 0x0070U) << 1) |
                         ((method & 0x0F80U) << 2) | ((bits & 1U) << 4) | ((bits & 2U) << 7);
  return static_cast<uint16_t>(value);
}

StunClass ClassOf(uint16_t type) {
  return static_cast<StunClass>(((type >> 4) & 1U) | ((type >> 7) & 2U));
}

uint16_t MethodOf(uint16_t type) {
  return static_cast<uint16_t>((type & 0x000FU) | ((type >> 1) & 0x0070U) |
                               ((type >> 2) & 0x0F80U));
}

// What an address is XORed with: the cookie, then the transaction.
std::array<uint8_t, 16> AddressMask(const StunTransaction& transaction) {
  std::array<uint8_t, 16> mask{0x21, 0x12, 0xA4, 0x42};
  std::copy(transaction.begin(), transaction.end(), mask.begin() + 4);
  return mask;
}

std::vector<uint8_t> Masked(ByteSpan address, const StunTransaction& transaction) {
  const std::array<uint8_t, 16> mask = AddressMask(transaction);
  std::vector<uint8_t> masked(address.begin(), address.end());
  for (size_t i = 0; i < masked.size(); ++i) masked[i] = static_cast<uint8_t>(masked[i] ^ mask[i]);
  return masked;
}

}  // namespace

const StunAttribute* StunMessage::Find(StunType type) const {
  const auto found = std::find_if(attributes.begin(), attributes.end(), [type](const auto& one) {
    return one.type == static_cast<uint16_t>(type);
  });
  return found == attributes.end() ? nullptr : &*found;
}

std::optional<uint64_t> StunMessage::Number(StunType type) const {
  const StunAttribute* attribute = Find(type);
  if (attribute == nullptr) return std::nullopt;
  ByteReader reader{ByteSpan(attribute->value)};
  if (attribute->value.size() == 4) return *reader.ReadU32();
  if (attribute->value.size() == 8) return *reader.ReadU64();
  return std::nullopt;
}

std::string StunMessage::Username() const {
  const StunAttribute* attribute = Find(StunType::kUsername);
  if (attribute == nullptr) return "";
  return std::string(attribute->value.begin(), attribute->value.end());
}

std::optional<int> StunMessage::ErrorCode() const {
  const StunAttribute* attribute = Find(StunType::kErrorCode);
  if (attribute == nullptr || attribute->value.size() < 4) return std::nullopt;
  const int hundreds = attribute->value[2] & 7;
  const int rest = attribute->value[3];
  if (hundreds < 3 || hundreds > 6 || rest > 99) return std::nullopt;
  return 100 * hundreds + rest;
}

std::optional<StunAddress> StunMessage::XorMappedAddress() const {
  const StunAttribute* attribute = Find(StunType::kXorMappedAddress);
  if (attribute == nullptr) return std::nullopt;
  ByteReader reader{ByteSpan(attribute->value)};
  const auto family = reader.ReadU16();
  const auto port = reader.ReadU16();
  if (!family || !port) return std::nullopt;
  const size_t want = (*family & 0xFFU) == 1 ? 4 : 16;
  if (reader.remaining() != want) return std::nullopt;
  const std::vector<uint8_t> ip = Masked(reader.rest(), transaction);
  return StunAddress{IpAddress::FromBytes(ip),
                     Port(static_cast<uint16_t>(*port ^ (kMagicCookie >> 16)))};
}

Result<StunMessage> ParseStunMessage(ByteSpan wire) {
  if (!IsStunMessage(wire)) return Status(StatusCode::kMalformed, "not a STUN message");
  ByteReader reader(wire);
  const uint16_t type = *reader.ReadU16();
  reader.ReadU16();  // the length, which IsStunMessage checked
  reader.ReadU32();  // the cookie, likewise
  StunMessage message;
  message.message_class = ClassOf(type);
  message.method = MethodOf(type);
  const ByteSpan transaction = *reader.ReadBytes(message.transaction.size());
  std::copy(transaction.begin(), transaction.end(), message.transaction.begin());
  while (reader.remaining() > 0) {
    const auto attribute_type = reader.ReadU16();
    const auto size = reader.ReadU16();
    if (!attribute_type || !size) return Status(StatusCode::kMalformed, "STUN: cut attribute");
    const auto value = reader.ReadBytes(*size);
    if (!value || !reader.ReadBytes(Padding(*size))) {
      return Status(StatusCode::kMalformed, "STUN: an attribute overruns the message");
    }
    message.attributes.push_back(
        {*attribute_type, std::vector<uint8_t>(value->begin(), value->end())});
  }
  return message;
}

std::optional<StunIntegrity> FindStunIntegrity(ByteSpan wire) {
  const Result<StunMessage> message = ParseStunMessage(wire);
  if (!message.ok()) return std::nullopt;
  size_t at = kStunHeaderBytes;
  for (const StunAttribute& attribute : message->attributes) {
    const size_t next =
        at + kAttributeHeaderBytes + attribute.value.size() + Padding(attribute.value.size());
    if (attribute.type != static_cast<uint16_t>(StunType::kMessageIntegrity)) {
      at = next;
      continue;
    }
    StunIntegrity integrity;
    if (attribute.value.size() != integrity.hash.size()) return std::nullopt;
    std::copy(attribute.value.begin(), attribute.value.end(), integrity.hash.begin());
    integrity.covered = ByteBuffer::CopyOf(wire.First(at));
    const size_t length = next - kStunHeaderBytes;
    integrity.covered.data()[2] = static_cast<uint8_t>(length >> 8);
    integrity.covered.data()[3] = static_cast<uint8_t>(length);
    return integrity;
  }
  return std::nullopt;
}

bool StunFingerprintFits(ByteSpan wire) {
  if (!IsStunMessage(wire) || wire.size() < kStunHeaderBytes + kFingerprintBytes) return false;
  ByteReader reader(wire.Skip(wire.size() - kFingerprintBytes));
  const uint16_t type = *reader.ReadU16();
  const uint16_t size = *reader.ReadU16();
  return type == static_cast<uint16_t>(StunType::kFingerprint) && size == 4 &&
         *reader.ReadU32() ==
             (Crc32(wire.First(wire.size() - kFingerprintBytes)) ^ kFingerprintXor);
}

StunWriter::StunWriter(StunClass message_class, uint16_t method, const StunTransaction& transaction)
    : transaction_(transaction) {
  ByteWriter writer(wire_);
  writer.WriteU16(TypeField(message_class, method));
  writer.WriteU16(0);
  writer.WriteU32(kMagicCookie);
  writer.WriteBytes(ByteSpan(transaction_.data(), transaction_.size()));
}

void StunWriter::Add(uint16_t type, ByteSpan value) {
  CHECK_LE(wire_.size() + value.size(), kMaxBodyBytes);
  ByteWriter writer(wire_);
  writer.WriteU16(type);
  writer.WriteU16(static_cast<uint16_t>(value.size()));
  writer.WriteBytes(value);
  for (size_t i = 0; i < Padding(value.size()); ++i) writer.WriteU8(0);
  SetLength(0);
}

void StunWriter::AddU32(StunType type, uint32_t value) {
  ByteBuffer bytes;
  ByteWriter(bytes).WriteU32(value);
  Add(type, bytes);
}

void StunWriter::AddU64(StunType type, uint64_t value) {
  ByteBuffer bytes;
  ByteWriter(bytes).WriteU64(value);
  Add(type, bytes);
}

void StunWriter::AddXorMappedAddress(const StunAddress& address) {
  ByteBuffer bytes;
  ByteWriter writer(bytes);
  writer.WriteU16(address.ip.is_v4() ? 1 : 2);
  writer.WriteU16(static_cast<uint16_t>(address.port.value() ^ (kMagicCookie >> 16)));
  writer.WriteBytes(ByteSpan(Masked(address.ip.bytes(), transaction_)));
  Add(StunType::kXorMappedAddress, bytes);
}

ByteSpan StunWriter::CoveredByIntegrity() {
  SetLength(kIntegrityBytes);
  return wire_;
}

void StunWriter::AddIntegrity(const std::array<uint8_t, 20>& hash) {
  Add(StunType::kMessageIntegrity, ByteSpan(hash.data(), hash.size()));
}

void StunWriter::AddFingerprint() {
  SetLength(kFingerprintBytes);
  AddU32(StunType::kFingerprint, Crc32(wire_) ^ kFingerprintXor);
}

void StunWriter::SetLength(size_t extra) {
  const size_t length = wire_.size() - kStunHeaderBytes + extra;
  wire_.data()[2] = static_cast<uint8_t>(length >> 8);
  wire_.data()[3] = static_cast<uint8_t>(length);
}

}  // namespace ming::codec
