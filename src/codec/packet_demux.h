// What a datagram on the ICE socket is (RFC 7983), and whether its own length fields add up. Says
// nothing about authenticity.
#ifndef MING_CODEC_PACKET_DEMUX_H_
#define MING_CODEC_PACKET_DEMUX_H_

#include <cstddef>
#include <optional>

#include "ming/base/bytes.h"

namespace ming::codec {

inline constexpr size_t kStunHeaderBytes = 20;
inline constexpr size_t kDtlsRecordHeaderBytes = 13;
// The largest record body: 2^14 of plaintext and 2048 of expansion (RFC 6347, section 4.1).
inline constexpr size_t kMaxDtlsRecordBodyBytes = 16384 + 2048;

enum class PacketKind {
  kStun,
  kZrtp,
  kDtls,
  kTurnChannelData,
  kRtp,
  kUnknown,  // a first byte that RFC 7983 leaves to nobody, or no byte at all
};

// By the first byte alone (RFC 7983, section 7).
PacketKind ClassifyPacket(ByteSpan packet);

// One whole STUN message (RFC 8489, section 5): header, magic cookie, and a length field that is a
// multiple of 4 and accounts for every byte.
bool IsStunMessage(ByteSpan datagram);

// One or more whole DTLS 1.2 records that account for every byte of the datagram: content type 20
// to 25, version 254.x, body of 1 to kMaxDtlsRecordBodyBytes. GnuTLS loses the next good datagram
// after one that fails this, so nothing else may be fed to it.
bool IsDtlsDatagram(ByteSpan datagram);

// Takes a buffer in which several packets stand one behind the other (DTLS records, STUN messages)
// apart by their own length fields.
class PacketSplitter {
 public:
  struct Piece {
    PacketKind kind = PacketKind::kUnknown;  // kStun and kDtls are whole; kUnknown is the rest
    ByteSpan bytes;                          // one message or one record; never empty
  };

  // `buffer` must outlive the pieces.
  explicit PacketSplitter(ByteSpan buffer) : rest_(buffer) {}

  // The next piece; nothing at the end. Where no whole packet begins, all that is left is one
  // kUnknown piece.
  std::optional<Piece> Next();

 private:
  ByteSpan rest_;
};

}  // namespace ming::codec

#endif  // MING_CODEC_PACKET_DEMUX_H_
