// What an IceAgent, which has no TLS, is given instead of TURN servers over TLS.
#ifndef MING_WEBRTC_BRIDGED_SERVERS_H_
#define MING_WEBRTC_BRIDGED_SERVERS_H_

#include <memory>
#include <vector>

#include "ming/ice/ice_agent.h"
#include "ming/ice/ice_options.h"
#include "ming/tls/tls_trust.h"
#include "ming/webrtc/turn_tls_bridge.h"

namespace ming::webrtc {

struct BridgedServers {
  ice::IceOptions options;  // TLS only to bridges
  // Those that `options` point to.
  std::vector<std::unique_ptr<TurnTlsBridge>> bridges;
};

// `trust` null: the system's authorities, loaded only where a server needs them. A bridge that
// cannot be set up is left out with a warning, like a server that does not answer.
BridgedServers BridgeTlsServers(const ice::IceServices& services, const ice::IceOptions& options,
                                std::shared_ptr<const tls::TlsTrust> trust);

}  // namespace ming::webrtc

#endif  // MING_WEBRTC_BRIDGED_SERVERS_H_
