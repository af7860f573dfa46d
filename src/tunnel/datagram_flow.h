// DatagramFlow: one UDP flow on a message channel, and DatagramQueue: its datagrams while the other
// side is not there yet. Both know no socket; the forwarders put theirs behind them.
#ifndef MING_TUNNEL_DATAGRAM_FLOW_H_
#define MING_TUNNEL_DATAGRAM_FLOW_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "ming/base/bytes.h"
#include "ming/base/status.h"
#include "ming/link/message_channel.h"
#include "ming/link/timer_service.h"
#include "ming/tunnel/channel_terms.h"
#include "ming/tunnel/forwarder.h"
#include "ming/tunnel/udp_flow_table.h"

namespace ming::tunnel {

// In order, bounded by a budget that the queues of one forwarder share.
class DatagramQueue {
 public:
  struct Budget {
    size_t max_datagrams = 0;  // of each queue
    size_t max_bytes = 0;      // of all queues together
    size_t used_bytes = 0;
  };

  // `budget` outlives the queue.
  explicit DatagramQueue(Budget& budget) : budget_(budget) {}
  ~DatagramQueue() { TakeAll(); }
  DatagramQueue(const DatagramQueue&) = delete;
  DatagramQueue& operator=(const DatagramQueue&) = delete;

  // False: no room, nothing was taken.
  bool Push(ByteSpan datagram);
  std::vector<ByteBuffer> TakeAll();
  bool empty() const { return datagrams_.empty(); }

 private:
  Budget& budget_;
  std::vector<ByteBuffer> datagrams_;
};

class DatagramFlow final : private link::MessageChannel::Observer {
 public:
  class Observer {
   public:
    virtual ~Observer() = default;
    // From the loop; `datagram` is valid during the call.
    virtual void OnFlowDatagram(FlowId id, ByteSpan datagram) = 0;
    // From the loop, once for each channel that was not detached: it is gone. May destroy the flow
    // through DeferDelete.
    virtual void OnFlowClosed(FlowId id, const Status& why) = 0;
  };

  // All outlive the flow. What goes to the peer, and what is dropped on the way, is counted in
  // `counters`.
  DatagramFlow(link::TimerService& timers, FlowId id, Observer& observer,
               ForwarderCounters& counters)
      : timers_(timers), id_(id), observer_(observer), counters_(counters) {}
  ~DatagramFlow() override { Detach(); }
  DatagramFlow(const DatagramFlow&) = delete;
  DatagramFlow& operator=(const DatagramFlow&) = delete;

  // Not while it has a channel. Text is a datagram like any other, but of a peer that speaks
  // control messages: its only word on such a channel is `refuse`, which is logged.
  void Attach(std::unique_ptr<link::MessageChannel> channel, const ChannelTerms& terms);
  // Closes the channel, if there is one. What it still receives goes nowhere.
  void Detach();
  bool has_channel() const { return channel_ != nullptr; }
  // Sends to the peer, or drops: datagrams do not wait for a channel that is full. Needs a channel.
  void Send(ByteSpan datagram);

 private:
  void OnMessage(link::MessageKind kind, ByteBuffer message) override;
  void OnSendReady() override {}
  void OnChannelClosed(const Status& why) override;

  link::TimerService& timers_;
  const FlowId id_;
  Observer& observer_;
  ForwarderCounters& counters_;
  std::unique_ptr<link::MessageChannel> channel_;
  bool speaks_control_ = false;
};

}  // namespace ming::tunnel

#endif  // MING_TUNNEL_DATAGRAM_FLOW_H_
