// Command: one word of `ming <word>`, and what it is called with.
#ifndef MING_CLI_COMMAND_H_
#define MING_CLI_COMMAND_H_

#include <cstddef>
#include <string>
#include <vector>

#include "ming/cli/argument_parser.h"
#include "ming/cli/environment.h"
#include "ming/cli/exit_code.h"
#include "ming/cli/flag_spec.h"
#include "ming/cli/help.h"
#include "ming/cli/setting.h"

namespace ming::cli {

struct Command;

struct Invocation {
  const Settings& settings;  // stored in gflags as well
  const std::vector<Argument>& positionals;
  const std::vector<Command>& commands;
  const Environment& environment;
};

enum class CommandKind {
  kRole,  // also by --mode; reads environment and configuration file
  kTool,  // reads the environment
};

struct Command {
  CommandHelp help;
  FlagSet flags;
  CommandKind kind = CommandKind::kTool;
  size_t max_positionals = 0;
  ExitCode (*run)(const Invocation& invocation) = nullptr;
};

// Every command, in the order of `ming help`.
std::vector<Command> MakeCommands();

// Those whose first word is `name` and have a second one: "reverse server" of "reverse".
std::vector<const Command*> CommandsBehind(const std::vector<Command>& commands,
                                           const std::string& name);

// The command of that name; null where there is none.
const Command* FindCommand(const std::vector<Command>& commands, const std::string& name);

// The same, or kInvalidArgument with a suggestion.
Result<const Command*> RequireCommand(const std::vector<Command>& commands,
                                      const std::string& name);

// " (see: ming help client)": where a message about wrong use ends. `command` may be empty.
std::string SeeHelp(const std::string& command);

// For the overview: commands of two words share the line of their first.
std::vector<CommandHelp> HelpsOf(const std::vector<Command>& commands);

// One line on standard error: "ming: <what>". The exit code for something of our own.
void PrintError(const Status& status);
ExitCode Fail(const Status& status);

// The failure with the next step behind it, in brackets. An invalid argument needs none: it was
// named where it stands.
Status WithHint(const Status& status, const std::string& hint);

// What NOTIFY_SOCKET says, or nothing.
std::string NotifySocket(const Environment& environment);

}  // namespace ming::cli

#endif  // MING_CLI_COMMAND_H_
