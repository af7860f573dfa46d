// TcpHostForwarder: for each channel of a client one TCP connection to the target.
#ifndef MING_TUNNEL_TCP_HOST_FORWARDER_H_
#define MING_TUNNEL_TCP_HOST_FORWARDER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include "ming/base/ip_address.h"
#include "ming/base/log_gate.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/link/message_channel.h"
#include "ming/net/reactor.h"
#include "ming/net/resolver.h"
#include "ming/net/tcp_connector.h"
#include "ming/net/tcp_stream.h"
#include "ming/tunnel/channel_stream_core.h"
#include "ming/tunnel/channel_terms.h"
#include "ming/tunnel/drain_gate.h"
#include "ming/tunnel/forwarder.h"
#include "ming/tunnel/relay.h"
#include "ming/tunnel/tunnel_connection.h"
#include "ming/tunnel/window_budget.h"

namespace ming::tunnel {

// The defaults with a short close grace: only closing tells a foreign client that the target ended,
// and its application waits for that.
ChannelStreamOptions HostChannelDefaults();

struct TcpHostForwarderOptions {
  // The target; resolved again for each connection.
  HostPort remote{"localhost", Port(25565)};
  // Resolving and connecting together. A dead target mostly says so at once; a silent one must not
  // hold the application longer than this.
  Duration dial_timeout = std::chrono::seconds(10);
  // Channels at once, of all clients that share the forwarder; one more is refused.
  size_t max_channels = 16384;
  // `side` and `terms` are set by the forwarder.
  ChannelStreamOptions channel = HostChannelDefaults();
  RelayOptions relay;
};

// All problems of `options` in one kInvalidArgument.
Status Validate(const TcpHostForwarderOptions& options);

class TcpHostForwarder final : public HostForwarder, private TunnelConnection::Observer {
 public:
  // `reactor` and `resolver` outlive the forwarder. CHECKs that `options` validates.
  TcpHostForwarder(net::Reactor& reactor, net::Resolver& resolver,
                   const TcpHostForwarderOptions& options);
  // Resets every connection.
  ~TcpHostForwarder() override;

  void HandleChannel(std::unique_ptr<link::MessageChannel> channel, const ChannelTerms& terms,
                     const std::string& name) override;
  void Drain(Timestamp deadline, std::function<void()> on_drained) override;
  ForwarderCounters counters() const override;

 private:
  struct Connection {
    Connection(TcpHostForwarder& owner, ConnectionId id, std::string log_name)
        : tunnel(owner.reactor_, id, owner), name(std::move(log_name)) {}
    TunnelConnection tunnel;
    std::string name;
    std::unique_ptr<net::TcpConnector> connector;  // while dialing
  };

  void Dial(Connection& connection);
  void OnDialed(ConnectionId id, Result<std::unique_ptr<net::TcpStream>> stream);
  void OnConnectionEnded(ConnectionId id, const Status& why) override;
  void OnConnectionGone(ConnectionId id) override;

  void StopDialing(Connection& connection);
  void Refuse(Connection& connection, const Status& why);
  void AbortAll(const Status& why);
  void CountEnd(const Connection& connection, const Status& why);

  net::Reactor& reactor_;
  net::Resolver& resolver_;
  const TcpHostForwarderOptions options_;
  DrainGate drain_;
  const std::shared_ptr<WindowBudget> window_budget_ = std::make_shared<WindowBudget>();
  std::unordered_map<ConnectionId, std::unique_ptr<Connection>> connections_;
  size_t dialing_ = 0;
  size_t relaying_ = 0;
  uint64_t last_id_ = 0;
  ForwarderCounters counters_;
  LogGate refusal_lines_{{0.2, 20.0}};
};

}  // namespace ming::tunnel

#endif  // MING_TUNNEL_TCP_HOST_FORWARDER_H_
