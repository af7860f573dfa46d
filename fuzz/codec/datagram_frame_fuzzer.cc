// Framed datagrams: the first byte cuts the rest into pieces; what is read, framed again, are the
// bytes that were taken.
#include <glog/logging.h>

#include <algorithm>

#include "ming/codec/datagram_frame.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t piece = std::max<size_t>(data[0], 1);
  const ming::ByteSpan wire(data + 1, size - 1);
  ming::codec::DatagramFrameReader reader;
  ming::ByteBuffer again;
  for (size_t at = 0; at < wire.size(); at += piece) {
    reader.Add(wire.Skip(at).First(piece));
    while (true) {
      const auto next = reader.Next();
      if (!next.ok()) return 0;
      if (!next->has_value()) break;
      ming::codec::AppendDatagramFrame(**next, again);
    }
  }
  CHECK_LE(again.size(), wire.size());
  CHECK(ming::ByteSpan(again) == wire.First(again.size()));
  return 0;
}
