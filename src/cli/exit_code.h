// Exit codes, and the one place where a Status becomes one.
#ifndef MING_CLI_EXIT_CODE_H_
#define MING_CLI_EXIT_CODE_H_

#include "ming/base/status.h"

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

// What was being done when a Status ended the program: the same code means different things.
enum class Phase {
  kSettings,   // command line, environment, configuration file
  kStart,      // own resources: sockets, files
  kSignaling,  // toward the signaling server
  kPeer,       // toward the peer behind it
};

ExitCode ExitCodeFor(Phase phase, const Status& status);

}  // namespace ming::cli

#endif  // MING_CLI_EXIT_CODE_H_
