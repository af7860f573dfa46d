#include "ming/net/rtnetlink.h"

#include <cstring>
#include <utility>

namespace ming::net {
namespace {

// linux/netlink.h, linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h, linux/if.h: an interface of
// the kernel that never changes.
constexpr uint16_t kError = 2;
constexpr uint16_t kDone = 3;
constexpr uint16_t kNewLink = 16;
constexpr uint16_t kDelLink = 17;
constexpr uint16_t kGetLink = 18;
constexpr uint16_t kNewAddress = 20;
constexpr uint16_t kDelAddress = 21;
constexpr uint16_t kGetAddress = 22;
constexpr uint16_t kNewRoute = 24;
constexpr uint16_t kDelRoute = 25;
constexpr uint16_t kGetRoute = 26;

constexpr uint16_t kRequest = 0x1;
constexpr uint16_t kDump = 0x300;

constexpr uint8_t kFamilyV4 = 2;
constexpr uint8_t kFamilyV6 = 10;

constexpr uint32_t kLinkUp = 0x1;
constexpr uint32_t kLinkLoopback = 0x8;
constexpr uint32_t kLinkRunning = 0x40;

constexpr uint16_t kAddressAttribute = 1;  // IFA_ADDRESS: of the peer on a point-to-point link
constexpr uint16_t kLocalAttribute = 2;    // IFA_LOCAL: ours, where it differs
constexpr uint16_t kFlagsAttribute = 8;    // IFA_FLAGS: 32 bits instead of the header's 8
constexpr uint32_t kAddressOptimistic = 0x04;
constexpr uint32_t kAddressDuplicate = 0x08;
constexpr uint32_t kAddressTentative = 0x40;

constexpr uint16_t kDestinationAttribute = 1;
constexpr uint16_t kLinkAttribute = 4;
constexpr uint16_t kGatewayAttribute = 5;

constexpr uint16_t kAttributeTypeMask = 0x3fff;  // without NLA_F_NESTED, NLA_F_NET_BYTEORDER
constexpr size_t kAlignment = 4;

struct MessageHeader {
  uint32_t length;
  uint16_t type;
  uint16_t flags;
  uint32_t sequence;
  uint32_t port_id;
};
struct LinkHeader {
  uint8_t family;
  uint8_t padding;
  uint16_t type;
  int32_t index;
  uint32_t flags;
  uint32_t change;
};
struct AddressHeader {
  uint8_t family;
  uint8_t prefix_length;
  uint8_t flags;
  uint8_t scope;
  uint32_t index;
};
struct RouteHeader {
  uint8_t family;
  uint8_t destination_length;
  uint8_t source_length;
  uint8_t tos;
  uint8_t table;
  uint8_t protocol;
  uint8_t scope;
  uint8_t type;
  uint32_t flags;
};
struct AttributeHeader {
  uint16_t length;
  uint16_t type;
};

size_t Aligned(size_t size) { return (size + kAlignment - 1) / kAlignment * kAlignment; }

Status TooShort() { return {StatusCode::kMalformed, "netlink: a length does not fit"}; }

// Takes a fixed header off the front of `rest`; false where it is too short.
template <typename Header>
bool Take(ByteSpan& rest, Header& header) {
  if (rest.size() < sizeof(Header)) return false;
  std::memcpy(&header, rest.data(), sizeof(Header));
  rest = rest.Skip(Aligned(sizeof(Header)));
  return true;
}

// Calls `visit(type, value)` for each attribute; false where a length does not fit.
template <typename Visit>
bool ForEachAttribute(ByteSpan rest, Visit visit) {
  while (rest.size() >= sizeof(AttributeHeader)) {
    AttributeHeader header;
    std::memcpy(&header, rest.data(), sizeof(header));
    if (header.length < sizeof(header) || header.length > rest.size()) return false;
    visit(header.type & kAttributeTypeMask, rest.First(header.length).Skip(sizeof(header)));
    rest = rest.Skip(Aligned(header.length));
  }
  return true;
}

std::optional<uint32_t> ReadWord(ByteSpan value) {
  uint32_t word = 0;
  if (value.size() != sizeof(word)) return std::nullopt;
  std::memcpy(&word, value.data(), sizeof(word));
  return word;
}

std::optional<IpAddress> ReadAddress(uint8_t family, ByteSpan value) {
  const size_t wanted = family == kFamilyV4 ? 4 : 16;
  if (value.size() != wanted) return std::nullopt;
  return IpAddress::FromBytes(value);
}

bool IsIp(uint8_t family) { return family == kFamilyV4 || family == kFamilyV6; }

NetlinkNews NewsOf(uint16_t type, uint16_t gone) {
  return type == gone ? NetlinkNews::kGone : NetlinkNews::kPresent;
}

using What = decltype(NetlinkReport::what);
// Nothing: not of interest.
using Parsed = Result<std::optional<What>>;

Parsed ParseLink(uint16_t type, ByteSpan body) {
  LinkHeader header;
  if (!Take(body, header)) return TooShort();
  // Bridges report their ports once more under a family of their own.
  if (header.family != 0 || header.index <= 0) return std::optional<What>();
  LinkReport report;
  report.link = LinkIndex(static_cast<uint32_t>(header.index));
  report.news = NewsOf(type, kDelLink);
  report.loopback = (header.flags & kLinkLoopback) != 0;
  report.operational = (header.flags & kLinkUp) != 0 && (header.flags & kLinkRunning) != 0;
  return std::optional<What>(report);
}

Parsed ParseAddress(uint16_t type, ByteSpan body) {
  AddressHeader header;
  if (!Take(body, header)) return TooShort();
  if (!IsIp(header.family) || header.index == 0) return std::optional<What>();
  uint32_t flags = header.flags;
  std::optional<IpAddress> address;
  std::optional<IpAddress> local;
  const bool fits = ForEachAttribute(body, [&](uint16_t attribute, ByteSpan value) {
    if (attribute == kAddressAttribute) address = ReadAddress(header.family, value);
    if (attribute == kLocalAttribute) local = ReadAddress(header.family, value);
    if (attribute == kFlagsAttribute) flags = ReadWord(value).value_or(flags);
  });
  if (!fits) return TooShort();
  if (local) address = local;
  if (!address) return std::optional<What>();
  const bool tentative = (flags & kAddressTentative) != 0 && (flags & kAddressOptimistic) == 0;
  AddressReport report;
  report.link = LinkIndex(header.index);
  report.news = NewsOf(type, kDelAddress);
  report.address = *address;
  report.usable = !tentative && (flags & kAddressDuplicate) == 0;
  return std::optional<What>(report);
}

Parsed ParseRoute(uint16_t type, ByteSpan body) {
  RouteHeader header;
  if (!Take(body, header)) return TooShort();
  if (!IsIp(header.family)) return std::optional<What>();
  RouteReport report;
  report.news = NewsOf(type, kDelRoute);
  report.prefix_length = header.destination_length;
  const bool fits = ForEachAttribute(body, [&](uint16_t attribute, ByteSpan value) {
    if (attribute == kGatewayAttribute) report.gateway = ReadAddress(header.family, value);
    if (attribute != kLinkAttribute) return;
    const std::optional<uint32_t> index = ReadWord(value);
    if (index && *index != 0) report.link = LinkIndex(*index);
  });
  if (!fits) return TooShort();
  return std::optional<What>(report);
}

Parsed ParseRefusal(ByteSpan body) {
  const std::optional<uint32_t> word = ReadWord(body.First(sizeof(uint32_t)));
  if (!word) return TooShort();
  // Negative on the wire; the smallest number has no positive counterpart.
  return std::optional<What>(NetlinkRefusal{static_cast<int>((0u - *word) & 0x7fffffffu)});
}

Parsed ParseBody(uint16_t type, ByteSpan body) {
  switch (type) {
    case kNewLink:
    case kDelLink:
      return ParseLink(type, body);
    case kNewAddress:
    case kDelAddress:
      return ParseAddress(type, body);
    case kNewRoute:
    case kDelRoute:
      return ParseRoute(type, body);
    case kDone:
      return std::optional<What>(DumpEnd{});
    case kError:
      return ParseRefusal(body);
    default:
      return std::optional<What>();
  }
}

template <typename T>
void AppendRaw(const T& value, ByteBuffer& out) {
  uint8_t bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.Append(ByteSpan(bytes, sizeof(T)));
}

template <typename Body>
ByteBuffer MakeRequest(MessageHeader header, const Body& body, ByteSpan attributes) {
  header.length = static_cast<uint32_t>(sizeof(header) + sizeof(body) + attributes.size());
  ByteBuffer out = ByteBuffer::WithCapacity(header.length);
  AppendRaw(header, out);
  AppendRaw(body, out);
  out.Append(attributes);
  return out;
}

}  // namespace

Result<std::vector<NetlinkReport>> ParseNetlink(ByteSpan datagram) {
  std::vector<NetlinkReport> reports;
  while (!datagram.empty()) {
    MessageHeader header;
    if (datagram.size() < sizeof(header)) return TooShort();
    std::memcpy(&header, datagram.data(), sizeof(header));
    if (header.length < sizeof(header) || header.length > datagram.size()) return TooShort();
    Parsed parsed = ParseBody(header.type, datagram.First(header.length).Skip(sizeof(header)));
    if (!parsed.ok()) return parsed.status();
    if (*parsed) reports.push_back({header.sequence, header.port_id, **parsed});
    datagram = datagram.Skip(Aligned(header.length));
  }
  return reports;
}

ByteBuffer MakeLinkDump(uint32_t sequence) {
  return MakeRequest({0, kGetLink, kRequest | kDump, sequence, 0}, LinkHeader{}, {});
}

ByteBuffer MakeAddressDump(uint32_t sequence) {
  return MakeRequest({0, kGetAddress, kRequest | kDump, sequence, 0}, AddressHeader{}, {});
}

ByteBuffer MakeRouteQuery(uint32_t sequence, const IpAddress& destination) {
  const ByteSpan address = destination.bytes();
  RouteHeader body{};
  body.family = destination.is_v4() ? kFamilyV4 : kFamilyV6;
  body.destination_length = static_cast<uint8_t>(8 * address.size());
  ByteBuffer attribute;
  AppendRaw(AttributeHeader{static_cast<uint16_t>(sizeof(AttributeHeader) + address.size()),
                            kDestinationAttribute},
            attribute);
  attribute.Append(address);
  return MakeRequest({0, kGetRoute, kRequest, sequence, 0}, body, attribute);
}

}  // namespace ming::net
