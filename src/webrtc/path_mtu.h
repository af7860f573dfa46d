// What the kernel's routes say about the way to a peer.
#ifndef MING_WEBRTC_PATH_MTU_H_
#define MING_WEBRTC_PATH_MTU_H_

#include <cstddef>
#include <optional>

#include "ming/net/socket_address.h"

namespace ming::webrtc {

// Whether datagrams to `remote` take the loopback interface, whose MTU no network has.
bool StaysOnThisMachine(const net::SocketAddress& remote);

// The sizes of IP packets toward a peer.
struct LinkMtu {
  size_t device = 0;  // what the network interface takes
  size_t route = 0;   // what the kernel believes, which may be more or less than the truth
};

// For datagrams from `local`; nothing where there is no route.
std::optional<LinkMtu> FindLinkMtu(const net::SocketAddress& local,
                                   const net::SocketAddress& remote);

}  // namespace ming::webrtc

#endif  // MING_WEBRTC_PATH_MTU_H_
