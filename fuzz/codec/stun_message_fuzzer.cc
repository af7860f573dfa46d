// One whole STUN message: what parses is written again attribute by attribute, and reads the same.
#include <glog/logging.h>

#include <cstddef>
#include <cstdint>

#include "ming/codec/stun_message.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using ming::codec::StunMessage;
  const ming::ByteSpan wire(data, size);
  const ming::Result<StunMessage> message = ming::codec::ParseStunMessage(wire);
  ming::codec::StunFingerprintFits(wire);
  ming::codec::FindStunIntegrity(wire);
  if (!message.ok() || size > 50'000) return 0;
  message->ErrorCode();
  message->XorMappedAddress();
  ming::codec::StunWriter writer(message->message_class, message->method, message->transaction);
  for (const auto& attribute : message->attributes) writer.Add(attribute.type, attribute.value);
  const ming::Result<StunMessage> again = ming::codec::ParseStunMessage(writer.wire());
  CHECK(again.ok());
  CHECK_EQ(again->attributes.size(), message->attributes.size());
  for (size_t i = 0; i < again->attributes.size(); ++i) {
    CHECK(again->attributes[i].value == message->attributes[i].value);
  }
  return 0;
}
