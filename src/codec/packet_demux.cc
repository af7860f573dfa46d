#include "ming/codec/packet_demux.h"

#include <cstdint>

#include "ming/base/byte_io.h"

namespace ming::codec {
namespace {

constexpr uint32_t kStunMagicCookie = 0x2112A442;
constexpr uint8_t kDtlsVersionMajor =
    254;  // 254.255 is DTLS 1.0 (a first ClientHello), 254.253 1.2
constexpr uint8_t kFirstDtlsContentType = 20;  // change_cipher_spec
constexpr uint8_t kLastDtlsContentType = 25;   // tls12_cid

// The length of the whole STUN message in front of `bytes`; 0 where there is none.
size_t StunMessageLength(ByteSpan bytes) {
  ByteReader reader(bytes);
  const auto type = reader.ReadU16();
  const auto body_bytes = reader.ReadU16();
  const auto cookie = reader.ReadU32();
  if (bytes.size() < kStunHeaderBytes || cookie != kStunMagicCookie) return 0;
  // The two top bits are zero, and of the 14 that follow RFC 7983 leaves STUN only 0 to 3 in the
  // first byte.
  if (*type >> 10 != 0 || *body_bytes % 4 != 0) return 0;
  const size_t length = kStunHeaderBytes + *body_bytes;
  return length <= bytes.size() ? length : 0;
}

// The length of the whole DTLS record in front of `bytes`; 0 where there is none.
size_t DtlsRecordLength(ByteSpan bytes) {
  if (bytes.size() < kDtlsRecordHeaderBytes) return 0;
  if (bytes[0] < kFirstDtlsContentType || bytes[0] > kLastDtlsContentType) return 0;
  if (bytes[1] != kDtlsVersionMajor) return 0;
  const size_t body_bytes = size_t{bytes[11]} << 8 | bytes[12];
  if (body_bytes == 0 || body_bytes > kMaxDtlsRecordBodyBytes) return 0;
  const size_t length = kDtlsRecordHeaderBytes + body_bytes;
  return length <= bytes.size() ? length : 0;
}

}  // namespace

PacketKind ClassifyPacket(ByteSpan packet) {
  if (packet.empty()) return PacketKind::kUnknown;
  const uint8_t first = packet[0];
  if (first <= 3) return PacketKind::kStun;
  if (first >= 16 && first <= 19) return PacketKind::kZrtp;
  if (first >= 20 && first <= 63) return PacketKind::kDtls;
  if (first >= 64 && first <= 79) return PacketKind::kTurnChannelData;
  if (first >= 128 && first <= 191) return PacketKind::kRtp;
  return PacketKind::kUnknown;
}

bool IsStunMessage(ByteSpan datagram) {
  const size_t length = StunMessageLength(datagram);
  return length != 0 && length == datagram.size();
}

bool IsDtlsDatagram(ByteSpan datagram) {
  if (datagram.empty()) return false;
  while (!datagram.empty()) {
    const size_t length = DtlsRecordLength(datagram);
    if (length == 0) return false;
    datagram = datagram.Skip(length);
  }
  return true;
}

std::optional<PacketSplitter::Piece> PacketSplitter::Next() {
  if (rest_.empty()) return std::nullopt;
  Piece piece;
  size_t length = DtlsRecordLength(rest_);
  if (length != 0) {
    piece.kind = PacketKind::kDtls;
  } else if ((length = StunMessageLength(rest_)) != 0) {
    piece.kind = PacketKind::kStun;
  } else {
    length = rest_.size();
  }
  piece.bytes = rest_.First(length);
  rest_ = rest_.Skip(length);
  return piece;
}

}  // namespace ming::codec
