// Session descriptions: what parses is written and parsed again as the same value, and an answer to
// it can be made and fits.
#include <glog/logging.h>

#include "ming/base/bytes.h"
#include "ming/codec/sdp.h"

using ming::codec::SdpKind;
using ming::codec::SessionDescription;

namespace {

// Rewriting adds lines of our own (c=, mid, inactive), so that an input at its limit comes out
// above it.
ming::codec::SdpLimits WideLimits() {
  ming::codec::SdpLimits limits;
  limits.max_bytes *= 2;
  limits.max_lines *= 2;
  return limits;
}

void CheckRoundTrip(const SessionDescription& description, SdpKind kind) {
  const std::string text = ming::codec::SerializeSessionDescription(description);
  const auto again = ming::codec::ParseSessionDescription(text, kind, WideLimits());
  CHECK(again.ok()) << again.status().ToString() << "\n" << text;
  CHECK(*again == description) << text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = ming::ByteSpan(data, size).AsText();
  const auto answer = ming::codec::ParseSessionDescription(text, SdpKind::kAnswer);
  if (answer.ok()) CheckRoundTrip(*answer, SdpKind::kAnswer);
  const auto offer = ming::codec::ParseSessionDescription(text, SdpKind::kOffer);
  CHECK(offer.ok() || !answer.ok());
  if (!offer.ok()) return 0;
  CheckRoundTrip(*offer, SdpKind::kOffer);
  SessionDescription reply = ming::codec::MakeAnswerSkeleton(*offer);
  reply.ice = offer->ice;
  reply.fingerprints = offer->fingerprints;
  CheckRoundTrip(reply, SdpKind::kAnswer);
  CHECK(ming::codec::CheckAnswerFitsOffer(*offer, reply).ok());
  return 0;
}
