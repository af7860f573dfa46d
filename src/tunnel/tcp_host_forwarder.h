// TcpHostForwarder: for each channel of a client one TCP connection to the target.
#ifndef MING_TUNNEL_TCP_HOST_FORWARDER_H_
#define MING_TUNNEL_TCP_HOST_FORWARDER_H_

#include <memory>

#include "ming/base/ip_address.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/tunnel/channel_stream_core.h"
#include "ming/tunnel/forwarder.h"
#include "ming/tunnel/relay.h"

namespace ming::net {
class Reactor;
class Resolver;
}  // namespace ming::net

namespace ming::tunnel {

struct TcpHostForwarderOptions {
  // The target; resolved again for each connection.
  HostPort remote{"localhost", Port(25565)};
  // Resolving and connecting together. A dead target mostly says so at once; a silent one must not
  // hold the application longer than this.
  Duration dial_timeout = std::chrono::seconds(10);
  // Channels at once, of all clients that share the forwarder; one more is refused.
  size_t max_channels = 16384;
  // `side` and `terms` are set by the forwarder.
  ChannelStreamOptions channel;
  RelayOptions relay;
};

// All problems of `options` in one kInvalidArgument.
Status Validate(const TcpHostForwarderOptions& options);

// `reactor` and `resolver` outlive the forwarder. CHECKs that `options` validates.
std::unique_ptr<HostForwarder> CreateTcpHostForwarder(net::Reactor& reactor,
                                                      net::Resolver& resolver,
                                                      const TcpHostForwarderOptions& options);

}  // namespace ming::tunnel

#endif  // MING_TUNNEL_TCP_HOST_FORWARDER_H_
