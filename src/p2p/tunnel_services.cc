#include "ming/p2p/tunnel_services.h"

#include <utility>

#include "ming/net/glib_bridge.h"
#include "ming/net/network_monitor.h"
#include "ming/net/reactor.h"
#include "ming/net/resolver.h"
#include "ming/net/system_random.h"
#include "ming/sctp/sctp_stack.h"
#include "ming/tls/certificate.h"
#include "ming/webrtc/peer_connection.h"
#include "ming/ws/ws_context.h"

namespace ming::p2p {

// In the order of creation; destroyed the other way round.
struct TunnelServices::Parts {
  explicit Parts(net::Reactor& r) : reactor(r), glib(r), resolver(r), network(r), sctp(r) {}

  net::Reactor& reactor;
  net::SystemRandom random;
  net::GlibBridge glib;
  net::Resolver resolver;
  net::NetworkMonitor network;
  sctp::SctpStack sctp;
  std::unique_ptr<ws::WsContext> websockets;
  std::shared_ptr<const tls::Certificate> certificate;
  std::unique_ptr<webrtc::PeerServices> peers;
};

Result<std::unique_ptr<TunnelServices>> TunnelServices::Create(net::Reactor& reactor) {
  auto parts = std::make_unique<Parts>(reactor);
  Result<std::unique_ptr<ws::WsContext>> websockets = ws::WsContext::Create(reactor, parts->glib);
  if (!websockets.ok()) return websockets.status().WithContext("WebSocket engine");
  parts->websockets = std::move(*websockets);
  Result<std::shared_ptr<const tls::Certificate>> certificate =
      tls::Certificate::SelfSigned("ming");
  if (!certificate.ok()) return certificate.status().WithContext("DTLS certificate");
  parts->certificate = std::move(*certificate);
  parts->peers = std::make_unique<webrtc::PeerServices>(webrtc::PeerServices{
      reactor, parts->glib, parts->resolver, parts->sctp, *parts->certificate, parts->random});
  return std::unique_ptr<TunnelServices>(new TunnelServices(std::move(parts)));
}

TunnelServices::TunnelServices(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

TunnelServices::~TunnelServices() = default;

net::Reactor& TunnelServices::reactor() { return parts_->reactor; }
net::GlibBridge& TunnelServices::glib() { return parts_->glib; }
net::Resolver& TunnelServices::resolver() { return parts_->resolver; }
net::NetworkMonitor& TunnelServices::network() { return parts_->network; }
ws::WsContext& TunnelServices::websockets() { return *parts_->websockets; }
const webrtc::PeerServices& TunnelServices::peers() const { return *parts_->peers; }
Random& TunnelServices::random() { return parts_->random; }

}  // namespace ming::p2p
