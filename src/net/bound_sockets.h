// BindAll: the sockets that one listen address means. Shared by TcpListener and UdpSocket.
#ifndef MING_NET_BOUND_SOCKETS_H_
#define MING_NET_BOUND_SOCKETS_H_

#include <vector>

#include "ming/base/ip_address.h"
#include "ming/base/status.h"
#include "ming/net/socket_address.h"
#include "ming/net/unique_fd.h"

namespace ming::net {

enum class SocketType { kStream, kDatagram };

struct BoundSocket {
  UniqueFd fd;
  SocketAddress address;  // as bound, with the real port
};

// Non-blocking sockets bound to what `where` means, all with the same port; stream sockets listen
// already, with `backlog`. An empty host is one socket for every interface in both families (IPv4
// alone where the system has no IPv6). "localhost" is 127.0.0.1 and ::1, as far as they exist. Any
// other host is a numeric address; a name is kInvalidArgument. Port 0 takes a free port.
// The error says only what is wrong, without `where`.
Result<std::vector<BoundSocket>> BindAll(SocketType type, const HostPort& where, int backlog);

// One such socket, for exactly `address`.
Result<BoundSocket> BindTo(SocketType type, const SocketAddress& address, int backlog);

// A non-blocking socket for `address`'s family.
Result<UniqueFd> OpenSocket(SocketType type, const SocketAddress& address);

// "127.0.0.1:25565, [::1]:25565".
std::string JoinAddresses(const std::vector<SocketAddress>& addresses);

}  // namespace ming::net

#endif  // MING_NET_BOUND_SOCKETS_H_
