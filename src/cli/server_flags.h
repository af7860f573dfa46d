// The flags of `ming server`, and what they mean.
#ifndef MING_CLI_SERVER_FLAGS_H_
#define MING_CLI_SERVER_FLAGS_H_

#include "ming/base/status.h"
#include "ming/cli/flag_spec.h"
#include "ming/cli/setting.h"
#include "ming/signaling/signaling_server.h"

namespace ming::cli {

FlagSet ServerFlags();

// From the values in gflags; `settings`, which were stored there, say where each comes from.
// kInvalidArgument for values that do not go together, or an errno's code for a file that cannot be
// read.
Result<signaling::SignalingServerOptions> ServerOptions(const Settings& settings);

}  // namespace ming::cli

#endif  // MING_CLI_SERVER_FLAGS_H_
