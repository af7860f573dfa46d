// Where log lines go: standard error always, log files as well where -log_dir asks for them.
#ifndef MING_CLI_GLOG_SETUP_H_
#define MING_CLI_GLOG_SETUP_H_

#include "ming/base/status.h"
#include "ming/cli/setting.h"

namespace ming::cli {

// Starts glog by its flags, which StoreInGflags has set, and `settings`, which says which of them
// the user chose. Fails where log_dir cannot be written to. Once in a process.
Status StartLogging(const Settings& settings);

// The lowest level that goes to standard error.
int StderrLevel();
// glog writes nothing but fatal lines to standard error from now on: somebody else does.
void TakeOverStderr();

}  // namespace ming::cli

#endif  // MING_CLI_GLOG_SETUP_H_
