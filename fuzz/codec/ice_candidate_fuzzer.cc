// ICE candidates: what parses is written and parsed again as the same value, and what is usable is
// one line of words with an IP address.
#include <glog/logging.h>

#include "ming/codec/ice_candidate.h"

using ming::codec::CandidateVerdict;
using ming::codec::LoopbackCandidates;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto candidate = ming::codec::ParseIceCandidate(ming::ByteSpan(data, size).AsText());
  if (!candidate.ok()) return 0;
  const std::string text = ming::codec::SerializeIceCandidate(*candidate);
  const auto again = ming::codec::ParseIceCandidate(text);
  CHECK(again.ok()) << again.status().ToString();
  CHECK(*again == *candidate);
  const auto strict = ming::codec::ValidateRemoteCandidate(*candidate, LoopbackCandidates::kRefuse);
  const auto lenient = ming::codec::ValidateRemoteCandidate(*candidate, LoopbackCandidates::kAllow);
  if (strict.verdict == CandidateVerdict::kUsable)
    CHECK(lenient.verdict == CandidateVerdict::kUsable);
  CHECK_EQ(lenient.reason.empty(), lenient.verdict == CandidateVerdict::kUsable);
  if (lenient.verdict == CandidateVerdict::kUsable) {
    CHECK(ming::IpAddress::Parse(candidate->address));
    CHECK_EQ(text.find_first_of("\r\n"), std::string::npos);
  }
  return 0;
}
