// RawServices: what the peers of a conformance run, or of another program that plays odd peers,
// stand on. All of it outlives them.
#ifndef MING_CONFORMANCE_RAW_SERVICES_H_
#define MING_CONFORMANCE_RAW_SERVICES_H_

namespace ming {
class Random;
}  // namespace ming
namespace ming::net {
class GlibBridge;
class Reactor;
class Resolver;
}  // namespace ming::net
namespace ming::sctp {
class SctpStack;
}  // namespace ming::sctp
namespace ming::tls {
class Certificate;
}  // namespace ming::tls
namespace ming::ws {
class WsContext;
}  // namespace ming::ws

namespace ming::conformance {

struct RawServices {
  net::Reactor& reactor;
  net::GlibBridge& glib;
  net::Resolver& resolver;
  sctp::SctpStack& sctp;
  ws::WsContext& websockets;
  Random& random;
  const tls::Certificate& certificate;  // what a peer shows unless told otherwise
};

}  // namespace ming::conformance

#endif  // MING_CONFORMANCE_RAW_SERVICES_H_
