// SocketAddress: where a socket is: address, port and, for link-local IPv6, the interface.
#ifndef MING_NET_SOCKET_ADDRESS_H_
#define MING_NET_SOCKET_ADDRESS_H_

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "ming/base/ip_address.h"

namespace ming::net {

class SocketAddress {
 public:
  // 0.0.0.0:0.
  SocketAddress() = default;
  // `scope_id` is the interface index of a link-local IPv6 address; 0 everywhere else.
  explicit SocketAddress(const IpAddress& ip, Port port = Port(), uint32_t scope_id = 0)
      : ip_(ip), port_(port), scope_id_(scope_id) {}

  // What the kernel handed out; nothing for families other than AF_INET and AF_INET6. An IPv4
  // address mapped into IPv6 (as a socket for both families reports it) comes out as IPv4.
  static std::optional<SocketAddress> FromKernel(const sockaddr_storage& address);
  // "192.0.2.1:5", "[2001:db8::1]:5", "[fe80::1%eth0]:5"; numeric only.
  static std::optional<SocketAddress> Parse(std::string_view text);
  // The numeric address of a host without port: "192.0.2.1", "::1", "fe80::1%eth0" (the zone by
  // name or number).
  static std::optional<SocketAddress> ParseHost(std::string_view host, Port port);

  const IpAddress& ip() const { return ip_; }
  Port port() const { return port_; }
  uint32_t scope_id() const { return scope_id_; }
  // AF_INET or AF_INET6.
  int family() const;
  SocketAddress WithPort(Port port) const { return SocketAddress(ip_, port, scope_id_); }

  // Fills `out` for the kernel and returns the length to pass with it.
  socklen_t ToKernel(sockaddr_storage& out) const;
  // "192.0.2.1:5", "[::1]:5", "[fe80::1%2]:5".
  std::string ToString() const;

  friend bool operator==(const SocketAddress& a, const SocketAddress& b) {
    return a.ip_ == b.ip_ && a.port_ == b.port_ && a.scope_id_ == b.scope_id_;
  }
  friend bool operator!=(const SocketAddress& a, const SocketAddress& b) { return !(a == b); }
  friend std::ostream& operator<<(std::ostream& out, const SocketAddress& address) {
    return out << address.ToString();
  }

 private:
  IpAddress ip_;
  Port port_;
  uint32_t scope_id_ = 0;
};

// The address a socket is bound to, or its peer's; 0.0.0.0:0 where there is none.
SocketAddress LocalAddressOf(int fd);
SocketAddress PeerAddressOf(int fd);

}  // namespace ming::net

template <>
struct std::hash<ming::net::SocketAddress> {
  size_t operator()(const ming::net::SocketAddress& address) const;
};

#endif  // MING_NET_SOCKET_ADDRESS_H_
