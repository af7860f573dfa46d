#include "ming/webrtc/bridged_servers.h"

#include <glog/logging.h>

#include <algorithm>
#include <string>
#include <utility>

#include "ming/ice/local_addresses.h"

namespace ming::webrtc {
namespace {

// libnice reaches a server only from local addresses of its family. IPv4 where there is any: a
// second way to the same server would only be a second allocation.
std::string BridgeAddress(const TurnTlsBridge& bridge, const ice::IceOptions& options) {
  const auto interfaces = ice::ListInterfaceAddresses();
  if (!interfaces.ok()) return bridge.addresses().front().ip().ToString();
  const std::vector<IpAddress> local = ice::ChooseLocalAddresses(*interfaces, options);
  const bool any_v4 =
      std::any_of(local.begin(), local.end(), [](const IpAddress& ip) { return ip.is_v4(); });
  const auto& addresses = bridge.addresses();
  const auto fit = std::find_if(
      addresses.begin(), addresses.end(),
      [any_v4](const net::SocketAddress& address) { return address.ip().is_v4() == any_v4; });
  return (fit == addresses.end() ? addresses.front() : *fit).ip().ToString();
}

}  // namespace

BridgedServers BridgeTlsServers(const ice::IceServices& services, const ice::IceOptions& options,
                                std::shared_ptr<const tls::TlsTrust> trust) {
  BridgedServers bridged;
  bridged.options = options;
  bridged.options.servers.clear();
  for (const codec::IceServer& server : options.servers) {
    if (server.transport != codec::IceServerTransport::kTls) {
      bridged.options.servers.push_back(server);
      continue;
    }
    if (!trust) {
      auto system = tls::TlsTrust::System();
      if (!system.ok()) {
        LOG(WARNING) << server.ToString() << ": " << system.status().message();
        continue;
      }
      trust = std::move(system).value();
    }
    auto bridge = TurnTlsBridge::Start(services.reactor, services.resolver, server.address, trust);
    if (!bridge.ok()) {
      LOG(WARNING) << server.ToString() << ": " << bridge.status().message();
      continue;
    }
    codec::IceServer local = server;
    local.address = {BridgeAddress(**bridge, options), (*bridge)->addresses().front().port()};
    bridged.options.servers.push_back(std::move(local));
    bridged.bridges.push_back(std::move(bridge).value());
  }
  return bridged;
}

}  // namespace ming::webrtc
