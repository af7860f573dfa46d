// NetworkViewCore: the addresses and the ways out of this machine as rtnetlink tells of them, and
// which of its news matter: an address or a default route that came or went, a link that came up or
// went down. Pure.
#ifndef MING_NET_NETWORK_VIEW_CORE_H_
#define MING_NET_NETWORK_VIEW_CORE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "ming/base/bytes.h"
#include "ming/base/event_queue.h"
#include "ming/base/ip_address.h"
#include "ming/base/time.h"
#include "ming/net/rtnetlink.h"

namespace ming::net {

// At least one member says something.
struct NetworkChange {
  std::vector<IpAddress> added;
  std::vector<IpAddress> removed;
  // Packets to the internet leave another way than before, in either family.
  bool other_route = false;

  // "192.0.2.4 added, 10.0.0.2 removed, other default route".
  std::string ToString() const;
};

struct NetworkViewOptions {
  // News are reported when there were none for this long: an interface that comes up causes a
  // dozen. 0 to 10 s.
  Duration settle = std::chrono::milliseconds(100);
  // And at the latest this long after the first of them. At least `settle`.
  Duration latest = std::chrono::milliseconds(300);
  // What the kernel leaves unanswered for so long is left out; 100 ms to 1 min.
  Duration answer_limit = std::chrono::seconds(2);
  // Links, and addresses of all of them together; more are left out. 1 to 1,000,000.
  size_t max_links = 4096;
  size_t max_addresses = 4096;
};

struct SendNetlink {
  ByteBuffer request;
};
using NetworkViewEvent = std::variant<SendNetlink, NetworkChange>;

// Loopback and link-local addresses are left out, and so are addresses of links that are down.
class NetworkViewCore {
 public:
  // `port_id`: of our netlink socket.
  NetworkViewCore(const NetworkViewOptions& options, uint32_t port_id);

  // What there is at the start is no change.
  void Start(Timestamp now);
  // One datagram of the kernel; a malformed one is ignored.
  void HandleDatagram(Timestamp now, ByteSpan datagram);
  // The kernel dropped some: everything is asked for again.
  void HandleOverflow(Timestamp now);
  // Early or repeated calls are harmless.
  void HandleTimeout(Timestamp now);
  // Timestamp::Max() when idle.
  Timestamp NextTimeout() const;
  std::optional<NetworkViewEvent> PollEvent();

  // Those that may be used now, in order.
  std::vector<IpAddress> addresses() const;
  // For tests and fuzzers, after any call.
  bool IsConsistent() const;

 private:
  // What the kernel is being asked, in this order.
  enum class Phase { kLinks, kAddresses, kRoute4, kRoute6, kIdle };
  struct Link {
    bool loopback = false;
    bool operational = false;
  };
  struct Way {
    std::optional<LinkIndex> link;
    std::optional<IpAddress> gateway;
    bool operator==(const Way& other) const {
      return link == other.link && gateway == other.gateway;
    }
  };
  struct View {
    std::vector<IpAddress> addresses;
    Way v4;
    Way v6;
  };

  void Ask(Timestamp now, Phase phase);
  void Advance(Timestamp now);
  bool IsAnswer(const NetlinkReport& report) const;
  void Take(Timestamp now, const NetlinkReport& report);
  void TakeLink(Timestamp now, const LinkReport& link);
  void TakeAddress(Timestamp now, const AddressReport& address);
  void TakeRoute(Timestamp now, const NetlinkReport& report, const RouteReport& route);
  void NoteNews(Timestamp now);
  void Compare();

  const NetworkViewOptions options_;
  const uint32_t port_id_;
  EventQueue<NetworkViewEvent> events_;
  Phase phase_ = Phase::kIdle;
  uint32_t sequence_ = 0;  // of the last request
  Timestamp answer_deadline_ = Timestamp::Max();
  Timestamp settled_at_ = Timestamp::Max();
  Timestamp latest_at_ = Timestamp::Max();
  std::map<LinkIndex, Link> links_;
  // Of each, whether it is usable.
  std::map<std::pair<LinkIndex, std::string>, std::pair<IpAddress, bool>> addresses_;
  View current_;
  std::optional<View> reported_;
};

}  // namespace ming::net

#endif  // MING_NET_NETWORK_VIEW_CORE_H_
