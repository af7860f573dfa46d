// The flags of `ming reverse server` and `ming reverse client`, and what they mean.
#ifndef MING_CLI_REVERSE_FLAGS_H_
#define MING_CLI_REVERSE_FLAGS_H_

#include <memory>

#include "ming/base/status.h"
#include "ming/cli/flag_spec.h"
#include "ming/cli/json_log.h"
#include "ming/cli/setting.h"
#include "ming/reverse/reverse_client.h"
#include "ming/reverse/reverse_server.h"

namespace ming::cli {

FlagSet ReverseServerFlags();
FlagSet ReverseClientFlags();

// kInvalidArgument for values that do not go together.
Result<reverse::ReverseServerOptions> ReverseServerSettings(const Settings& settings);
Result<reverse::ReverseClientOptions> ReverseClientSettings(const Settings& settings);

// Sets glog to what --log-level and --log-format say. Keep what it returns: null for text.
std::unique_ptr<JsonLog> UseLogFlags(const Settings& settings);

}  // namespace ming::cli

#endif  // MING_CLI_REVERSE_FLAGS_H_
