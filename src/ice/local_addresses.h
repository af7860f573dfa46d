// The addresses of this machine that ICE may use.
#ifndef MING_ICE_LOCAL_ADDRESSES_H_
#define MING_ICE_LOCAL_ADDRESSES_H_

#include <string>
#include <vector>

#include "ming/base/ip_address.h"
#include "ming/base/status.h"
#include "ming/ice/ice_options.h"

namespace ming::ice {

struct InterfaceAddress {
  std::string interface;
  IpAddress address;
};

// Of all interfaces that are up. kInternal: the kernel does not say.
Result<std::vector<InterfaceAddress>> ListInterfaceAddresses();

// Those of `all` that `options` allow, at most max_local_addresses, IPv4 and IPv6 in turns so that
// neither crowds the other out. Link-local addresses are left out: SDP carries no zone. Loopback
// addresses come last, and by options.loopback.
std::vector<IpAddress> ChooseLocalAddresses(const std::vector<InterfaceAddress>& all,
                                            const IceOptions& options);

// The families that `addresses` belong to.
struct LocalFamilies {
  bool v4 = false;
  bool v6 = false;
};
LocalFamilies FamiliesOf(const std::vector<IpAddress>& addresses);

}  // namespace ming::ice

#endif  // MING_ICE_LOCAL_ADDRESSES_H_
