// StunFanout: gives libnice, which takes one STUN server for an agent, any number of them.
//
// libnice is told sockets of ours on 127.0.0.1 and ::1 as its STUN server. The Binding request that
// each of its sockets sends there is sent on, unchanged and from that very socket, to every server
// that has an address of the same family. The answers go straight to libnice's socket; it knows
// them by their transaction id, takes the first and ignores the rest. So each local address gets
// the mapping of its own port from whichever server answers first, a name that resolves late is
// asked late (libnice repeats a request for about 2 s), and host candidates wait for nothing.
#ifndef MING_ICE_STUN_FANOUT_H_
#define MING_ICE_STUN_FANOUT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ming/base/bytes.h"
#include "ming/base/ip_address.h"
#include "ming/base/status.h"
#include "ming/ice/local_addresses.h"
#include "ming/net/reactor.h"
#include "ming/net/resolver.h"
#include "ming/net/socket_address.h"
#include "ming/net/udp_socket.h"

namespace ming::ice {

class StunFanout final : private net::UdpSocket::Observer {
 public:
  // The engine's descriptor that is bound to an address; negative: none.
  using FindDescriptor = std::function<int(const net::SocketAddress&)>;

  // At most this many servers are asked: each local address sends to each of them.
  static constexpr size_t kMaxServers = 16;

  // Opens sockets for the families of libnice's and starts resolving.
  static Result<std::unique_ptr<StunFanout>> Start(net::Reactor& reactor, net::Resolver& resolver,
                                                   const std::vector<HostPort>& servers,
                                                   const LocalFamilies& families,
                                                   FindDescriptor find_descriptor);
  // Pins what it unpinned.
  ~StunFanout() override;

  // Once libnice has made its sockets, and before it asks: lets them reach us.
  void Unpin(const std::vector<net::SocketAddress>& sockets);
  // A socket that has its answer.
  void PinAgain(const net::SocketAddress& socket);

  // What to tell libnice: a name, so that it asks a little later than it makes its sockets.
  static const char* host() { return "localhost"; }
  Port port() const { return sockets_.front()->local_address().port(); }

 private:
  // libnice pins its sockets to their interfaces (IP_UNICAST_IF), even toward loopback.
  struct Pin {
    net::SocketAddress socket;
    uint32_t interface = 0;  // in network order
  };
  struct Request {
    net::SocketAddress from;
    ByteBuffer bytes;
  };

  StunFanout(std::vector<std::unique_ptr<net::UdpSocket>> sockets, FindDescriptor find_descriptor);
  void OnDatagram(const net::SocketAddress& from, ByteSpan datagram) override;
  void OnSendReady() override {}
  void OnPeerUnreachable(const Status& /*why*/) override {}
  void OnResolved(const HostPort& server, Result<std::vector<net::SocketAddress>> addresses);
  void Forward(const Request& request, const net::SocketAddress& server) const;
  const Pin* FindPin(const net::SocketAddress& socket) const;

  std::vector<std::unique_ptr<net::UdpSocket>> sockets_;  // one or two, all with one port
  FindDescriptor find_descriptor_;
  std::vector<std::unique_ptr<net::Resolver::Request>> lookups_;
  std::vector<net::SocketAddress> servers_;
  std::vector<Request> requests_;  // the last one of each local address
  std::vector<Pin> pins_;          // of sockets that are unpinned
};

}  // namespace ming::ice

#endif  // MING_ICE_STUN_FANOUT_H_
