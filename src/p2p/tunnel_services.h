// TunnelServices: what every tunnel of a process shares, made once and destroyed after them in the
// right order.
#ifndef MING_P2P_TUNNEL_SERVICES_H_
#define MING_P2P_TUNNEL_SERVICES_H_

#include <memory>

#include "ming/base/random.h"
#include "ming/base/status.h"

namespace ming::net {
class GlibBridge;
class NetworkMonitor;
class Reactor;
class Resolver;
}  // namespace ming::net
namespace ming::webrtc {
struct PeerServices;
}  // namespace ming::webrtc
namespace ming::ws {
class WsContext;
}  // namespace ming::ws

namespace ming::p2p {

// At most one at a time in a process (the SCTP engine is process-wide). Owns the GLib bridge, the
// WebSocket context, the resolver, the network monitor, the SCTP stack and the process's DTLS
// certificate.
class TunnelServices {
 public:
  // `reactor` outlives the services. Fails where an engine cannot start; the message says which.
  static Result<std::unique_ptr<TunnelServices>> Create(net::Reactor& reactor);
  ~TunnelServices();
  TunnelServices(const TunnelServices&) = delete;
  TunnelServices& operator=(const TunnelServices&) = delete;

  net::Reactor& reactor();
  net::GlibBridge& glib();
  net::Resolver& resolver();
  net::NetworkMonitor& network();
  ws::WsContext& websockets();
  const webrtc::PeerServices& peers() const;
  Random& random();

 private:
  struct Parts;
  explicit TunnelServices(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace ming::p2p

#endif  // MING_P2P_TUNNEL_SERVICES_H_
