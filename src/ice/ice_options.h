// What an IceAgent may use: interfaces, ports, STUN and TURN servers, timing. Plain values.
#ifndef MING_ICE_ICE_OPTIONS_H_
#define MING_ICE_ICE_OPTIONS_H_

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "ming/base/ip_address.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/codec/ice_server_url.h"

namespace ming::ice {

enum class LoopbackUse {
  kWhenAlone,  // 127.0.0.1 and ::1 only where there is no other address
  kAlways,
};

enum class CandidatePolicy {
  kAll,
  kRelayOnly,  // hides our addresses from the peer: needs a TURN server
};

// Many datagrams a system call (UDP_SEGMENT, UDP_GRO), or one.
enum class UdpOffload {
  kOn,  // as far as the kernel and the device can
  kOff,
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
  // STUN: all are asked, and for each local address the first answer counts. TURN over TLS is
  // not spoken by IceAgent: `address` must be that of a bridge on loopback, which adds TLS.
  std::vector<codec::IceServer> servers;
  // TURN servers are asked for relays so long after the peer's description: first those reached
  // over UDP, then after as long again TCP, then TLS. They are left out where a path works by then:
  // the checks through a relay reach the peer before its candidate is signaled, so the peer takes
  // them for a direct path of high priority and stays with it. Two checks of a direct path fit in
  // here, as the first one often only opens a router. 0 to 10 s; with kRelayOnly the first are
  // asked at once.
  Duration relay_head_start = std::chrono::milliseconds(500);
  // Between two connectivity checks. RFC 8445 (section 14.2) wants 50 ms unless configured
  // otherwise; one data component has few pairs, and 5 ms connects in 16 ms on a LAN. 1 ms to 1 s.
  Duration pacing = std::chrono::milliseconds(5);
  UdpOffload offload = UdpOffload::kOn;
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
