// Why ICE found no path, in a sentence for people. Pure.
#ifndef MING_WEBRTC_NO_PATH_H_
#define MING_WEBRTC_NO_PATH_H_

#include <cstddef>
#include <string>
#include <vector>

#include "ming/codec/ice_candidate.h"
#include "ming/codec/ice_server_url.h"

namespace ming::webrtc {

struct NoPathFacts {
  // Those that were configured.
  std::vector<codec::IceServer> servers;
  std::vector<codec::IceCandidate> local_candidates;
  // Of the peer, as far as they could be used.
  size_t remote_candidates = 0;
};

// "no path to the peer was found: UDP seems blocked (no STUN or TURN server answered), and no TURN
// server over TCP or TLS is configured". Names TURN servers that gave no relay, never credentials.
std::string ExplainNoPath(const NoPathFacts& facts);

}  // namespace ming::webrtc

#endif  // MING_WEBRTC_NO_PATH_H_
