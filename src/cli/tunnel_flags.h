// The flags of `ming host` and `ming client`, and what they mean.
#ifndef MING_CLI_TUNNEL_FLAGS_H_
#define MING_CLI_TUNNEL_FLAGS_H_

#include <vector>

#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/cli/flag_spec.h"
#include "ming/cli/setting.h"
#include "ming/ice/ice_options.h"
#include "ming/p2p/signaling_access.h"
#include "ming/p2p/tunnel_options.h"

namespace ming::cli {

FlagSet HostFlags();
FlagSet ClientFlags();
// Of every command that reaches a peer: --signal, --protocol, --token; servers, addresses and
// trust.
std::vector<FlagSpec> AccessFlags();
std::vector<FlagSpec> NetworkFlags();
// What they mean, as HostOptions and ClientOptions do.
Status SetSignaling(const Settings& settings, p2p::SignalingAccess& access);
Status SetIce(const Settings& settings, ice::IceOptions& ice);

// From the values in gflags; `settings`, which were stored there, say where each comes from.
// kInvalidArgument for values that do not go together, or an errno's code for a file that cannot be
// read.
Result<p2p::TunnelHostOptions> HostOptions(const Settings& settings);
Result<p2p::TunnelClientOptions> ClientOptions(const Settings& settings);

// How long a stop may take.
Duration DrainTimeout();

}  // namespace ming::cli

#endif  // MING_CLI_TUNNEL_FLAGS_H_
