#include "ming/webrtc/path_mtu.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "ming/net/unique_fd.h"
#include "ming/tls/dtls_session.h"

namespace ming::webrtc {
namespace {

// No network has it. The loopback interface has 65536, of which IPv4 counts 65535.
constexpr size_t kLoopbackMtu = 65535;
// Of IP and UDP.
constexpr size_t kIpv4Headers = 28;
constexpr size_t kIpv6Headers = 48;

// Connecting a UDP socket sends nothing; it makes the kernel look up the route.
bool Connect(const net::UniqueFd& socket, const net::SocketAddress& remote) {
  sockaddr_storage address{};
  const socklen_t size = remote.ToKernel(address);
  return socket.valid() &&
         connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0;
}

net::UniqueFd MakeSocket(int family) {
  return net::UniqueFd(socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

size_t RouteMtu(const net::UniqueFd& socket, int family) {
  int mtu = 0;
  socklen_t size = sizeof(mtu);
  const bool v4 = family == AF_INET;
  const int got =
      getsockopt(socket.get(), v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_MTU : IPV6_MTU, &mtu, &size);
  return got == 0 && mtu > 0 ? static_cast<size_t>(mtu) : 0;
}

// Of the interface that has `ip`; 0: none.
size_t DeviceMtu(const net::UniqueFd& socket, const IpAddress& ip) {
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return 0;
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> all(first, &freeifaddrs);
  for (const ifaddrs* entry = first; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr) continue;
    const int family = entry->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    sockaddr_storage address{};
    std::memcpy(&address, entry->ifa_addr,
                family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    const auto own = net::SocketAddress::FromKernel(address);
    if (!own || own->ip() != ip) continue;
    ifreq request{};
    std::strncpy(request.ifr_name, entry->ifa_name, sizeof(request.ifr_name) - 1);
    if (ioctl(socket.get(), SIOCGIFMTU, &request) != 0) return 0;
    return request.ifr_mtu > 0 ? static_cast<size_t>(request.ifr_mtu) : 0;
  }
  return 0;
}

bool StaysOnThisMachine(const net::SocketAddress& remote) {
  const net::UniqueFd socket = MakeSocket(remote.family());
  return Connect(socket, remote) && RouteMtu(socket, remote.family()) >= kLoopbackMtu;
}

}  // namespace

std::optional<LinkMtu> FindLinkMtu(const net::SocketAddress& local,
                                   const net::SocketAddress& remote) {
  const net::UniqueFd socket = MakeSocket(remote.family());
  if (!socket.valid()) return std::nullopt;
  // In vain where the local address is that of a NAT.
  sockaddr_storage from{};
  const socklen_t size = net::SocketAddress(local.ip()).ToKernel(from);
  static_cast<void>(bind(socket.get(), reinterpret_cast<const sockaddr*>(&from), size));
  if (!Connect(socket, remote)) return std::nullopt;
  LinkMtu mtu;
  mtu.device = DeviceMtu(socket, net::LocalAddressOf(socket.get()).ip());
  mtu.route = RouteMtu(socket, remote.family());
  if (mtu.device == 0) mtu.device = mtu.route;
  if (mtu.device == 0) return std::nullopt;
  return mtu;
}

PathWidth MeasurePath(const ice::SelectedPair& pair) {
  PathWidth path;
  path.ip_udp_headers = pair.remote.family() == AF_INET ? kIpv4Headers : kIpv6Headers;
  if (pair.relayed()) return path;
  if (StaysOnThisMachine(pair.remote)) {
    path.kind = PathWidth::Kind::kLoopback;
    return path;
  }
  path.kind = PathWidth::Kind::kNetwork;
  path.link = FindLinkMtu(pair.local, pair.remote);
  return path;
}

size_t UntriedPacketSize(const PathWidth& path, size_t base, size_t agreed) {
  if (path.kind != PathWidth::Kind::kLoopback) return base;
  return std::clamp(agreed, base, tls::DtlsSession::kMaxRecord);
}

PathMtuLimits ProbingLimits(const PathWidth& path, size_t base, size_t agreed) {
  PathMtuLimits limits;
  limits.base = limits.limit = base;
  if (path.kind != PathWidth::Kind::kNetwork) return limits;
  limits.overhead = path.ip_udp_headers + tls::DtlsSession::kRecordOverhead;
  limits.limit = std::min(agreed, tls::DtlsSession::kMaxRecord);
  if (!path.link) return limits;
  const auto content = [&limits](size_t mtu) { return mtu - std::min(mtu, limits.overhead); };
  limits.limit = std::min(limits.limit, content(path.link->device));
  limits.first = std::min(limits.limit, content(path.link->route));
  return limits;
}

}  // namespace ming::webrtc
