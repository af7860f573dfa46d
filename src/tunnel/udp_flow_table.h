// UdpFlowTable: which UDP source belongs to which flow, and when a flow is over. Pure: the
// forwarders hold the sockets and channels of the flows it names.
#ifndef MING_TUNNEL_UDP_FLOW_TABLE_H_
#define MING_TUNNEL_UDP_FLOW_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <unordered_map>

#include "ming/base/ip_address.h"
#include "ming/base/status.h"
#include "ming/base/strong_id.h"
#include "ming/base/time.h"

namespace ming::tunnel {

struct FlowIdTag;
// Never used twice in one table.
using FlowId = StrongId<FlowIdTag, uint64_t>;

// Where a datagram came from. The scope id tells link-local IPv6 interfaces apart, else 0.
struct UdpSource {
  IpAddress address;
  Port port;
  uint32_t scope_id = 0;

  friend bool operator==(const UdpSource& a, const UdpSource& b) {
    return a.port == b.port && a.scope_id == b.scope_id && a.address == b.address;
  }
};

struct UdpSourceHash {
  size_t operator()(const UdpSource& source) const;
};

struct UdpFlowOptions {
  // A flow without a datagram either way for so long is over.
  Duration idle_timeout = std::chrono::seconds(60);
  // Flows at once.
  size_t max_flows = 4096;
  // When one more comes: evict the flow that was idle longest, if it was idle at least this long;
  // otherwise refuse the new one. None: always refuse.
  std::optional<Duration> evict_idle_after = std::chrono::seconds(5);
  // The longest datagram carried, bytes; longer ones are dropped and counted.
  size_t max_datagram_bytes = 16384;
};

// All problems of `options` in one kInvalidArgument.
Status Validate(const UdpFlowOptions& options);

// The flow is over and already forgotten.
struct FlowEnded {
  enum class Reason { kIdle, kEvicted };
  FlowId id;
  Reason reason = Reason::kIdle;
};

class UdpFlowTable {
 public:
  // CHECKs that `options` validates.
  explicit UdpFlowTable(const UdpFlowOptions& options);

  // The flow of this source, which counts as activity; none: Add decides.
  std::optional<FlowId> Find(Timestamp now, const UdpSource& source);
  // A new flow, with the source that Find did not know, or with none where flows are known by id
  // alone. May queue the eviction of another. None: the table is full.
  std::optional<FlowId> Add(Timestamp now, const std::optional<UdpSource>& source);
  // A datagram went either way. Unknown ids are ignored.
  void Touch(Timestamp now, FlowId id);
  // The flow ended for another reason. Unknown ids are ignored.
  void Remove(FlowId id);

  void HandleTimeout(Timestamp now);
  Timestamp NextTimeout() const;
  std::optional<FlowEnded> PollEvent();

  size_t size() const { return flows_.size(); }

 private:
  struct Flow {
    FlowId id;
    std::optional<UdpSource> source;
    Timestamp last_active;
  };
  using IdleList = std::list<Flow>;  // longest idle first

  void End(FlowId id, FlowEnded::Reason reason);

  UdpFlowOptions options_;
  IdleList idle_;
  std::unordered_map<FlowId, IdleList::iterator> flows_;
  std::unordered_map<UdpSource, FlowId, UdpSourceHash> by_source_;
  std::deque<FlowEnded> ended_;
  uint64_t last_id_ = 0;
};

}  // namespace ming::tunnel

#endif  // MING_TUNNEL_UDP_FLOW_TABLE_H_
