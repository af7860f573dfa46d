// Tunnel control messages: one text a value, so that what parses is written as the same bytes.
#include <glog/logging.h>

#include "ming/codec/tunnel_control.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ming::ByteSpan message(data, size);
  const auto control = ming::codec::ParseTunnelControl(message);
  if (!control.ok()) return 0;
  CHECK_EQ(ming::codec::SerializeTunnelControl(*control).AsText(), message.AsText());
  return 0;
}
