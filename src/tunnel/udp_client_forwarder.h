// UdpClientForwarder: local UDP sources, each over an unreliable channel of its own to the host.
#ifndef MING_TUNNEL_UDP_CLIENT_FORWARDER_H_
#define MING_TUNNEL_UDP_CLIENT_FORWARDER_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "ming/base/bytes.h"
#include "ming/base/ip_address.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/link/message_channel.h"
#include "ming/link/timer_service.h"
#include "ming/net/reactor.h"
#include "ming/net/socket_address.h"
#include "ming/net/udp_outbox.h"
#include "ming/net/udp_socket.h"
#include "ming/tunnel/channel_terms.h"
#include "ming/tunnel/datagram_flow.h"
#include "ming/tunnel/drain_gate.h"
#include "ming/tunnel/forwarder.h"
#include "ming/tunnel/udp_flow_table.h"

namespace ming::tunnel {

struct UdpClientForwarderOptions {
  // Where local applications send to. Port 0: any.
  HostPort local{"localhost", Port(25565)};
  UdpFlowOptions flows;
  net::UdpOptions sockets;
  // Datagrams kept while there is no path: of each flow, and bytes of all of them. Beyond, the
  // newest are dropped: they are the ones an application sends again.
  size_t max_queued_datagrams = 32;
  size_t max_queued_bytes = size_t{1} << 20;
};

// All problems of `options` in one kInvalidArgument.
Status Validate(const UdpClientForwarderOptions& options);

class UdpClientForwarder final : public ClientForwarder, private DatagramFlow::Observer {
 public:
  // Binds at once. `reactor` outlives the forwarder. CHECKs that `options` validates; fails as
  // net::UdpSocket::Listen does.
  static Result<std::unique_ptr<ClientForwarder>> Create(net::Reactor& reactor,
                                                         const UdpClientForwarderOptions& options);
  ~UdpClientForwarder() override;

  void SetPath(link::ChannelOpener& opener, const ChannelTerms& terms) override;
  // Flows go on without a channel: their sources keep them, and the next path carries them.
  void ClearPath(const Status& why) override;
  // UDP flows have no end to wait for: they are closed at once.
  void Drain(Timestamp deadline, std::function<void()> on_drained) override;
  ForwarderCounters counters() const override;
  std::vector<std::string> local_addresses() const override;

 private:
  // One of the bound sockets.
  class Listener;
  struct Flow {
    DatagramFlow channel;
    DatagramQueue queue;
    Listener& listener;
    net::SocketAddress source;
  };

  UdpClientForwarder(net::Reactor& reactor, const UdpClientForwarderOptions& options);

  void OnLocalDatagram(Listener& listener, const net::SocketAddress& from, ByteSpan datagram);
  // Null: there is no room.
  Flow* FindOrAddFlow(Listener& listener, const net::SocketAddress& from);
  // DatagramFlow::Observer.
  void OnFlowDatagram(FlowId id, ByteSpan datagram) override;
  void OnFlowClosed(FlowId id, const Status& why) override;

  // Opens a channel if there is a path, and sends what waits.
  void TryOpen(Flow& flow);
  void PumpTable();

  net::Reactor& reactor_;
  const UdpClientForwarderOptions options_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  UdpFlowTable table_;
  std::unique_ptr<link::Alarm> idle_alarm_;
  DrainGate drain_;
  link::ChannelOpener* opener_ = nullptr;
  ChannelTerms terms_;  // of the path
  ForwarderCounters counters_;
  net::UdpOutbox outbox_;
  DatagramQueue::Budget queue_budget_;
  std::unordered_map<FlowId, std::unique_ptr<Flow>> flows_;
};

}  // namespace ming::tunnel

#endif  // MING_TUNNEL_UDP_CLIENT_FORWARDER_H_
