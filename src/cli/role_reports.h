// What the roles expose, as the admin interface shows it.
#ifndef MING_CLI_ROLE_REPORTS_H_
#define MING_CLI_ROLE_REPORTS_H_

#include <string>

#include "ming/admin/role_report.h"
#include "ming/p2p/tunnel_client.h"
#include "ming/p2p/tunnel_host.h"
#include "ming/p2p/tunnel_options.h"
#include "ming/signaling/signaling_server_core.h"

namespace ming::cli {

// Whether a role has been asked to stop; then it is not ready, whatever else holds.
enum class RunState { kRunning, kStopping };

// Ready: it runs; whoever asks got through the same loop that accepts hosts and clients.
admin::RoleReport ReportServer(const signaling::SignalingServerMetrics& metrics, RunState state);

struct TunnelName {
  std::string id;  // of the host
  p2p::TunnelProtocol protocol = p2p::TunnelProtocol::kTcp;
};

// Ready: registered at the signaling server.
admin::RoleReport ReportHost(const p2p::TunnelHostStatus& status, const TunnelName& name,
                             RunState state);

// Ready: the path to the host is up.
admin::RoleReport ReportClient(const p2p::TunnelClientStatus& status, const TunnelName& name,
                               RunState state);

}  // namespace ming::cli

#endif  // MING_CLI_ROLE_REPORTS_H_
