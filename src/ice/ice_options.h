// What an IceAgent may use: interfaces, ports, STUN and TURN servers, timing. Plain values.
#ifndef MING_ICE_ICE_OPTIONS_H_
#define MING_ICE_ICE_OPTIONS_H_

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ming/base/ip_address.h"
#include "ming/base/secret.h"
#include "ming/base/status.h"
#include "ming/base/time.h"

namespace ming::ice {

struct StunServer {
  HostPort address;
};

enum class TurnTransport { kUdp, kTcp, kTls };

struct TurnServer {
  HostPort address;
  TurnTransport transport = TurnTransport::kUdp;
  std::string username;
  Secret password;
  // kTls: PEM file of the authorities that may have signed the server's certificate; empty: the
  // system's.
  std::string ca_file;
};

// "stun:host", "stun:host:port" (RFC 7064; port 3478 when absent), or a bare "host:port".
Result<StunServer> ParseStunServer(std::string_view text);
// "turn:host[:port][?transport=udp|tcp]", "turns:host[:port][?transport=tcp]" (RFC 7065; ports 3478
// and 5349 when absent). Credentials are set by the caller.
Result<TurnServer> ParseTurnServer(std::string_view text);

enum class LoopbackUse {
  kWhenAlone,  // 127.0.0.1 and ::1 only where there is no other address
  kAlways,
};

enum class CandidatePolicy {
  kAll,
  kRelayOnly,  // hides our addresses from the peer: needs a TURN server
};

struct PortRange {
  Port first;
  Port last;
};

struct IceOptions {
  LoopbackUse loopback = LoopbackUse::kWhenAlone;
  CandidatePolicy policy = CandidatePolicy::kAll;
  // Names of the interfaces to use ("eth0"); empty: all that are up.
  std::vector<std::string> interfaces;
  // Local UDP ports; none: the kernel chooses.
  std::optional<PortRange> ports;
  // All are asked; for each local address the first answer counts.
  std::vector<StunServer> stun_servers;
  std::vector<TurnServer> turn_servers;
  // Between two connectivity checks. RFC 8445 (section 14.2) wants 50 ms unless configured
  // otherwise; one data component has few pairs, and 5 ms connects in 16 ms on a LAN. 1 ms to 1 s.
  Duration pacing = std::chrono::milliseconds(5);
  // First retransmission of a check, doubling from there. 50 ms to 5 s.
  Duration initial_timeout = std::chrono::milliseconds(200);
  // Local addresses, and remote candidates, are bounded: each pair costs checks.
  size_t max_local_addresses = 16;
  size_t max_remote_candidates = 64;
};

// All problems at once, one a line; ok where there are none.
Status Validate(const IceOptions& options);

}  // namespace ming::ice

#endif  // MING_ICE_ICE_OPTIONS_H_
