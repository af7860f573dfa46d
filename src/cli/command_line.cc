#include "ming/cli/command_line.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "ming/base/utf8.h"
#include "ming/cli/config_file.h"
#include "ming/cli/flag_value.h"
#include "ming/cli/small_file.h"
#include "ming/cli/yaml_tree.h"

namespace ming::cli {
namespace {

constexpr size_t kShownBytes = 60;
constexpr char kDefaultConfig[] = "./config.yaml";

Status Usage(std::string message) {
  return Status(StatusCode::kInvalidArgument, std::move(message));
}

template <typename Wanted>
std::vector<CommandFlags> FlagSetsOf(const std::vector<Command>& commands, Wanted wanted) {
  std::vector<CommandFlags> sets;
  for (const Command& command : commands) {
    if (wanted(command)) sets.push_back({command.help.name, &command.flags});
  }
  return sets;
}

std::vector<CommandFlags> RoleFlagSets(const std::vector<Command>& commands) {
  return FlagSetsOf(commands, [](const Command& one) { return one.kind == CommandKind::kRole; });
}

bool TakesConfig(const Command& command) { return command.flags.Find("config") != nullptr; }

// What a file may hold and a variable may set.
std::vector<CommandFlags> ConfiguredFlagSets(const std::vector<Command>& commands) {
  return FlagSetsOf(commands, TakesConfig);
}

// The flags of all roles: what may stand in front of the word that says which role.
FlagSet AllRoleFlags(const std::vector<Command>& commands) {
  std::vector<FlagSpec> all;
  for (const CommandFlags& set : RoleFlagSets(commands)) {
    for (const FlagSpec& flag : set.flags->flags()) {
      const bool known = std::any_of(all.begin(), all.end(), [&flag](const FlagSpec& other) {
        return other.name == flag.name;
      });
      if (!known && flag.secret_of.empty()) all.push_back(flag);
    }
  }
  return FlagSet(std::move(all));
}

Result<std::vector<Setting>> ReadConfig(const std::vector<Command>& commands,
                                        const std::string& command, const Setting& config) {
  const bool asked_for = config.origin != Origin::kDefault;
  const std::string path = asked_for ? config.value : kDefaultConfig;
  if (path.empty() || (!asked_for && !FileExists(path))) return std::vector<Setting>();
  const Result<std::string> text = ReadSmallFile(path, kMaxYamlBytes);
  if (!text.ok()) return text.status().WithContext(asked_for ? config.where : path);
  Result<std::vector<Setting>> settings =
      ParseConfig(*text, path, ConfiguredFlagSets(commands), command);
  if (settings.ok() || asked_for) return settings;
  return Usage(settings.status().message() +
               " (this file is read where it exists; --config= reads none)");
}

// What the settings of a role say as far as it is known which one: --mode and --config count.
Result<std::string> ModeOfSettings(const std::vector<Command>& commands, const FlagSet& flags,
                                   const std::vector<Setting>& from_words,
                                   const Environment& environment) {
  Settings settings(flags);
  for (const std::vector<Setting>& part : {from_words, ReadEnvironment(flags, "", environment)}) {
    for (const Setting& setting : part) {
      if (setting.name != "mode" && setting.name != "config") continue;
      if (Status merged = settings.Merge({setting}); !merged.ok()) return merged;
    }
  }
  if (settings.IsSet("mode")) return settings.Value("mode");
  const std::string any_role = RoleFlagSets(commands).front().command;
  const auto from_file = ReadConfig(commands, any_role, settings.Get("config"));
  if (!from_file.ok()) return from_file.status();
  for (const Setting& setting : *from_file) {
    if (setting.name == "mode") return setting.value;
  }
  return std::string();
}

// Flags that are commands as well: --help is "help". Other words as they are.
std::string AsCommandWord(const std::string& word) {
  if (word == "--help" || word == "-help" || word == "-h") return "help";
  if (word == "--version" || word == "-version") return "version";
  return word;
}

// `ming reverse --help` is `ming help reverse`; `ming reverse --version` is `ming version`. Null:
// `second` is neither.
const Command* AsToolOfTwo(const std::vector<Command>& commands, const std::string& name,
                           std::vector<Argument>& arguments,
                           std::vector<Argument>::iterator second) {
  const std::string word = AsCommandWord(second->text);
  if (word == "help") {
    second->text = name;
  } else if (word == "version") {
    arguments.erase(second);
  } else {
    return nullptr;
  }
  return FindCommand(commands, word);
}

Result<SelectedCommand> SelectByWord(const std::vector<Command>& commands,
                                     std::vector<Argument> arguments, size_t position) {
  const auto word =
      std::find_if(arguments.begin(), arguments.end(),
                   [position](const Argument& argument) { return argument.position == position; });
  std::string name = word->text;
  const auto second = arguments.erase(word);
  if (!CommandsBehind(commands, name).empty() && second != arguments.end()) {
    if (const Command* tool = AsToolOfTwo(commands, name, arguments, second)) {
      return SelectedCommand{tool, std::move(arguments)};
    }
    if (second->text.rfind('-', 0) != 0) {
      name += " " + second->text;
      arguments.erase(second);
    }
  }
  const Result<const Command*> command = RequireCommand(commands, name);
  if (!command.ok()) return command.status();
  return SelectedCommand{*command, std::move(arguments)};
}

// A word or --mode; the later one must not say otherwise.
Status CheckModeAgrees(const Command& command, const Settings& settings) {
  if (command.kind != CommandKind::kRole) return Status::Ok();
  const Setting& mode = settings.Get("mode");
  if (mode.origin != Origin::kCommandLine || mode.value == command.help.name) return Status::Ok();
  return Usage("the command is " + command.help.name + ", but --mode says " + mode.value +
               ": give one of them");
}

Status CheckPositionals(const Command& command, const ParsedArguments& parsed) {
  if (parsed.positionals.size() <= command.max_positionals) return Status::Ok();
  const Argument& extra = parsed.positionals[command.max_positionals];
  const std::string hint =
      ParseBool(extra.text)
          ? "; a switch takes its value behind an equals sign: --flag=" + extra.text
          : "";
  return Usage("unexpected argument \"" + PrintableText(extra.text, kShownBytes) + "\" (argument " +
               std::to_string(extra.position) + ")" + hint + SeeHelp(command.help.name));
}

Status MergeEverySource(const std::vector<Command>& commands, const Command& command,
                        const Environment& environment, PreparedCommand& prepared) {
  const std::vector<Setting> variables =
      ReadEnvironment(command.flags, command.help.name, environment);
  if (Status merged = prepared.settings.Merge(variables); !merged.ok()) return merged;
  if (!TakesConfig(command)) return Status::Ok();
  const auto from_file = ReadConfig(commands, command.help.name, prepared.settings.Get("config"));
  if (!from_file.ok()) return from_file.status();
  if (Status merged = prepared.settings.Merge(*from_file); !merged.ok()) return merged;
  prepared.warnings = FindUnknownVariables(ConfiguredFlagSets(commands), environment);
  return Status::Ok();
}

}  // namespace

Result<SelectedCommand> SelectCommand(const std::vector<Command>& commands,
                                      const std::vector<std::string>& words,
                                      const Environment& environment) {
  std::vector<Argument> arguments = NumberArguments(words);
  if (!arguments.empty()) arguments[0].text = AsCommandWord(arguments[0].text);
  if (!arguments.empty() && arguments[0].text.rfind('-', 0) != 0) {
    return SelectByWord(commands, std::move(arguments), 1);
  }
  const FlagSet flags = AllRoleFlags(commands);
  Result<ParsedArguments> parsed = ParseArguments(flags, arguments, {});
  if (!parsed.ok()) return Usage(parsed.status().message() + SeeHelp(""));
  const bool says_mode = std::any_of(parsed->settings.begin(), parsed->settings.end(),
                                     [](const Setting& setting) { return setting.name == "mode"; });
  if (!says_mode && !parsed->positionals.empty()) {
    return SelectByWord(commands, std::move(arguments), parsed->positionals[0].position);
  }
  Result<std::string> mode = ModeOfSettings(commands, flags, parsed->settings, environment);
  if (!mode.ok()) return mode.status();
  return SelectedCommand{FindCommand(commands, *mode), std::move(arguments)};
}

Result<PreparedCommand> PrepareCommand(const std::vector<Command>& commands,
                                       const SelectedCommand& selected,
                                       const Environment& environment) {
  const Command& command = *selected.command;
  Result<ParsedArguments> parsed =
      ParseArguments(command.flags, selected.arguments, RoleFlagSets(commands));
  if (!parsed.ok()) return Usage(parsed.status().message() + SeeHelp(command.help.name));
  PreparedCommand prepared{Settings(command.flags), parsed->positionals, {}, false, false};
  Settings& settings = prepared.settings;
  if (Status merged = settings.Merge(parsed->settings); !merged.ok()) return merged;
  prepared.wants_help = settings.IsTrue("help");
  prepared.wants_version = command.flags.Find("version") != nullptr && settings.IsTrue("version");
  if (prepared.wants_help || prepared.wants_version) return prepared;
  if (Status agrees = CheckModeAgrees(command, settings); !agrees.ok()) return agrees;
  if (Status few = CheckPositionals(command, *parsed); !few.ok()) return few;
  if (Status merged = MergeEverySource(commands, command, environment, prepared); !merged.ok()) {
    return merged;
  }
  if (Status read = ReadSecretFiles(settings, prepared.warnings); !read.ok()) return read;
  const std::vector<std::string> visible = FindVisibleSecrets(settings);
  prepared.warnings.insert(prepared.warnings.end(), visible.begin(), visible.end());
  if (Status complete = settings.CheckRequired(); !complete.ok()) {
    return Usage(complete.message() + SeeHelp(command.help.name));
  }
  return prepared;
}

}  // namespace ming::cli
