// Exit codes, and the one place where a failure becomes one.
#ifndef MING_CLI_EXIT_CODE_H_
#define MING_CLI_EXIT_CODE_H_

#include "ming/base/status.h"
#include "ming/p2p/session_types.h"

namespace ming::cli {

enum class ExitCode {
  kOk = 0,        // done, or stopped in order
  kFailure = 1,   // cannot bind, file unreadable
  kUsage = 2,     // command line or configuration
  kLost = 3,      // peer or server lost or unreachable
  kRefused = 4,   // authentication, protocol
  kNotFound = 5,  // peer or target not found, or no path to it
  kLimit = 6,     // limit or quota
};

// Of something of our own: settings, files, sockets.
ExitCode ExitCodeFor(const Status& status);

// Of a tunnel role. `why` counts for kFailed only.
ExitCode ExitCodeFor(p2p::TunnelEnd end, const Status& why);

}  // namespace ming::cli

#endif  // MING_CLI_EXIT_CODE_H_
