#include "ming/ice/ice_options.h"

namespace ming::ice {

Status Validate(const IceOptions& options) {
  std::string problems;
  const auto add = [&problems](const std::string& problem) {
    problems += (problems.empty() ? "" : "\n") + problem;
  };
  bool any_turn = false;
  for (const codec::IceServer& server : options.servers) {
    if (server.address.host.empty() || server.address.port == Port()) {
      add("ice server " + server.ToString() + ": host and port are needed");
    }
    if (server.kind == codec::IceServerKind::kTurn) {
      any_turn = true;
      if (server.username.empty() || server.password.empty()) {
        add("turn server " + server.ToString() + ": user name and password are needed");
      }
      if (server.transport == codec::IceServerTransport::kTls) {
        add("turn server " + server.ToString() + ": TLS is not carried here");
      }
    }
  }
  if (options.policy == CandidatePolicy::kRelayOnly && !any_turn) {
    add("relay only: needs a TURN server");
  }
  if (options.ports && options.ports->last < options.ports->first) {
    add("port range: the last port is below the first");
  }
  if (options.ports && options.ports->first == Port()) add("port range: begins at 1");
  if (options.pacing < std::chrono::milliseconds(1) || options.pacing > std::chrono::seconds(1)) {
    add("pacing of checks: 1ms to 1s");
  }
  if (options.initial_timeout < std::chrono::milliseconds(50) ||
      options.initial_timeout > std::chrono::seconds(5)) {
    add("initial time-out of checks: 50ms to 5s");
  }
  if (options.max_local_addresses < 1 || options.max_local_addresses > 64) {
    add("local addresses: 1 to 64");
  }
  if (options.max_remote_candidates < 1) add("remote candidates: at least 1");
  return problems.empty() ? Status::Ok() : Status(StatusCode::kInvalidArgument, problems);
}

}  // namespace ming::ice
