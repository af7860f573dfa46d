// How wide the way to a peer is: what the kernel's routes say, and what follows for the packets on
// it. Sizes of packets are SCTP's, without what DTLS, UDP and IP add.
#ifndef MING_WEBRTC_PATH_MTU_H_
#define MING_WEBRTC_PATH_MTU_H_

#include <cstddef>
#include <optional>

#include "ming/ice/ice_types.h"
#include "ming/net/socket_address.h"
#include "ming/webrtc/path_mtu_search.h"

namespace ming::webrtc {

// The sizes of IP packets toward a peer.
struct LinkMtu {
  size_t device = 0;  // what the network interface takes
  size_t route = 0;   // what the kernel believes, which may be more or less than the truth
};

// For datagrams from `local`; nothing where there is no route.
std::optional<LinkMtu> FindLinkMtu(const net::SocketAddress& local,
                                   const net::SocketAddress& remote);

struct PathWidth {
  enum class Kind {
    // By a TURN server. It is left alone: the relay adds bytes of its own, and mostly serves where
    // little passes.
    kRelayed,
    kLoopback,  // datagrams never leave this machine
    kNetwork,
  };
  Kind kind = Kind::kRelayed;
  size_t ip_udp_headers = 0;    // of each datagram
  std::optional<LinkMtu> link;  // of a network, where a route is known
};

// Asks the kernel, by a few system calls.
PathWidth MeasurePath(const ice::SelectedPair& pair);

// What may be sent without having been tried. `base`: what every path carries; `agreed`: what both
// ends take. Larger than the base only on loopback: elsewhere the path may be narrower than its
// first link.
size_t UntriedPacketSize(const PathWidth& path, size_t base, size_t agreed);

// What to search for.
PathMtuLimits ProbingLimits(const PathWidth& path, size_t base, size_t agreed);

}  // namespace ming::webrtc

#endif  // MING_WEBRTC_PATH_MTU_H_
