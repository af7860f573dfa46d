#include "ming/net/bound_sockets.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace ming::net {
namespace {

// How often a free port of one family is tried in the other before giving up.
constexpr int kFreePortAttempts = 16;

enum class Ipv4Too { kNo, kYes };

SocketAddress Loopback4(Port port) {
  const uint8_t bytes[4] = {127, 0, 0, 1};
  return SocketAddress(IpAddress::FromBytes({bytes, sizeof(bytes)}), port);
}

SocketAddress Loopback6(Port port) {
  return SocketAddress(IpAddress::FromBytes({in6addr_loopback.s6_addr, 16}), port);
}

SocketAddress Any6(Port port) {
  return SocketAddress(IpAddress::FromBytes({in6addr_any.s6_addr, 16}), port);
}

Status SetOption(int fd, int level, int name, int value, const char* what) {
  if (::setsockopt(fd, level, name, &value, sizeof(value)) == 0) return Status::Ok();
  return Status::FromErrno(what, errno);
}

// The machine does not have this address or family: another one of the same name may do.
bool IsMissingAddress(const Status& status) {
  return status.detail() == EAFNOSUPPORT || status.detail() == EADDRNOTAVAIL;
}

bool IsTaken(const Status& status) { return status.detail() == EADDRINUSE; }

Result<BoundSocket> BindOne(SocketType type, const SocketAddress& address, Ipv4Too ipv4_too,
                            int backlog) {
  auto fd = OpenSocket(type, address);
  if (!fd.ok()) return fd.status();
  const bool is_stream = type == SocketType::kStream;
  if (is_stream) {
    // Lets a restarted process take its port back from connections in TIME_WAIT. Not for datagrams,
    // where it would let two processes share a port.
    const Status status = SetOption(fd->get(), SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
    if (!status.ok()) return status;
  }
  if (address.family() == AF_INET6) {
    const int v6_only = ipv4_too == Ipv4Too::kYes ? 0 : 1;
    const Status status = SetOption(fd->get(), IPPROTO_IPV6, IPV6_V6ONLY, v6_only, "IPV6_V6ONLY");
    if (!status.ok()) return status;
  }
  sockaddr_storage storage{};
  const socklen_t size = address.ToKernel(storage);
  if (::bind(fd->get(), reinterpret_cast<const sockaddr*>(&storage), size) != 0) {
    return Status::FromErrno("bind", errno);
  }
  if (is_stream && ::listen(fd->get(), backlog) != 0) return Status::FromErrno("listen", errno);
  const SocketAddress bound = LocalAddressOf(fd->get());
  return BoundSocket{std::move(*fd), bound};
}

Result<std::vector<BoundSocket>> AsList(Result<BoundSocket> socket) {
  if (!socket.ok()) return socket.status();
  std::vector<BoundSocket> sockets;
  sockets.push_back(std::move(*socket));
  return sockets;
}

Result<std::vector<BoundSocket>> BindEveryInterface(SocketType type, Port port, int backlog) {
  auto both = BindOne(type, Any6(port), Ipv4Too::kYes, backlog);
  if (both.ok() || !IsMissingAddress(both.status())) return AsList(std::move(both));
  return AsList(BindOne(type, SocketAddress(IpAddress(), port), Ipv4Too::kNo, backlog));
}

Result<std::vector<BoundSocket>> BindLoopbacksOnce(SocketType type, Port port, int backlog) {
  std::vector<BoundSocket> sockets;
  auto v4 = BindOne(type, Loopback4(port), Ipv4Too::kNo, backlog);
  if (v4.ok()) {
    sockets.push_back(std::move(*v4));
  } else if (!IsMissingAddress(v4.status())) {
    return v4.status();
  }
  const Port v6_port = sockets.empty() ? port : sockets.front().address.port();
  auto v6 = BindOne(type, Loopback6(v6_port), Ipv4Too::kNo, backlog);
  if (v6.ok()) {
    sockets.push_back(std::move(*v6));
  } else if (sockets.empty() || !IsMissingAddress(v6.status())) {
    return v6.status();
  }
  return sockets;
}

Result<std::vector<BoundSocket>> BindLoopbacks(SocketType type, Port port, int backlog) {
  auto sockets = BindLoopbacksOnce(type, port, backlog);
  // A port that is free in one family can be taken in the other.
  for (int i = 1; i < kFreePortAttempts && port.value() == 0; ++i) {
    if (sockets.ok() || !IsTaken(sockets.status())) break;
    sockets = BindLoopbacksOnce(type, port, backlog);
  }
  return sockets;
}

}  // namespace

Result<UniqueFd> OpenSocket(SocketType type, const SocketAddress& address) {
  const int kind = type == SocketType::kStream ? SOCK_STREAM : SOCK_DGRAM;
  UniqueFd fd(::socket(address.family(), kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return Status::FromErrno("socket", errno);
  return fd;
}

Result<std::vector<BoundSocket>> BindAll(SocketType type, const HostPort& where, int backlog) {
  if (where.host.empty()) return BindEveryInterface(type, where.port, backlog);
  if (where.host == "localhost") return BindLoopbacks(type, where.port, backlog);
  const auto address = SocketAddress::ParseHost(where.host, where.port);
  if (!address) {
    return Status(StatusCode::kInvalidArgument,
                  "the host is neither an IP address of this machine nor localhost");
  }
  return AsList(BindTo(type, *address, backlog));
}

Result<BoundSocket> BindTo(SocketType type, const SocketAddress& address, int backlog) {
  return BindOne(type, address, Ipv4Too::kNo, backlog);
}

std::string JoinAddresses(const std::vector<SocketAddress>& addresses) {
  std::string text;
  for (const auto& address : addresses) {
    if (!text.empty()) text += ", ";
    text += address.ToString();
  }
  return text;
}

}  // namespace ming::net
