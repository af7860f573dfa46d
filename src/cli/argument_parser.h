// The command line: words to settings.
#ifndef MING_CLI_ARGUMENT_PARSER_H_
#define MING_CLI_ARGUMENT_PARSER_H_

#include <string>
#include <vector>

#include "ming/base/status.h"
#include "ming/cli/flag_spec.h"
#include "ming/cli/setting.h"

namespace ming::cli {

// One word of the command line; `position` counts from 1, as a user would.
struct Argument {
  std::string text;
  size_t position = 0;
};

struct ParsedArguments {
  std::vector<Setting> settings;      // in their order
  std::vector<Argument> positionals;  // words that are no flags
};

// `words` without the program's name, numbered from 1.
std::vector<Argument> NumberArguments(const std::vector<std::string>& words);

// "--name value", "--name=value", one or two dashes, '-' and '_' alike; a bool is "--name",
// "--name=false" or "--no-name" and takes no word of its own; "--" ends the flags; a lone "-" is a
// positional. Errors are kInvalidArgument and name the word and its position; where an unknown flag
// is one of `others`, they say whose. Values are not checked here.
Result<ParsedArguments> ParseArguments(const FlagSet& flags, const std::vector<Argument>& arguments,
                                       const std::vector<CommandFlags>& others);

}  // namespace ming::cli

#endif  // MING_CLI_ARGUMENT_PARSER_H_
