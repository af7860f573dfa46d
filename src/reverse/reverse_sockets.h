// How the sockets of a reverse tunnel notice a peer that vanished.
#ifndef MING_REVERSE_REVERSE_SOCKETS_H_
#define MING_REVERSE_REVERSE_SOCKETS_H_

#include <chrono>

#include "ming/base/time.h"
#include "ming/net/tcp_stream.h"

namespace ming::reverse {

// The kernel probes an idle connection after 15 s, three times 5 s apart.
inline net::TcpOptions SocketOptions() {
  net::TcpOptions options;
  options.keepalive = std::chrono::seconds(15);
  return options;
}

// Of connections between the two ends: the client speaks first on each, and both ends send at once.
inline net::TcpOptions LinkOptions() {
  net::TcpOptions options = SocketOptions();
  options.lazy_acks = true;
  return options;
}

// How long lines of a control connection may stay unacknowledged. Data connections have no such
// limit: their readers may pause.
inline constexpr Duration kControlSilence = std::chrono::seconds(20);

}  // namespace ming::reverse

#endif  // MING_REVERSE_REVERSE_SOCKETS_H_
