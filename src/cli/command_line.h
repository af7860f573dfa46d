// From the words of the command line, the environment and the configuration file to one command and
// its settings.
#ifndef MING_CLI_COMMAND_LINE_H_
#define MING_CLI_COMMAND_LINE_H_

#include <string>
#include <vector>

#include "ming/base/status.h"
#include "ming/cli/argument_parser.h"
#include "ming/cli/command.h"
#include "ming/cli/environment.h"
#include "ming/cli/setting.h"

namespace ming::cli {

// A command and the words that belong to it.
struct SelectedCommand {
  const Command* command = nullptr;
  std::vector<Argument> arguments;
};

// The command is the first word, or --mode, or MING_MODE, or `mode` in the configuration file;
// --help and --version as first words, or behind the first of two, are the commands help and
// version. `command` is null where
// nothing names one. kInvalidArgument for an unknown command, and where word and --mode differ;
// other codes for a configuration file that cannot be read. `commands` outlive the result.
Result<SelectedCommand> SelectCommand(const std::vector<Command>& commands,
                                      const std::vector<std::string>& words,
                                      const Environment& environment);

// A command that is ready to run.
struct PreparedCommand {
  Settings settings;
  std::vector<Argument> positionals;
  std::vector<std::string> warnings;  // to be logged
  bool wants_help = false;
  bool wants_version = false;
};

// Reads the settings of the selected command from everywhere. Asked for --help or --version it
// looks no further than the command line.
Result<PreparedCommand> PrepareCommand(const std::vector<Command>& commands,
                                       const SelectedCommand& selected,
                                       const Environment& environment);

}  // namespace ming::cli

#endif  // MING_CLI_COMMAND_LINE_H_
