#include <cstdio>
#include <string>
#include <vector>

#include "ming/cli/commands.h"
#include "ming/cli/common_flags.h"
#include "ming/cli/gflags_table.h"

namespace ming::cli {
namespace {

ExitCode RunHelp(const Invocation& invocation) {
  if (invocation.positionals.empty()) {
    std::fputs(FormatOverview(HelpsOf(invocation.commands)).c_str(), stdout);
    return ExitCode::kOk;
  }
  std::string name;
  for (const Argument& word : invocation.positionals) name += (name.empty() ? "" : " ") + word.text;
  std::vector<CommandHelp> family;
  for (const Command* command : CommandsBehind(invocation.commands, name)) {
    family.push_back(command->help);
  }
  if (!family.empty()) {
    std::fputs(FormatFamily(name, family).c_str(), stdout);
    return ExitCode::kOk;
  }
  const Result<const Command*> command = RequireCommand(invocation.commands, name);
  if (!command.ok()) return Fail(command.status());
  std::fputs(FormatCommandHelp((*command)->help, (*command)->flags).c_str(), stdout);
  return ExitCode::kOk;
}

}  // namespace

Command HelpCommand() {
  Command command;
  command.help = {"help", "how to begin, or the flags of one command",
                  "Prints how to begin and the commands, or what one command does and its flags.",
                  "ming help client", "[command]"};
  command.flags = JoinFlags({{HelpFlag()}, GlogFlags()});
  command.max_positionals = 2;
  command.run = RunHelp;
  return command;
}

}  // namespace ming::cli
