// What the kernel says over rtnetlink about links, addresses and routes, and what we ask it. Pure:
// bytes in and out, in the byte order of the machine (rtnetlink(7)).
#ifndef MING_NET_RTNETLINK_H_
#define MING_NET_RTNETLINK_H_

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "ming/base/bytes.h"
#include "ming/base/ip_address.h"
#include "ming/base/status.h"
#include "ming/base/strong_id.h"

namespace ming::net {

// Of an interface; never 0.
using LinkIndex = StrongId<struct LinkIndexTag, uint32_t>;

enum class NetlinkNews { kPresent, kGone };

struct LinkReport {
  LinkIndex link;
  NetlinkNews news = NetlinkNews::kPresent;
  bool loopback = false;
  bool operational = false;  // up, and with a carrier
};

struct AddressReport {
  LinkIndex link;
  NetlinkNews news = NetlinkNews::kPresent;
  IpAddress address;
  // Not while duplicates of it are looked for, or where one was found.
  bool usable = false;
};

// Where packets to a destination leave.
struct RouteReport {
  NetlinkNews news = NetlinkNews::kPresent;
  uint8_t prefix_length = 0;
  std::optional<LinkIndex> link;
  std::optional<IpAddress> gateway;
};

struct DumpEnd {};
// The kernel refused what we asked for; 0: it was done.
struct NetlinkRefusal {
  int error_number = 0;
};

struct NetlinkReport {
  // Both as in the request that this answers; what nobody asked for carries those of whoever caused
  // the change.
  uint32_t sequence = 0;
  uint32_t port_id = 0;
  std::variant<LinkReport, AddressReport, RouteReport, DumpEnd, NetlinkRefusal> what;
};

// All reports of one datagram, in order; messages of other kinds and families are left out.
// kMalformed: a length does not fit.
Result<std::vector<NetlinkReport>> ParseNetlink(ByteSpan datagram);

// All links; all addresses. A DumpEnd follows the last report.
ByteBuffer MakeLinkDump(uint32_t sequence);
ByteBuffer MakeAddressDump(uint32_t sequence);
// Which route a packet to `destination` would take; a RouteReport or a NetlinkRefusal follows.
ByteBuffer MakeRouteQuery(uint32_t sequence, const IpAddress& destination);

}  // namespace ming::net

#endif  // MING_NET_RTNETLINK_H_
