// What both UDP forwarders count when their local socket did not take a datagram.
#ifndef MING_TUNNEL_UNSENT_DATAGRAMS_H_
#define MING_TUNNEL_UNSENT_DATAGRAMS_H_

#include "ming/net/udp_socket.h"
#include "ming/tunnel/forwarder.h"

namespace ming::tunnel {

// Counts one datagram that is lost for the reason of `result`; kSent counts nothing.
void CountUnsent(net::UdpSendResult result, ForwarderCounters& counters);

}  // namespace ming::tunnel

#endif  // MING_TUNNEL_UNSENT_DATAGRAMS_H_
