// What the kernel's routes say about the way to a peer.
#ifndef MING_WEBRTC_PATH_MTU_H_
#define MING_WEBRTC_PATH_MTU_H_

#include "ming/net/socket_address.h"

namespace ming::webrtc {

// Whether datagrams to `remote` take the loopback interface, whose MTU no network has.
bool StaysOnThisMachine(const net::SocketAddress& remote);

}  // namespace ming::webrtc

#endif  // MING_WEBRTC_PATH_MTU_H_
