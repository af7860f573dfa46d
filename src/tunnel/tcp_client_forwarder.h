// TcpClientForwarder: local TCP connections, each over a channel of its own to the host.
#ifndef MING_TUNNEL_TCP_CLIENT_FORWARDER_H_
#define MING_TUNNEL_TCP_CLIENT_FORWARDER_H_

#include <memory>

#include "ming/base/ip_address.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/tunnel/channel_stream_core.h"
#include "ming/tunnel/forwarder.h"
#include "ming/tunnel/relay.h"

namespace ming::net {
class Reactor;
}  // namespace ming::net

namespace ming::tunnel {

struct TcpClientForwarderOptions {
  // Where local applications connect. Port 0: any.
  HostPort local{"localhost", Port(25565)};
  // Connections at once, waiting ones included. Below the 32767 channels that one SCTP association
  // gives its opener.
  size_t max_connections = 16384;
  // Connections that wait for a path, and how long: one more, or longer, is refused with a reset.
  size_t max_waiting = 1024;
  Duration max_wait = std::chrono::seconds(10);
  // `side` and `terms` are set by the forwarder.
  ChannelStreamOptions channel;
  RelayOptions relay;
};

// All problems of `options` in one kInvalidArgument.
Status Validate(const TcpClientForwarderOptions& options);

// Listens at once. `reactor` outlives the forwarder. Fails as net::TcpListener does.
Result<std::unique_ptr<ClientForwarder>> CreateTcpClientForwarder(
    net::Reactor& reactor, const TcpClientForwarderOptions& options);

}  // namespace ming::tunnel

#endif  // MING_TUNNEL_TCP_CLIENT_FORWARDER_H_
