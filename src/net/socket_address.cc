#include "ming/net/socket_address.h"

#include <net/if.h>
#include <netinet/in.h>

#include <charconv>
#include <cstring>
#include <string>

namespace ming::net {
namespace {

std::optional<uint32_t> ParseZone(std::string_view zone) {
  uint32_t index = 0;
  const auto [end, error] = std::from_chars(zone.data(), zone.data() + zone.size(), index);
  if (error == std::errc() && end == zone.data() + zone.size() && index != 0) return index;
  if (zone.empty() || zone.size() >= IF_NAMESIZE) return std::nullopt;
  index = ::if_nametoindex(std::string(zone).c_str());
  if (index == 0) return std::nullopt;
  return index;
}

using GetName = int (*)(int, sockaddr*, socklen_t*);

SocketAddress Ask(GetName get_name, int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  if (get_name(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return SocketAddress();
  return SocketAddress::FromKernel(storage).value_or(SocketAddress());
}

}  // namespace

std::optional<SocketAddress> SocketAddress::FromKernel(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof(v4));
    const auto* bytes = reinterpret_cast<const uint8_t*>(&v4.sin_addr);
    return SocketAddress(IpAddress::FromBytes({bytes, 4}), Port(ntohs(v4.sin_port)));
  }
  if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof(v6));
    const IpAddress ip = IpAddress::FromBytes({v6.sin6_addr.s6_addr, 16}).Canonical();
    return SocketAddress(ip, Port(ntohs(v6.sin6_port)), ip.is_v4() ? 0 : v6.sin6_scope_id);
  }
  return std::nullopt;
}

std::optional<SocketAddress> SocketAddress::Parse(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const auto port = ParsePort(text.substr(colon + 1));
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = port ? ParseHost(host, *port) : std::nullopt;
  // Brackets belong to IPv6, and only to it.
  if (!address || bracketed == address->ip().is_v4()) return std::nullopt;
  return address;
}

std::optional<SocketAddress> SocketAddress::ParseHost(std::string_view host, Port port) {
  const size_t percent = host.find('%');
  const auto ip = IpAddress::Parse(host.substr(0, percent));
  if (!ip) return std::nullopt;
  if (percent == std::string_view::npos) return SocketAddress(*ip, port);
  const auto scope_id = ParseZone(host.substr(percent + 1));
  if (!scope_id || ip->is_v4()) return std::nullopt;
  return SocketAddress(*ip, port, *scope_id);
}

int SocketAddress::family() const { return ip_.is_v4() ? AF_INET : AF_INET6; }

socklen_t SocketAddress::ToKernel(sockaddr_storage& out) const {
  std::memset(&out, 0, sizeof(out));
  if (ip_.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port_.value());
    std::memcpy(&v4.sin_addr, ip_.bytes().data(), ip_.bytes().size());
    std::memcpy(&out, &v4, sizeof(v4));
    return sizeof(v4);
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port_.value());
  v6.sin6_scope_id = scope_id_;
  std::memcpy(&v6.sin6_addr, ip_.bytes().data(), ip_.bytes().size());
  std::memcpy(&out, &v6, sizeof(v6));
  return sizeof(v6);
}

std::string SocketAddress::ToString() const {
  const std::string port = std::to_string(port_.value());
  if (ip_.is_v4()) return ip_.ToString() + ":" + port;
  const std::string zone = scope_id_ == 0 ? "" : "%" + std::to_string(scope_id_);
  return "[" + ip_.ToString() + zone + "]:" + port;
}

SocketAddress LocalAddressOf(int fd) { return Ask(&::getsockname, fd); }
SocketAddress PeerAddressOf(int fd) { return Ask(&::getpeername, fd); }

}  // namespace ming::net

size_t std::hash<ming::net::SocketAddress>::operator()(
    const ming::net::SocketAddress& address) const {
  const ming::ByteSpan bytes = address.ip().bytes();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const size_t ip_hash = std::hash<std::string_view>()(text);
  return ip_hash ^ (size_t{address.port().value()} * 0x9e3779b97f4a7c15u) ^ address.scope_id();
}
