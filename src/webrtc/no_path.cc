#include "ming/webrtc/no_path.h"

#include <algorithm>

namespace ming::webrtc {
namespace {

bool IsTurn(const codec::IceServer& server) { return server.kind == codec::IceServerKind::kTurn; }

bool UsesUdp(const codec::IceServer& server) {
  return server.transport == codec::IceServerTransport::kUdp;
}

bool HasLocal(const NoPathFacts& facts, codec::CandidateType type) {
  return std::any_of(
      facts.local_candidates.begin(), facts.local_candidates.end(),
      [type](const codec::IceCandidate& candidate) { return candidate.type == type; });
}

std::string NamesOfTurnServers(const NoPathFacts& facts) {
  std::string names;
  for (const codec::IceServer& server : facts.servers) {
    if (IsTurn(server)) names += (names.empty() ? "" : ", ") + server.ToString();
  }
  return names;
}

std::string Cause(const NoPathFacts& facts) {
  if (facts.remote_candidates == 0) return "the peer named no address that could be tried";
  const auto& servers = facts.servers;
  const bool turn = std::any_of(servers.begin(), servers.end(), IsTurn);
  const bool relay = HasLocal(facts, codec::CandidateType::kRelay);
  if (relay) return "not even our TURN relay reached it; it may have none, or its network is gone";
  const bool asked_by_udp = std::any_of(servers.begin(), servers.end(), UsesUdp);
  const bool udp_works = HasLocal(facts, codec::CandidateType::kServerReflexive);
  std::string cause;
  if (asked_by_udp && !udp_works) {
    cause = "UDP seems blocked (no server told our public address)";
  }
  const auto add = [&cause](const std::string& more) {
    cause += (cause.empty() ? "" : ", and ") + more;
  };
  if (turn) {
    add("no relay from TURN server " + NamesOfTurnServers(facts) +
        " (not reached, or user name or password refused)");
  } else if (asked_by_udp && !udp_works) {
    add("no TURN server over TCP or TLS is configured");
  } else {
    add("no TURN server is configured");
  }
  return cause;
}

}  // namespace

std::string ExplainNoPath(const NoPathFacts& facts) {
  return "no path to the peer was found: " + Cause(facts);
}

}  // namespace ming::webrtc
