// UdpClientForwarder: local UDP sources, each over an unreliable channel of its own to the host.
#ifndef MING_TUNNEL_UDP_CLIENT_FORWARDER_H_
#define MING_TUNNEL_UDP_CLIENT_FORWARDER_H_

#include <memory>

#include "ming/base/ip_address.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/tunnel/channel_terms.h"
#include "ming/tunnel/forwarder.h"
#include "ming/tunnel/udp_flow_table.h"

namespace ming::net {
class Reactor;
}  // namespace ming::net

namespace ming::tunnel {

struct UdpClientForwarderOptions {
  // Where local applications send to. Port 0: any.
  HostPort local{"localhost", Port(25565)};
  UdpFlowOptions flows;
  // Datagrams kept while there is no path: of one flow, and bytes of all of them.
  size_t max_queued_datagrams = 32;
  size_t max_queued_bytes = size_t{1} << 20;
};

// All problems of `options` in one kInvalidArgument.
Status Validate(const UdpClientForwarderOptions& options);

// Binds at once. `reactor` outlives the forwarder. Fails as net::UdpSocket does.
Result<std::unique_ptr<ClientForwarder>> CreateUdpClientForwarder(
    net::Reactor& reactor, const UdpClientForwarderOptions& options);

}  // namespace ming::tunnel

#endif  // MING_TUNNEL_UDP_CLIENT_FORWARDER_H_
