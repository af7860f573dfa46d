// Packet demultiplexing: the pieces are the buffer, in order, and each is what it says.
#include <glog/logging.h>

#include "ming/codec/packet_demux.h"

using ming::codec::PacketKind;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ming::ByteSpan buffer(data, size);
  ming::codec::PacketSplitter splitter(buffer);
  size_t taken = 0;
  bool all_dtls = true;
  while (const auto piece = splitter.Next()) {
    CHECK(!piece->bytes.empty());
    CHECK(piece->bytes.data() == data + taken);
    taken += piece->bytes.size();
    CHECK(taken <= size);
    CHECK_EQ(ming::codec::IsDtlsDatagram(piece->bytes), piece->kind == PacketKind::kDtls);
    if (piece->kind == PacketKind::kUnknown) {
      CHECK_EQ(taken, size);
    } else {
      CHECK(ming::codec::ClassifyPacket(piece->bytes) == piece->kind);
      CHECK_EQ(ming::codec::IsStunMessage(piece->bytes), piece->kind == PacketKind::kStun);
    }
    all_dtls = all_dtls && piece->kind == PacketKind::kDtls;
  }
  CHECK_EQ(taken, size);
  CHECK_EQ(ming::codec::IsDtlsDatagram(buffer), size > 0 && all_dtls);
  return 0;
}
