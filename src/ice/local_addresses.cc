#include "ming/ice/local_addresses.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>

namespace ming::ice {
namespace {

std::optional<IpAddress> AddressOf(const sockaddr* address) {
  if (address == nullptr) return std::nullopt;
  if (address->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
    return IpAddress::FromBytes({reinterpret_cast<const uint8_t*>(&v4->sin_addr), 4});
  }
  if (address->sa_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
    return IpAddress::FromBytes({reinterpret_cast<const uint8_t*>(&v6->sin6_addr), 16});
  }
  return std::nullopt;
}

bool Wanted(const InterfaceAddress& candidate, const IceOptions& options) {
  const IpAddress& ip = candidate.address;
  if (ip.IsLinkLocal() || ip.IsUnspecified() || ip.IsMulticast()) return false;
  return options.interfaces.empty() ||
         std::find(options.interfaces.begin(), options.interfaces.end(), candidate.interface) !=
             options.interfaces.end();
}

void AppendOnce(const IpAddress& ip, std::vector<IpAddress>& list) {
  if (std::find(list.begin(), list.end(), ip) == list.end()) list.push_back(ip);
}

}  // namespace

Result<std::vector<InterfaceAddress>> ListInterfaceAddresses() {
  ifaddrs* raw = nullptr;
  if (getifaddrs(&raw) != 0) return Status::FromErrno("getifaddrs", errno);
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> list(raw, freeifaddrs);
  std::vector<InterfaceAddress> addresses;
  for (const ifaddrs* entry = raw; entry != nullptr; entry = entry->ifa_next) {
    if ((entry->ifa_flags & IFF_UP) == 0) continue;
    if (const std::optional<IpAddress> ip = AddressOf(entry->ifa_addr)) {
      addresses.push_back({entry->ifa_name, *ip});
    }
  }
  return addresses;
}

std::vector<IpAddress> ChooseLocalAddresses(const std::vector<InterfaceAddress>& all,
                                            const IceOptions& options) {
  std::vector<IpAddress> v4;
  std::vector<IpAddress> v6;
  std::vector<IpAddress> loopback;
  for (const InterfaceAddress& candidate : all) {
    if (!Wanted(candidate, options)) continue;
    const IpAddress& ip = candidate.address;
    AppendOnce(ip, ip.IsLoopback() ? loopback : (ip.is_v4() ? v4 : v6));
  }
  std::vector<IpAddress> chosen;
  for (size_t i = 0; i < std::max(v4.size(), v6.size()); ++i) {
    if (i < v4.size()) chosen.push_back(v4[i]);
    if (i < v6.size()) chosen.push_back(v6[i]);
  }
  if (options.loopback == LoopbackUse::kAlways || chosen.empty()) {
    chosen.insert(chosen.end(), loopback.begin(), loopback.end());
  }
  if (chosen.size() > options.max_local_addresses) chosen.resize(options.max_local_addresses);
  return chosen;
}

LocalFamilies FamiliesOf(const std::vector<IpAddress>& addresses) {
  LocalFamilies families;
  for (const IpAddress& ip : addresses) (ip.is_v4() ? families.v4 : families.v6) = true;
  return families;
}

}  // namespace ming::ice
