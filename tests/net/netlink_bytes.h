// Messages of rtnetlink as the kernel writes them, on a little-endian or big-endian machine alike.
#ifndef MING_TESTS_NET_NETLINK_BYTES_H_
#define MING_TESTS_NET_NETLINK_BYTES_H_

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>
#include <string>

#include "ming/base/bytes.h"
#include "ming/base/ip_address.h"

namespace ming::net {

template <typename T>
std::string RawBytes(const T& value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

inline std::string Attribute(uint16_t type, const std::string& value) {
  const rtattr header{static_cast<uint16_t>(sizeof(rtattr) + value.size()), type};
  std::string bytes = RawBytes(header) + value;
  bytes.resize(NLMSG_ALIGN(bytes.size()));
  return bytes;
}

inline std::string AddressBytes(const std::string& text) {
  return std::string(IpAddress::Parse(text).value().bytes().AsText());
}

struct Caller {
  uint32_t sequence = 0;
  uint32_t port_id = 0;
};

inline std::string Message(uint16_t type, const std::string& body, Caller caller = {}) {
  const nlmsghdr header{static_cast<uint32_t>(sizeof(nlmsghdr) + body.size()), type, 0,
                        caller.sequence, caller.port_id};
  return RawBytes(header) + body;
}

inline std::string LinkMessage(uint16_t type, int index, uint32_t flags, Caller caller = {}) {
  ifinfomsg body{};
  body.ifi_index = index;
  body.ifi_flags = flags;
  return Message(type, RawBytes(body) + Attribute(IFLA_IFNAME, "eth0"), caller);
}

inline std::string AddressMessage(uint16_t type, uint32_t index, const std::string& address,
                                  uint32_t flags = 0, Caller caller = {}) {
  const bool v6 = address.find(':') != std::string::npos;
  ifaddrmsg body{};
  body.ifa_family = v6 ? AF_INET6 : AF_INET;
  body.ifa_prefixlen = v6 ? 64 : 24;
  body.ifa_flags = static_cast<uint8_t>(flags);
  body.ifa_index = index;
  return Message(type,
                 RawBytes(body) + Attribute(IFA_ADDRESS, AddressBytes(address)) +
                     Attribute(IFA_FLAGS, RawBytes(flags)),
                 caller);
}

struct RouteBytes {
  uint8_t prefix_length = 0;
  uint32_t link = 0;    // 0: none
  std::string gateway;  // empty: none
};

inline std::string RouteMessage(uint16_t type, const RouteBytes& route, Caller caller = {}) {
  rtmsg body{};
  body.rtm_family = AF_INET;
  body.rtm_dst_len = route.prefix_length;
  std::string attributes;
  if (route.link != 0) attributes += Attribute(RTA_OIF, RawBytes(route.link));
  if (!route.gateway.empty()) attributes += Attribute(RTA_GATEWAY, AddressBytes(route.gateway));
  return Message(type, RawBytes(body) + attributes, caller);
}

inline std::string DoneMessage(Caller caller) {
  return Message(NLMSG_DONE, RawBytes(int32_t{0}), caller);
}

inline std::string ErrorMessage(int error_number, Caller caller) {
  nlmsgerr body{};
  body.error = -error_number;
  return Message(NLMSG_ERROR, RawBytes(body), caller);
}

}  // namespace ming::net

#endif  // MING_TESTS_NET_NETLINK_BYTES_H_
