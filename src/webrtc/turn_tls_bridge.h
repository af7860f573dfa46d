// TurnTlsBridge: TURN over TLS for an engine that speaks TURN over plain TCP only. It listens on
// loopback; each connection that the engine makes there is carried through TLS to the server.
#ifndef MING_WEBRTC_TURN_TLS_BRIDGE_H_
#define MING_WEBRTC_TURN_TLS_BRIDGE_H_

#include <cstddef>
#include <list>
#include <memory>
#include <vector>

#include "ming/base/ip_address.h"
#include "ming/base/status.h"
#include "ming/net/reactor.h"
#include "ming/net/resolver.h"
#include "ming/net/tcp_listener.h"
#include "ming/tls/tls_trust.h"

namespace ming::webrtc {

class TurnTlsBridge {
 public:
  // The engine makes one connection for each local address. More come from other programs of this
  // machine, which learn nothing without credentials of the TURN server, and are closed at once.
  static constexpr size_t kMaxConnections = 32;

  // `server` is the name or address its certificate must be for. Nothing is connected before the
  // engine connects.
  static Result<std::unique_ptr<TurnTlsBridge>> Start(net::Reactor& reactor,
                                                      net::Resolver& resolver,
                                                      const HostPort& server,
                                                      std::shared_ptr<const tls::TlsTrust> trust);
  // Resets what is connected.
  ~TurnTlsBridge();
  TurnTlsBridge(const TurnTlsBridge&) = delete;
  TurnTlsBridge& operator=(const TurnTlsBridge&) = delete;

  // Where the engine finds the server: 127.0.0.1, and ::1 where it exists.
  const std::vector<net::SocketAddress>& addresses() const { return listener_->addresses(); }
  size_t connection_count() const { return connections_.size(); }

 private:
  class Connection;

  TurnTlsBridge(net::Reactor& reactor, net::Resolver& resolver, const HostPort& server,
                std::shared_ptr<const tls::TlsTrust> trust);
  void OnAccept(std::unique_ptr<net::TcpStream> stream);
  void Remove(const Connection& connection);

  net::Reactor& reactor_;
  net::Resolver& resolver_;
  const HostPort server_;
  const std::shared_ptr<const tls::TlsTrust> trust_;
  std::unique_ptr<net::TcpListener> listener_;
  std::list<std::unique_ptr<Connection>> connections_;
};

}  // namespace ming::webrtc

#endif  // MING_WEBRTC_TURN_TLS_BRIDGE_H_
