// TcpClientForwarder: local TCP connections, each over a channel of its own to the host.
#ifndef MING_TUNNEL_TCP_CLIENT_FORWARDER_H_
#define MING_TUNNEL_TCP_CLIENT_FORWARDER_H_

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ming/base/ip_address.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/link/message_channel.h"
#include "ming/link/timer_service.h"
#include "ming/net/reactor.h"
#include "ming/net/socket_address.h"
#include "ming/net/tcp_listener.h"
#include "ming/net/tcp_stream.h"
#include "ming/tunnel/admission_core.h"
#include "ming/tunnel/channel_stream_core.h"
#include "ming/tunnel/channel_terms.h"
#include "ming/tunnel/drain_gate.h"
#include "ming/tunnel/forwarder.h"
#include "ming/tunnel/relay.h"
#include "ming/tunnel/tunnel_connection.h"
#include "ming/tunnel/window_budget.h"

namespace ming::tunnel {

struct TcpClientForwarderOptions {
  // Where local applications connect. Port 0: any.
  HostPort local{"localhost", Port(25565)};
  AdmissionOptions admission;
  // `side` and `terms` are set by the forwarder.
  ChannelStreamOptions channel;
  RelayOptions relay;
};

// All problems of `options` in one kInvalidArgument.
Status Validate(const TcpClientForwarderOptions& options);

class TcpClientForwarder final : public ClientForwarder, private TunnelConnection::Observer {
 public:
  // Listens at once. `reactor` outlives the forwarder. CHECKs that `options` validates; fails as
  // net::TcpListener::Listen does.
  static Result<std::unique_ptr<ClientForwarder>> Create(net::Reactor& reactor,
                                                         const TcpClientForwarderOptions& options);
  // Resets every connection.
  ~TcpClientForwarder() override;

  void SetPath(link::ChannelOpener& opener, const ChannelTerms& terms) override;
  void ClearPath(const Status& why) override;
  void Drain(Timestamp deadline, std::function<void()> on_drained) override;
  ForwarderCounters counters() const override;
  std::vector<std::string> local_addresses() const override;

 private:
  struct Connection {
    Connection(TcpClientForwarder& owner, ConnectionId id, std::string channel_label)
        : tunnel(owner.reactor_, id, owner), label(std::move(channel_label)) {}
    TunnelConnection tunnel;
    std::string label;
  };
  using Connections = std::unordered_map<ConnectionId, std::unique_ptr<Connection>>;

  TcpClientForwarder(net::Reactor& reactor, const TcpClientForwarderOptions& options);

  void OnAccept(std::unique_ptr<net::TcpStream> stream, const net::SocketAddress& peer);
  void OnConnectionEnded(ConnectionId id, const Status& why) override;
  void OnConnectionGone(ConnectionId id) override;

  void PumpAdmission();
  void OpenChannel(Connection& connection);
  void Refuse(Connection& connection, const Status& why);
  void AbortAll(const Status& why);
  void CountEnd(const Connection& connection, const Status& why);

  net::Reactor& reactor_;
  const TcpClientForwarderOptions options_;
  std::unique_ptr<net::TcpListener> listener_;
  AdmissionCore admission_;
  std::unique_ptr<link::Alarm> admission_alarm_;
  DrainGate drain_;
  link::ChannelOpener* opener_ = nullptr;
  ChannelTerms terms_;
  const std::shared_ptr<WindowBudget> window_budget_ = std::make_shared<WindowBudget>();
  Connections connections_;
  ForwarderCounters counters_;
};

}  // namespace ming::tunnel

#endif  // MING_TUNNEL_TCP_CLIENT_FORWARDER_H_
