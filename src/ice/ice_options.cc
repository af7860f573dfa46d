#include "ming/ice/ice_options.h"

namespace ming::ice {
namespace {

class Problems {
 public:
  void AddIf(bool wrong, const std::string& problem) {
    if (wrong) text_ += (text_.empty() ? "" : "\n") + problem;
  }
  Status AsStatus() const {
    return text_.empty() ? Status::Ok() : Status(StatusCode::kInvalidArgument, text_);
  }

 private:
  std::string text_;
};

void CheckServer(const codec::IceServer& server, Problems& problems) {
  const std::string name = "ice server " + server.ToString();
  problems.AddIf(server.address.host.empty() || server.address.port == Port(),
                 name + ": host and port are needed");
  if (server.kind != codec::IceServerKind::kTurn) return;
  problems.AddIf(server.username.empty() || server.password.empty(),
                 name + ": user name and password are needed");
  if (server.transport == codec::IceServerTransport::kTls) {
    const std::optional<IpAddress> bridge = IpAddress::Parse(server.address.host);
    problems.AddIf(!bridge || !bridge->IsLoopback(), name + ": TLS is not carried here");
  }
}

}  // namespace

Status Validate(const IceOptions& options) {
  Problems problems;
  bool any_turn = false;
  for (const codec::IceServer& server : options.servers) {
    CheckServer(server, problems);
    any_turn = any_turn || server.kind == codec::IceServerKind::kTurn;
  }
  problems.AddIf(options.policy == CandidatePolicy::kRelayOnly && !any_turn,
                 "relay only: needs a TURN server");
  if (options.ports) {
    problems.AddIf(options.ports->last < options.ports->first,
                   "port range: the last port is below the first");
    problems.AddIf(options.ports->first == Port(), "port range: begins at 1");
  }
  problems.AddIf(
      options.relay_head_start < Duration(0) || options.relay_head_start > std::chrono::seconds(10),
      "head start before relays: 0 to 10s");
  problems.AddIf(
      options.pacing < std::chrono::milliseconds(1) || options.pacing > std::chrono::seconds(1),
      "pacing of checks: 1ms to 1s");
  problems.AddIf(options.initial_timeout < std::chrono::milliseconds(50) ||
                     options.initial_timeout > std::chrono::seconds(5),
                 "initial time-out of checks: 50ms to 5s");
  problems.AddIf(options.max_local_addresses < 1 || options.max_local_addresses > 64,
                 "local addresses: 1 to 64");
  problems.AddIf(options.max_remote_candidates < 1, "remote candidates: at least 1");
  return problems.AsStatus();
}

}  // namespace ming::ice
