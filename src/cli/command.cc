#include "ming/cli/command.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "ming/base/utf8.h"
#include "ming/cli/commands.h"

namespace ming::cli {
namespace {

constexpr size_t kShownBytes = 60;
constexpr size_t kErrorBytes = 2000;

}  // namespace

std::vector<Command> MakeCommands() {
  return {ServerCommand(),        HostCommand(),          ClientCommand(),      DemoCommand(),
          ReverseServerCommand(), ReverseClientCommand(), ConformanceCommand(), HealthCommand(),
          StatusCommand(),        VersionCommand(),       HelpCommand()};
}

std::vector<const Command*> CommandsBehind(const std::vector<Command>& commands,
                                           const std::string& name) {
  std::vector<const Command*> found;
  for (const Command& command : commands) {
    if (command.help.name.rfind(name + " ", 0) == 0) found.push_back(&command);
  }
  return found;
}

const Command* FindCommand(const std::vector<Command>& commands, const std::string& name) {
  const auto found =
      std::find_if(commands.begin(), commands.end(),
                   [&name](const Command& command) { return command.help.name == name; });
  return found == commands.end() ? nullptr : &*found;
}

Result<const Command*> RequireCommand(const std::vector<Command>& commands,
                                      const std::string& name) {
  if (const Command* command = FindCommand(commands, name)) return command;
  std::vector<std::string> names;
  names.reserve(2 * commands.size());
  for (const Command& command : commands) {
    names.push_back(command.help.name);
    names.push_back(command.help.name.substr(0, command.help.name.find(' ')));
  }
  std::string of_two;  // "reverse server or reverse client"
  for (const Command* command : CommandsBehind(commands, name)) {
    of_two += (of_two.empty() ? "" : " or ") + command->help.name;
  }
  if (!of_two.empty()) {
    return Status(StatusCode::kInvalidArgument, "which one: " + of_two + "?" + SeeHelp(name));
  }
  const std::string first = name.substr(0, name.find(' '));
  const bool known = !CommandsBehind(commands, first).empty();
  return Status(StatusCode::kInvalidArgument,
                "unknown command \"" + PrintableText(name, kShownBytes) + "\"" +
                    DidYouMean(NearestWord(name, names)) + SeeHelp(known ? first : ""));
}

std::string SeeHelp(const std::string& command) {
  return " (see: ming help" + (command.empty() ? "" : " " + command) + ")";
}

void PrintError(const Status& status) {
  std::string line = status.message();
  std::replace(line.begin(), line.end(), '\n', ' ');
  // Some of it may come from a peer.
  std::fprintf(stderr, "ming: %s\n", PrintableText(line, kErrorBytes).c_str());
}

std::vector<CommandHelp> HelpsOf(const std::vector<Command>& commands) {
  std::vector<CommandHelp> helps;
  for (const Command& command : commands) {
    CommandHelp help = command.help;
    const size_t space = help.name.find(' ');
    if (space != std::string::npos) {
      const std::string word = help.name.substr(0, space);
      if (!helps.empty() && helps.back().name == word) {
        helps.back().summary += ", " + help.name;
        continue;
      }
      help.summary = help.summary.substr(0, help.summary.find(':')) + ": " + help.name;
      help.name = word;
    }
    helps.push_back(std::move(help));
  }
  return helps;
}

ExitCode Fail(const Status& status) {
  PrintError(status);
  return ExitCodeFor(status);
}

Status WithHint(const Status& status, const std::string& hint) {
  if (status.ok() || status.code() == StatusCode::kInvalidArgument) return status;
  return Status(status.code(), status.message() + " (" + hint + ")", status.detail());
}

std::string NotifySocket(const Environment& environment) {
  const auto found = environment.find("NOTIFY_SOCKET");
  return found == environment.end() ? "" : found->second;
}

}  // namespace ming::cli
