// Signaling messages: what parses is written and parsed again as the same value, the payloads too.
#include <glog/logging.h>

#include "ming/base/bytes.h"
#include "ming/codec/signaling_message.h"

using ming::codec::SignalingMessage;

namespace {

SignalingMessage ParseAgain(const SignalingMessage& message) {
  ming::codec::SignalingLimits limits;
  limits.max_bytes = size_t{1} << 24;  // escapes make a text longer
  const std::string text = ming::codec::SerializeSignalingMessage(message);
  auto again = ming::codec::ParseSignalingMessage(text, limits);
  CHECK(again.ok()) << again.status().ToString();
  return *std::move(again);
}

void CheckPayloads(const SignalingMessage& message) {
  const auto description = ming::codec::ParseDescriptionPayload(message.payload);
  if (description.ok()) {
    const auto made = ming::codec::MakeDescription(*description, "t", "s");
    const auto again = ming::codec::ParseDescriptionPayload(ParseAgain(made).payload);
    CHECK(again.ok() && again->kind == description->kind && again->sdp == description->sdp);
  }
  const auto candidate = ming::codec::ParseCandidatePayload(message.payload);
  if (candidate.ok()) {
    const auto made = ming::codec::MakeCandidate(*candidate, "t", "s");
    const auto again = ming::codec::ParseCandidatePayload(ParseAgain(made).payload);
    CHECK(again.ok() && *again == *candidate);
  }
  const std::string error = ming::codec::ParseErrorPayload(message.payload);
  const auto made = ming::codec::MakeError(error, "t");
  CHECK_EQ(ming::codec::ParseErrorPayload(ParseAgain(made).payload), error);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto message = ming::codec::ParseSignalingMessage(ming::ByteSpan(data, size).AsText());
  if (!message.ok()) return 0;
  CHECK(ParseAgain(*message) == *message);
  CheckPayloads(*message);
  return 0;
}
