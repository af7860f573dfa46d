#include "ming/codec/datagram_frame.h"

#include <glog/logging.h>

#include <cstdint>
#include <string>
#include <utility>

#include "ming/base/byte_io.h"

namespace ming::codec {

void AppendDatagramFrame(ByteSpan datagram, ByteBuffer& out) {
  CHECK_LE(datagram.size(), kMaxFramedDatagram);
  ByteWriter writer(out);
  writer.WriteU16(static_cast<uint16_t>(datagram.size()));
  writer.WriteBytes(datagram);
}

Result<std::optional<ByteSpan>> DatagramFrameReader::Next() {
  buffer_.RemovePrefix(std::exchange(taken_, 0));
  ByteReader reader(buffer_);
  const std::optional<uint16_t> size = reader.ReadU16();
  if (!size) return std::optional<ByteSpan>();
  if (*size > kMaxFramedDatagram) {
    return Status(StatusCode::kMalformed, "a datagram of " + std::to_string(*size) + " bytes");
  }
  const std::optional<ByteSpan> datagram = reader.ReadBytes(*size);
  if (datagram) taken_ = kDatagramFrameHead + *size;
  return datagram;
}

}  // namespace ming::codec
