// Asking the admin interface of a running role: what `ming health` and `ming status` share.
#ifndef MING_CLI_ADMIN_QUERY_H_
#define MING_CLI_ADMIN_QUERY_H_

#include <string>
#include <vector>

#include "ming/base/ip_address.h"
#include "ming/base/status.h"
#include "ming/cli/exit_code.h"
#include "ming/cli/flag_spec.h"
#include "ming/cli/setting.h"
#include "ming/ws/http_get.h"

namespace ming::cli {

// --admin and --timeout.
std::vector<FlagSpec> AdminQueryFlags();

// Where to connect to for what --admin listens on: "everywhere" is reached at this machine.
// kInvalidArgument for port 0.
Result<HostPort> AdminTarget(const Settings& settings);

// Runs a loop until the answer is there. Fails as HttpGet does, with the next step to take.
Result<ws::HttpAnswer> AskAdmin(const HostPort& target, const std::string& path,
                                const Settings& settings);

// Of a failure of AskAdmin: nobody listens there, nobody answers, or somebody else does.
ExitCode ExitCodeForQuery(const Status& status);

}  // namespace ming::cli

#endif  // MING_CLI_ADMIN_QUERY_H_
