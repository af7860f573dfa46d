// DCEP: what parses is written and parsed again as the same value.
#include <glog/logging.h>

#include "ming/codec/dcep.h"

using ming::codec::DataChannelOpen;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto message = ming::codec::ParseDcepMessage({data, size});
  if (!message.ok() || !std::holds_alternative<DataChannelOpen>(*message)) return 0;
  const auto& open = std::get<DataChannelOpen>(*message);
  const ming::ByteBuffer wire = ming::codec::SerializeDataChannelOpen(open);
  CHECK_EQ(wire.size(), size);
  const auto again = ming::codec::ParseDcepMessage(wire);
  CHECK(again.ok()) << again.status().ToString();
  CHECK(std::get<DataChannelOpen>(*again) == open);
  return 0;
}
