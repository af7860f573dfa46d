// UdpHostForwarder: for each channel of a client one UDP socket connected to the target.
#ifndef MING_TUNNEL_UDP_HOST_FORWARDER_H_
#define MING_TUNNEL_UDP_HOST_FORWARDER_H_

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
#include "ming/net/resolver.h"
#include "ming/net/socket_address.h"
#include "ming/net/udp_outbox.h"
#include "ming/net/udp_socket.h"
#include "ming/tunnel/channel_terms.h"
#include "ming/tunnel/datagram_flow.h"
#include "ming/tunnel/drain_gate.h"
#include "ming/tunnel/forwarder.h"
#include "ming/tunnel/udp_flow_table.h"

namespace ming::tunnel {

struct UdpHostForwarderOptions {
  // The target; resolved again for each channel.
  HostPort remote{"localhost", Port(25565)};
  // max_flows counts the channels of all clients that share the forwarder.
  UdpFlowOptions flows;
  net::UdpOptions sockets;
  // Datagrams kept while the target's name is being resolved: of each channel, and bytes of all.
  size_t max_queued_datagrams = 32;
  size_t max_queued_bytes = size_t{1} << 20;
};

// All problems of `options` in one kInvalidArgument.
Status Validate(const UdpHostForwarderOptions& options);

class UdpHostForwarder final : public HostForwarder, private DatagramFlow::Observer {
 public:
  // `reactor` and `resolver` outlive the forwarder. CHECKs that `options` validates.
  UdpHostForwarder(net::Reactor& reactor, net::Resolver& resolver,
                   const UdpHostForwarderOptions& options);
  ~UdpHostForwarder() override;

  void HandleChannel(std::unique_ptr<link::MessageChannel> channel, const ChannelTerms& terms,
                     const std::string& name) override;
  // UDP flows have no end to wait for: they are closed at once.
  void Drain(Timestamp deadline, std::function<void()> on_drained) override;
  ForwarderCounters counters() const override;

 private:
  class Flow;

  void OnResolved(FlowId id, const Result<std::vector<net::SocketAddress>>& addresses);
  void OnTargetDatagram(Flow& flow, ByteSpan datagram);
  void SendToTarget(Flow& flow, ByteSpan datagram);
  // DatagramFlow::Observer.
  void OnFlowDatagram(FlowId id, ByteSpan datagram) override;
  void OnFlowClosed(FlowId id, const Status& why) override;

  void PumpTable();
  void RemoveFlow(FlowId id);

  net::Reactor& reactor_;
  net::Resolver& resolver_;
  const UdpHostForwarderOptions options_;
  UdpFlowTable table_;
  std::unique_ptr<link::Alarm> idle_alarm_;
  DrainGate drain_;
  ForwarderCounters counters_;
  net::UdpOutbox outbox_;
  DatagramQueue::Budget queue_budget_;
  std::unordered_map<FlowId, std::unique_ptr<Flow>> flows_;
};

}  // namespace ming::tunnel

#endif  // MING_TUNNEL_UDP_HOST_FORWARDER_H_
