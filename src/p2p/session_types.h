// What the session cores of both roles share: ids, candidates, what they read out of a description,
// and how a role ends.
#ifndef MING_P2P_SESSION_TYPES_H_
#define MING_P2P_SESSION_TYPES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ming/base/status.h"
#include "ming/base/strong_id.h"
#include "ming/codec/ming_features.h"
#include "ming/codec/sdp.h"

namespace ming::p2p {

struct SessionIdTag;
// One peer connection of this process; never used twice.
using SessionId = StrongId<SessionIdTag, uint64_t>;

using codec::TunnelProtocol;
using codec::TunnelProtocolName;

// One trickled candidate; an empty line: there are no more.
struct Candidate {
  std::string line;
  // The ICE user name fragment of the description it belongs to, where the sender names it.
  std::optional<std::string> ufrag;
};

// What the session cores and their shells read out of an offer or an answer.
struct DescriptionFacts {
  // The session id of the o= line: the same for every description of one peer connection.
  uint64_t session_id = 0;
  // Grows with every description of it.
  uint64_t session_version = 0;
  std::vector<codec::SdpFingerprint> fingerprints;
  std::string ice_ufrag;
  // Where its candidates belong.
  std::string mid;
  uint16_t section_index = 0;
  // What the sender announces by a=x-ming; none: a foreign peer.
  std::optional<codec::MingFeatures> ming;

  bool is_ming() const { return ming.has_value(); }
  bool TakesRestartRequests() const { return ming && ming->restart_requests; }
  // It announces another protocol than `ours`.
  bool TunnelsOtherThan(TunnelProtocol ours) const {
    return ming && ming->protocol && *ming->protocol != ours;
  }
  // Of an answer: it answers another offer than the one with `offer_ufrag`.
  bool AnswersOtherThan(const std::string& offer_ufrag) const {
    return ming && ming->answers && *ming->answers != offer_ufrag;
  }

  // Both descriptions come from one peer connection: ICE may be restarted between them.
  bool SamePeerConnection(const DescriptionFacts& other) const {
    return session_id == other.session_id && fingerprints == other.fingerprints;
  }
};

// Fails as codec::ParseSessionDescription does.
Result<DescriptionFacts> ReadDescription(std::string_view sdp, codec::SdpKind kind);

// What a peer connection reports, as far as a session core decides by it.
enum class PathState {
  kConnected,
  kDisconnected,  // no authenticated packet for a while; it may come back
  kEnded,         // failed or closed: it does not come back
};

// What the shells of both roles do.
struct EndSession {  // destroy the peer connection
  SessionId session;
  Status why;
};
struct ApplyCandidate {
  SessionId session;
  Candidate candidate;
};
struct ReconnectSignaling {};  // the signaling client gave up: make another one

// What a host says to a client that was started with another --protocol, and how the client knows
// it again.
std::string DescribeProtocolMismatch(TunnelProtocol host, TunnelProtocol client);
bool IsProtocolMismatch(std::string_view text);

// Why a role ended; what a process makes its exit code of.
enum class TunnelEnd {
  kStopped,       // in order, by us
  kServerLost,    // the signaling server was not reached in time
  kHostNotFound,  // the server has no such host, or it did not answer
  kRefused,       // the server refused our token or origin, or the host tunnels another protocol
  kNoPath,        // both sides were there and no path was found between them
  kIdTaken,       // another host holds our ID
  kFailed,        // a local failure, such as a taken port
};

// "stopped", "server lost".
std::string_view TunnelEndName(TunnelEnd end);

}  // namespace ming::p2p

#endif  // MING_P2P_SESSION_TYPES_H_
