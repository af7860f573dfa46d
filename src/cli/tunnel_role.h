// What `ming host` and `ming client` have in common.
#ifndef MING_CLI_TUNNEL_ROLE_H_
#define MING_CLI_TUNNEL_ROLE_H_

#include <string>
#include <vector>

#include "ming/cli/announcement.h"
#include "ming/cli/exit_code.h"
#include "ming/cli/setting.h"
#include "ming/p2p/session_types.h"
#include "ming/p2p/tunnel_options.h"

namespace ming::cli {

TunnelAnnouncement AnnouncementOf(const Settings& settings);

// Prints to standard output at once.
void PrintAnnouncement(const std::string& text);

// Warns of settings that leave the way to the signaling server open.
void WarnOfSignaling(const p2p::SignalingAccess& signaling);

// kInvalidArgument where one of them is not there: a typing error would otherwise show as a missing
// path, minutes later.
Status CheckInterfaces(const std::vector<std::string>& interfaces);

// Prints why a role ended, with the next step, unless it was stopped. `id` is the host's.
ExitCode ReportEnd(p2p::TunnelEnd end, const Status& why, const std::string& id);

}  // namespace ming::cli

#endif  // MING_CLI_TUNNEL_ROLE_H_
