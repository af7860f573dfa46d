// The commands themselves; each lives in the file of its name.
#ifndef MING_CLI_COMMANDS_H_
#define MING_CLI_COMMANDS_H_

#include "ming/cli/command.h"

namespace ming::cli {

Command ServerCommand();
Command HostCommand();
Command ClientCommand();
Command DemoCommand();
Command ReverseServerCommand();
Command ReverseClientCommand();
Command HealthCommand();
Command StatusCommand();
Command ConformanceCommand();
Command VersionCommand();
Command HelpCommand();

}  // namespace ming::cli

#endif  // MING_CLI_COMMANDS_H_
