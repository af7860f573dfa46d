// Session descriptions for the tests of the session cores: as a peer connection would make them.
#ifndef MING_TESTS_P2P_DESCRIPTIONS_H_
#define MING_TESTS_P2P_DESCRIPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "ming/base/secret.h"
#include "ming/codec/ming_features.h"
#include "ming/codec/sdp.h"

namespace ming::p2p {

struct DescriptionSpec {
  codec::SdpKind kind = codec::SdpKind::kOffer;
  uint64_t session_id = 1;     // of the peer connection
  uint8_t certificate = 1;     // of the process
  std::string ufrag = "aaaa";  // of the ICE generation
  bool ming = true;
  uint64_t version = 2;
  // Of a ming.
  codec::MingFeatures features;
};

inline std::string MakeSdp(const DescriptionSpec& spec) {
  codec::SessionDescription description;
  description.session_id = spec.session_id;
  description.session_version = spec.version;
  description.ice.username_fragment = spec.ufrag;
  description.ice.password = Secret("0123456789abcdefghijkl");
  description.fingerprints = {{"sha-256", std::vector<uint8_t>(32, spec.certificate)}};
  const bool offer = spec.kind == codec::SdpKind::kOffer;
  description.setup = offer ? codec::SdpSetup::kActpass : codec::SdpSetup::kActive;
  if (spec.ming) description.ming = spec.features;
  return codec::SerializeSessionDescription(description);
}

inline std::string Offer(uint64_t session_id, const std::string& ufrag, bool ming = true) {
  return MakeSdp({codec::SdpKind::kOffer, session_id, 1, ufrag, ming, 2, {}});
}

inline std::string Answer(uint64_t session_id, const std::string& ufrag, bool ming = true) {
  return MakeSdp({codec::SdpKind::kAnswer, session_id, 2, ufrag, ming, 2, {}});
}

}  // namespace ming::p2p

#endif  // MING_TESTS_P2P_DESCRIPTIONS_H_
