// Datagrams on a byte stream, as a reverse tunnel carries UDP: each is its length in 16 bits,
// big-endian, then its bytes. docs/reverse.md has the exact bytes.
#ifndef MING_CODEC_DATAGRAM_FRAME_H_
#define MING_CODEC_DATAGRAM_FRAME_H_

#include <cstddef>
#include <optional>

#include "ming/base/bytes.h"
#include "ming/base/status.h"

namespace ming::codec {

// What UDP over IPv4 can carry, bytes. Datagrams may be empty.
inline constexpr size_t kMaxFramedDatagram = 65507;
inline constexpr size_t kDatagramFrameHead = 2;

// Appends one frame. CHECKs that `datagram` has at most kMaxFramedDatagram bytes.
void AppendDatagramFrame(ByteSpan datagram, ByteBuffer& out);

// Takes datagrams off a stream that arrives in pieces; keeps at most one that is not complete.
class DatagramFrameReader {
 public:
  // Adds the next bytes. Every complete datagram is to be taken with Next before more is added.
  void Add(ByteSpan bytes) { buffer_.Append(bytes); }
  // A view of the next datagram, valid until the next call; none: more bytes are needed.
  // kMalformed: a length that no datagram has; it stays so.
  Result<std::optional<ByteSpan>> Next();
  // Whether a frame has begun that is not complete.
  bool has_partial() const { return buffer_.size() > taken_; }

 private:
  ByteBuffer buffer_;
  size_t taken_ = 0;  // bytes of the frame that Next showed
};

}  // namespace ming::codec

#endif  // MING_CODEC_DATAGRAM_FRAME_H_
