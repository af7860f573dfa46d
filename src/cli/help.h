// Help screens: one formatter for every command.
#ifndef MING_CLI_HELP_H_
#define MING_CLI_HELP_H_

#include <string>
#include <vector>

#include "ming/cli/flag_spec.h"

namespace ming::cli {

struct CommandHelp {
  std::string name;
  std::string summary;      // one line for the list of commands, no full stop
  std::string description;  // what it does: at most 3 lines of 80 characters
  std::string example;      // one command line that works as it stands
  std::string arguments;    // what follows the flags: "[command]"; may be empty
};

// Columns of every help screen.
constexpr size_t kHelpColumns = 80;
// What it does, how to call it, the example and the most important flags are on one screen.
constexpr size_t kHelpScreenLines = 24;

// The help of one command: at most kHelpColumns wide.
std::string FormatCommandHelp(const CommandHelp& command, const FlagSet& flags);

// `ming help reverse`: the commands of two words that begin with `word`, at least one.
std::string FormatFamily(const std::string& word, const std::vector<CommandHelp>& commands);

// `ming help`: what ming is, how to begin, and the commands.
std::string FormatOverview(const std::vector<CommandHelp>& commands);

}  // namespace ming::cli

#endif  // MING_CLI_HELP_H_
