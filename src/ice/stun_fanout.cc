#include "ming/ice/stun_fanout.h"

#include <glog/logging.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "ming/base/byte_io.h"

namespace ming::ice {
namespace {

// Local addresses are bounded by the options of the agent; this only stops strangers on loopback.
constexpr size_t kMaxRequests = 128;
// GLib, which resolves it for libnice, and our own sockets take it as 127.0.0.1 and ::1.
constexpr char kBoth[] = "localhost";

struct InterfaceOption {
  int level;
  int name;
};

InterfaceOption InterfaceOptionOf(const net::SocketAddress& socket) {
  return socket.ip().is_v4() ? InterfaceOption{IPPROTO_IP, IP_UNICAST_IF}
                             : InterfaceOption{IPPROTO_IPV6, IPV6_UNICAST_IF};
}

// In network order, as the kernel has it; 0: not pinned.
std::optional<uint32_t> InterfaceOf(int fd, const net::SocketAddress& socket) {
  const InterfaceOption option = InterfaceOptionOf(socket);
  uint32_t interface = 0;
  socklen_t size = sizeof(interface);
  if (getsockopt(fd, option.level, option.name, &interface, &size) != 0) return std::nullopt;
  return interface;
}

void SetInterface(int fd, const net::SocketAddress& socket, uint32_t interface) {
  if (fd < 0) return;
  const InterfaceOption option = InterfaceOptionOf(socket);
  if (setsockopt(fd, option.level, option.name, &interface, sizeof(interface)) != 0) {
    PLOG(WARNING) << "interface of " << socket;
  }
}

// libnice asks in the old form (RFC 3489), without magic cookie: all 16 bytes are the transaction
// id.
bool IsBindingRequest(ByteSpan datagram) {
  constexpr size_t kHeaderBytes = 20;
  ByteReader reader(datagram);
  const std::optional<uint16_t> type = reader.ReadU16();
  const std::optional<uint16_t> length = reader.ReadU16();
  return type == 0x0001 && length && kHeaderBytes + *length == datagram.size();
}

}  // namespace

Result<std::unique_ptr<StunFanout>> StunFanout::Start(net::Reactor& reactor,
                                                      net::Resolver& resolver,
                                                      const std::vector<HostPort>& servers,
                                                      const LocalFamilies& families,
                                                      FindDescriptor find_descriptor) {
  const char* const one = families.v4 ? "127.0.0.1" : "::1";
  auto sockets = net::UdpSocket::Listen(reactor, {families.v4 && families.v6 ? kBoth : one, Port()},
                                        net::UdpOptions());
  if (!sockets.ok()) return sockets.status().WithContext("STUN");
  std::unique_ptr<StunFanout> fanout(
      new StunFanout(std::move(sockets).value(), std::move(find_descriptor)));
  StunFanout* self = fanout.get();
  const size_t count = std::min(servers.size(), kMaxServers);
  for (size_t i = 0; i < count; ++i) {
    const HostPort& server = servers[i];
    fanout->lookups_.push_back(
        resolver.Resolve(server.host, server.port,
                         [self, server](Result<std::vector<net::SocketAddress>> addresses) {
                           self->OnResolved(server, std::move(addresses));
                         }));
  }
  return fanout;
}

StunFanout::StunFanout(std::vector<std::unique_ptr<net::UdpSocket>> sockets,
                       FindDescriptor find_descriptor)
    : sockets_(std::move(sockets)), find_descriptor_(std::move(find_descriptor)) {
  for (const auto& socket : sockets_) socket->SetObserver(this);
}

StunFanout::~StunFanout() {
  for (const Pin& pin : pins_)
    SetInterface(find_descriptor_(pin.socket), pin.socket, pin.interface);
}

void StunFanout::Unpin(const std::vector<net::SocketAddress>& sockets) {
  for (const net::SocketAddress& socket : sockets) {
    const int fd = find_descriptor_(socket);
    const std::optional<uint32_t> interface = InterfaceOf(fd, socket);
    if (!interface || *interface == 0) continue;
    SetInterface(fd, socket, 0);
    pins_.push_back({socket, *interface});
  }
}

void StunFanout::PinAgain(const net::SocketAddress& socket) {
  const Pin* pin = FindPin(socket);
  if (pin == nullptr) return;
  SetInterface(find_descriptor_(socket), socket, pin->interface);
  pins_.erase(pins_.begin() + (pin - pins_.data()));
}

const StunFanout::Pin* StunFanout::FindPin(const net::SocketAddress& socket) const {
  const auto found = std::find_if(pins_.begin(), pins_.end(),
                                  [&socket](const Pin& pin) { return pin.socket == socket; });
  return found == pins_.end() ? nullptr : &*found;
}

void StunFanout::OnDatagram(const net::SocketAddress& from, ByteSpan datagram) {
  if (!IsBindingRequest(datagram) || find_descriptor_(from) < 0) return;
  auto known = std::find_if(requests_.begin(), requests_.end(),
                            [&from](const Request& request) { return request.from == from; });
  if (known == requests_.end()) {
    if (requests_.size() >= kMaxRequests) return;
    known = requests_.insert(requests_.end(), Request{from, ByteBuffer()});
  }
  known->bytes = ByteBuffer::CopyOf(datagram);
  for (const net::SocketAddress& server : servers_) Forward(*known, server);
}

void StunFanout::OnResolved(const HostPort& server,
                            Result<std::vector<net::SocketAddress>> addresses) {
  if (!addresses.ok()) {
    LOG(WARNING) << "STUN server " << server.ToString() << ": " << addresses.status().message();
    return;
  }
  for (const bool v4 : {true, false}) {
    const auto first = std::find_if(
        addresses->begin(), addresses->end(),
        [v4](const net::SocketAddress& address) { return address.ip().is_v4() == v4; });
    if (first == addresses->end()) continue;
    servers_.push_back(*first);
    for (const Request& request : requests_) Forward(request, *first);
  }
}

void StunFanout::Forward(const Request& request, const net::SocketAddress& server) const {
  if (request.from.family() != server.family()) return;
  const int fd = find_descriptor_(request.from);
  if (fd < 0) return;
  sockaddr_storage address{};
  const socklen_t size = server.ToKernel(address);
  const Pin* pin = FindPin(request.from);
  if (pin != nullptr) SetInterface(fd, pin->socket, pin->interface);
  // Lost ones are repeated by libnice.
  if (sendto(fd, request.bytes.data(), request.bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
             reinterpret_cast<const sockaddr*>(&address), size) < 0) {
    VLOG(1) << "STUN request from " << request.from << " to " << server << " not sent";
  }
  if (pin != nullptr) SetInterface(fd, pin->socket, 0);
}

}  // namespace ming::ice
