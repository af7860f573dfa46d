// The two ends of a tunnel as the roles see them: a ClientForwarder takes local applications and
// opens channels, a HostForwarder takes channels and reaches the target. One implementation each
// for TCP and for UDP.
#ifndef MING_TUNNEL_FORWARDER_H_
#define MING_TUNNEL_FORWARDER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/link/message_channel.h"
#include "ming/tunnel/channel_terms.h"

namespace ming::tunnel {

// For status and metrics. A flow is one TCP connection or one UDP source. Totals never fall; the
// gauges say so.
struct ForwarderCounters {
  size_t active = 0;       // gauge: flows that have a channel
  size_t waiting = 0;      // gauge: flows that wait for a path or a target
  uint64_t opened = 0;     // flows that came
  uint64_t completed = 0;  // ended in order; UDP: expired
  uint64_t failed = 0;     // reset after they had begun
  uint64_t refused = 0;    // never begun: limit, wait over, target refused
  uint64_t bytes_to_peer = 0;
  uint64_t bytes_from_peer = 0;
  // UDP only.
  uint64_t datagrams_to_peer = 0;
  uint64_t datagrams_from_peer = 0;
  uint64_t dropped_oversize = 0;
  uint64_t dropped_backpressure = 0;  // the channel or the socket took no more
  uint64_t dropped_no_path = 0;       // the queue for the time without a path or target was full
  uint64_t dropped_unreachable = 0;   // the target or the local application is not there
  uint64_t dropped_limit = 0;         // no room for another flow
};

class ClientForwarder {
 public:
  virtual ~ClientForwarder() = default;

  // There is a path to the host: flows that wait and new ones open channels on it. `opener` stays
  // valid until ClearPath. Not while another path is set.
  virtual void SetPath(link::ChannelOpener& opener, const ChannelTerms& terms) = 0;
  // The path is gone: its flows are reset, new ones wait. On return nothing uses the opener any
  // more; channels of it are destroyed now or at the end of the turn. Harmless without a path. An
  // ICE restart keeps the path.
  virtual void ClearPath(const Status& why) = 0;
  // Takes nothing new and refuses what waits; flows go on until they end, at `deadline` they are
  // reset, which takes up to two seconds more where the peer is silent. `on_drained` runs once,
  // from the loop, when no flow is left. Once.
  virtual void Drain(Timestamp deadline, std::function<void()> on_drained) = 0;
  virtual ForwarderCounters counters() const = 0;
  // Where it listens, "127.0.0.1:25565": with the real port where 0 was asked for.
  virtual std::vector<std::string> local_addresses() const = 0;
};

class HostForwarder {
 public:
  virtual ~HostForwarder() = default;

  // One channel of a client, with no observer set. `name` is for logs: who and which channel.
  virtual void HandleChannel(std::unique_ptr<link::MessageChannel> channel,
                             const ChannelTerms& terms, const std::string& name) = 0;
  // As above; channels that come later are refused.
  virtual void Drain(Timestamp deadline, std::function<void()> on_drained) = 0;
  virtual ForwarderCounters counters() const = 0;
};

}  // namespace ming::tunnel

#endif  // MING_TUNNEL_FORWARDER_H_
