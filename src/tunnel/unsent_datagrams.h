// What both UDP forwarders count when their local socket did not take a datagram.
#ifndef MING_TUNNEL_UNSENT_DATAGRAMS_H_
#define MING_TUNNEL_UNSENT_DATAGRAMS_H_

#include <cstddef>

#include "ming/net/udp_socket.h"
#include "ming/tunnel/forwarder.h"

namespace ming::tunnel {

// Counts datagrams that are lost for the reason of `result`; kSent counts nothing.
void CountUnsent(net::UdpSendResult result, size_t count, ForwarderCounters& counters);

}  // namespace ming::tunnel

#endif  // MING_TUNNEL_UNSENT_DATAGRAMS_H_
