#include "ming/cli/environment.h"

#include <algorithm>
#include <cctype>
#include <set>

namespace ming::cli {
namespace {

std::string VariablePart(std::string_view name) {
  std::string upper(name);
  std::transform(upper.begin(), upper.end(), upper.begin(), [](char c) {
    return c == '-' || c == ' ' ? '_'
                                : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  });
  return upper;
}

// Every variable that sets `flag`, the strongest first.
std::vector<std::string> VariableNames(const FlagSpec& flag, std::string_view command) {
  std::vector<std::string> spellings = {flag.name};
  spellings.insert(spellings.end(), flag.aliases.begin(), flag.aliases.end());
  std::vector<std::string> names;
  for (const char* prefix : {"MING_", "WTT_"}) {
    for (const std::string& spelling : spellings) {
      names.push_back(prefix + VariablePart(command) + "_" + VariablePart(spelling));
    }
    for (const std::string& spelling : spellings) {
      names.push_back(prefix + VariablePart(spelling));
    }
  }
  return names;
}

}  // namespace

std::vector<Setting> ReadEnvironment(const FlagSet& flags, std::string_view command,
                                     const Environment& environment) {
  std::vector<Setting> settings;
  for (const FlagSpec& flag : flags.flags()) {
    if (flag.sources == Sources::kCommandLine) continue;
    for (const std::string& name : VariableNames(flag, command)) {
      const auto found = environment.find(name);
      if (found == environment.end() || found->second.empty()) continue;
      settings.push_back(Setting{flag.name, found->second, Origin::kEnvironment, name});
      break;
    }
  }
  return settings;
}

std::vector<std::string> FindUnknownVariables(const std::vector<CommandFlags>& commands,
                                              const Environment& environment) {
  std::set<std::string> known;
  for (const CommandFlags& command : commands) {
    for (const FlagSpec& flag : command.flags->flags()) {
      if (flag.sources == Sources::kCommandLine) continue;
      const std::vector<std::string> names = VariableNames(flag, command.command);
      known.insert(names.begin(), names.end());
    }
  }
  const std::vector<std::string> candidates(known.begin(), known.end());
  std::vector<std::string> sentences;
  for (const auto& [name, value] : environment) {
    if (name.substr(0, 5) != "MING_" || known.count(name) != 0) continue;
    sentences.push_back("environment variable " + name + " sets nothing" +
                        DidYouMean(NearestWord(name, candidates)));
  }
  return sentences;
}

}  // namespace ming::cli
