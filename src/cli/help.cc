#include "ming/cli/help.h"

#include <algorithm>
#include <string_view>

namespace ming::cli {
namespace {

constexpr size_t kSummaryColumn = 14;  // of the list of commands
constexpr size_t kFlagColumn = 2;      // where "--name" begins
constexpr size_t kTextColumn = 28;     // where its meaning begins

std::string Spaces(size_t count) { return std::string(count, ' '); }

// A space that does not end a line.
constexpr char kFixedSpace = '\t';

// `text` in lines of kHelpColumns, each but the first indented to `column`, where the first begins.
std::string Wrap(std::string_view text, size_t column) {
  std::string wrapped;
  size_t used = column;
  while (!text.empty()) {
    const size_t word_end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, word_end);
    text.remove_prefix(std::min(word_end + 1, text.size()));
    const bool first_in_line = used == column;
    if (!first_in_line && used + 1 + word.size() > kHelpColumns) {
      wrapped += "\n" + Spaces(column);
      used = column;
    } else if (!first_in_line) {
      wrapped += ' ';
      ++used;
    }
    wrapped += word;
    used += word.size();
  }
  std::replace(wrapped.begin(), wrapped.end(), kFixedSpace, ' ');
  return wrapped;
}

std::string FlagHead(const FlagSpec& flag) {
  return "--" + flag.name + (flag.value_name.empty() ? "" : " " + flag.value_name);
}

std::string FlagText(const FlagSpec& flag) {
  if (flag.required) return flag.help + " (required)";
  const bool has_default = !flag.default_text.empty() &&
                           !(flag.type == ValueType::kBool && flag.default_text == "false");
  return has_default ? flag.help + " (default" + kFixedSpace + flag.default_text + ")" : flag.help;
}

std::string FlagLine(const FlagSpec& flag) {
  std::string line = Spaces(kFlagColumn) + FlagHead(flag);
  if (line.size() + 1 > kTextColumn) {
    line += "\n" + Spaces(kTextColumn);
  } else {
    line += Spaces(kTextColumn - line.size());
  }
  return line + Wrap(FlagText(flag), kTextColumn) + "\n";
}

std::string_view GroupTitle(FlagGroup group) {
  switch (group) {
    case FlagGroup::kMain:
      return "Flags";
    case FlagGroup::kNetwork:
      return "Network";
    case FlagGroup::kLimits:
      return "Limits";
    case FlagGroup::kLogging:
      return "Logging (glog)";
  }
  return "";
}

std::string FormatGroup(const FlagSet& flags, FlagGroup group) {
  std::string lines;
  std::string names;
  for (const FlagSpec& flag : flags.flags()) {
    if (flag.group != group) continue;
    if (flag.detail == Detail::kFull) {
      lines += FlagLine(flag);
    } else {
      names += (names.empty() ? "--" : ", --") + flag.name;
    }
  }
  if (lines.empty()) return lines;
  if (!names.empty()) {
    lines += Spaces(kFlagColumn) + Wrap("and " + names, kFlagColumn) + "\n";
  }
  return "\n" + std::string(GroupTitle(group)) + ":\n" + lines;
}

}  // namespace

std::string FormatCommandHelp(const CommandHelp& command, const FlagSet& flags) {
  std::string text = "ming " + command.name + ": " + command.summary + "\n\n";
  text += Wrap(command.description, 0) + "\n\n";
  text += "usage:   ming " + command.name + " [flags]" +
          (command.arguments.empty() ? "" : " " + command.arguments) + "\n";
  text += "example: " + command.example + "\n";
  for (const FlagGroup group :
       {FlagGroup::kMain, FlagGroup::kNetwork, FlagGroup::kLimits, FlagGroup::kLogging}) {
    text += FormatGroup(flags, group);
  }
  return text;
}

std::string FormatFamily(const std::string& word, const std::vector<CommandHelp>& commands) {
  const std::string& first = commands.front().summary;
  std::string text = "ming " + word + ": " + first.substr(0, first.find(':')) + "\n";
  for (const CommandHelp& command : commands) {
    text += "\n" + Wrap(command.description, 0) + "\n";
    text += Spaces(kFlagColumn) + command.example + "\n";
  }
  return text + "\n`ming help " + commands.front().name + "` lists the flags of that command.\n";
}

std::string FormatOverview(const std::vector<CommandHelp>& commands) {
  std::string text =
      "ming carries TCP and UDP through NAT, over WebRTC data channels.\n"
      "See it work, in one process:   ming demo\n"
      "Between two machines, to reach an SSH server behind NAT:\n"
      "  on a machine both reach      ming server\n"
      "  beside the SSH server        ming host   --signal ws://SERVER:8080 --id myhost \\\n"
      "                                           --remote localhost:22\n"
      "  where you sit                ming client --signal ws://SERVER:8080 --id myhost \\\n"
      "                                           --local localhost:2222\n"
      "                               ssh -p 2222 localhost\n"
      "\n"
      "Commands:\n";
  for (const CommandHelp& command : commands) {
    const std::string head = Spaces(kFlagColumn) + command.name;
    text += head + Spaces(kSummaryColumn - std::min(head.size(), kSummaryColumn - 1)) +
            Wrap(command.summary, kSummaryColumn) + "\n";
  }
  text +=
      "\n"
      "`ming help COMMAND` lists a command's flags. A flag --some-name can also be set\n"
      "as MING_SOME_NAME in the environment, or as `some-name:` in ./config.yaml.\n";
  return text;
}

}  // namespace ming::cli
