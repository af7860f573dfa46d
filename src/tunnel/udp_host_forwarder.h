// UdpHostForwarder: for each channel of a client one UDP socket connected to the target.
#ifndef MING_TUNNEL_UDP_HOST_FORWARDER_H_
#define MING_TUNNEL_UDP_HOST_FORWARDER_H_

#include <memory>

#include "ming/base/ip_address.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/tunnel/channel_terms.h"
#include "ming/tunnel/forwarder.h"
#include "ming/tunnel/udp_flow_table.h"

namespace ming::net {
class Reactor;
class Resolver;
}  // namespace ming::net

namespace ming::tunnel {

struct UdpHostForwarderOptions {
  // The target; resolved again for each channel.
  HostPort remote{"localhost", Port(25565)};
  // max_flows counts the channels of all clients that share the forwarder.
  UdpFlowOptions flows;
  // Datagrams of one channel kept while the target's name is being resolved.
  size_t max_queued_datagrams = 32;
};

// All problems of `options` in one kInvalidArgument.
Status Validate(const UdpHostForwarderOptions& options);

// `reactor` and `resolver` outlive the forwarder. CHECKs that `options` validates.
std::unique_ptr<HostForwarder> CreateUdpHostForwarder(net::Reactor& reactor,
                                                      net::Resolver& resolver,
                                                      const UdpHostForwarderOptions& options);

}  // namespace ming::tunnel

#endif  // MING_TUNNEL_UDP_HOST_FORWARDER_H_
