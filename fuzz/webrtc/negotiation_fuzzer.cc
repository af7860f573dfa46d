// Negotiation with hostile descriptions and candidates. The first byte picks how far it has come
// and what the rest is.
#include <glog/logging.h>

#include <string>
#include <string_view>

#include "ming/webrtc/negotiation.h"

namespace ming::webrtc {
namespace {

NegotiationOptions Options(uint8_t fingerprint) {
  NegotiationOptions options;
  options.session_id = 1;
  options.fingerprint = {"sha-256", std::vector<uint8_t>(32, fingerprint)};
  options.features = codec::MingFeatures();
  options.max_early_candidates = 4;
  return options;
}

LocalSession Local() {
  LocalSession local;
  local.ice.username_fragment = "abcd";
  local.ice.password = Secret(std::string(22, 'p'));
  return local;
}

void CheckSession(const Result<RemoteSession>& session) {
  if (!session.ok()) return;
  CHECK_GT(session->max_message_bytes, 0u);
  CHECK_LE(session->max_message_bytes, 256u * 1024);
  CHECK(!session->fingerprints.empty());
  CHECK_GE(session->ice.password.Reveal().size(), 22u);
}

void Run(uint8_t state, std::string_view text) {
  Negotiation negotiation(Options(1));
  Negotiation peer(Options(2));
  if ((state & 1) != 0) {
    const std::string offer = negotiation.MakeOffer(Local());
    if ((state & 2) != 0) {
      CHECK(peer.HandleOffer(offer).ok());
      CHECK(negotiation.HandleAnswer(peer.MakeAnswer(Local())).ok());
      if ((state & 4) != 0) negotiation.MakeOffer(Local());
    }
  }
  if ((state & 8) != 0) {
    const Result<std::optional<codec::IceCandidate>> candidate = negotiation.HandleCandidate(text);
    CHECK(candidate.ok() || !candidate.status().message().empty());
    return;
  }
  if (negotiation.offer_open()) return CheckSession(negotiation.HandleAnswer(text));
  const Result<RemoteSession> session = negotiation.HandleOffer(text);
  CheckSession(session);
  // Our answer to whatever was taken must be readable.
  if (!session.ok()) return;
  codec::SdpLimits limits;  // the answer adds lines of our own to an offer at the limit
  limits.max_bytes *= 2;
  limits.max_lines *= 2;
  const auto answer = codec::ParseSessionDescription(negotiation.MakeAnswer(Local()),
                                                     codec::SdpKind::kAnswer, limits);
  CHECK(answer.ok()) << answer.status().ToString();
}

}  // namespace
}  // namespace ming::webrtc

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const ming::ByteSpan text(data + 1, size - 1);
  ming::webrtc::Run(data[0], text.AsText());
  return 0;
}
