#include "ming/cli/config_file.h"

#include <glog/logging.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include <yaml-cpp/yaml.h>

#include "ming/base/utf8.h"
#include "ming/cli/flag_value.h"
#include "ming/cli/yaml_tree.h"

namespace ming::cli {
namespace {

constexpr size_t kShownBytes = 60;
constexpr int kDeepestKey = 4;  // maps in maps; no flag has more parts

using Kind = YamlNode::Kind;

// Of the command `reverse server`: "reverse-server".
std::string SectionName(std::string command) {
  std::replace(command.begin(), command.end(), ' ', '-');
  return command;
}

class ConfigReader {
 public:
  ConfigReader(const std::string& file, const std::vector<CommandFlags>& commands,
               std::string_view command)
      : file_(file), commands_(commands), command_(command) {}

  Result<std::vector<Setting>> Run(const YamlNode& root) {
    if (root.kind == Kind::kNull) return std::vector<Setting>();
    if (root.kind != Kind::kMap) {
      return Error(root.place, "the file must be a list of \"key: value\" lines");
    }
    if (Status read = ReadMap(root, Scope{}, "", 1); !read.ok()) return read;
    std::vector<Setting> settings = std::move(common_);
    settings.insert(settings.end(), section_.begin(), section_.end());
    return settings;
  }

  Status Error(TextPlace place, const std::string& problem) const {
    return ErrorAt(file_, place, problem);
  }

 private:
  // Which keys are looked for, and those already seen (normalized).
  struct Scope {
    const CommandFlags* section = nullptr;  // null: the top level
    std::set<std::string>* seen = nullptr;
  };

  Status ReadMap(const YamlNode& map, Scope scope, const std::string& prefix, int depth) {
    if (depth > kDeepestKey) return Error(map.place, "maps are nested too deeply");
    std::set<std::string> own_names;
    std::set<std::string> seen_keys;
    if (scope.seen == nullptr) scope.seen = &own_names;
    for (size_t i = 0; i + 1 < map.children.size(); i += 2) {
      const YamlNode& key = map.children[i];
      if (key.kind != Kind::kScalar) return Error(key.place, "a key must be a word");
      const std::string name = NormalizeFlagName(key.text);
      if (!seen_keys.insert(name).second) return Repeated(key, prefix + name);
      if (Status read = ReadEntry(key, map.children[i + 1], scope, prefix + name, depth);
          !read.ok()) {
        return read;
      }
    }
    return Status::Ok();
  }

  Status ReadEntry(const YamlNode& key, const YamlNode& value, const Scope& scope,
                   const std::string& name, int depth) {
    if (scope.section == nullptr) {
      if (const CommandFlags* section = FindSection(name)) {
        if (value.kind == Kind::kNull) return Status::Ok();
        if (value.kind != Kind::kMap) {
          return Error(key.place,
                       "\"" + name + "\" is a section: it holds the keys of one command");
        }
        return ReadMap(value, Scope{section, nullptr}, "", depth + 1);
      }
    }
    const FlagSpec* flag = FindFlag(scope, name);
    if (value.kind == Kind::kMap && flag == nullptr)
      return ReadMap(value, scope, name + "-", depth + 1);
    if (flag == nullptr || flag->sources != Sources::kEverywhere) {
      return Unknown(key, scope, name, flag);
    }
    if (!scope.seen->insert(NormalizeFlagName(flag->name)).second) return Repeated(key, name);
    return ReadValue(value, *flag, scope);
  }

  Status ReadValue(const YamlNode& value, const FlagSpec& flag, const Scope& scope) {
    Result<std::string> text = ValueText(value, flag);
    if (!text.ok()) return text.status();
    const std::string where = Error(value.place, flag.name).message();
    if (Status valid = CheckValue(flag, *text); !valid.ok()) return valid.WithContext(where);
    Setting setting{flag.name, *std::move(text), Origin::kFile, where};
    if (scope.section != nullptr && scope.section->command == command_) {
      section_.push_back(std::move(setting));
    } else if (scope.section == nullptr && OwnFlags().Find(flag.name) != nullptr) {
      common_.push_back(std::move(setting));
    }
    return Status::Ok();
  }

  Result<std::string> ValueText(const YamlNode& value, const FlagSpec& flag) const {
    if (value.kind == Kind::kScalar) return value.text;
    const bool takes_list = flag.type == ValueType::kTextList;
    if (value.kind != Kind::kList || !takes_list) {
      return Error(value.place, flag.name + " needs a value" + (takes_list ? " or a list" : "") +
                                    (value.kind == Kind::kNull ? "" : ", not a map or list"));
    }
    std::string text;
    for (const YamlNode& item : value.children) {
      if (item.kind != Kind::kScalar) {
        return Error(item.place, flag.name + ": an item must be a value");
      }
      if (item.text.find(',') != std::string::npos) {
        return Error(item.place, flag.name + ": an item must not hold a comma");
      }
      text += (text.empty() ? "" : ",") + item.text;
    }
    return text;
  }

  Status Repeated(const YamlNode& key, const std::string& name) const {
    return Error(key.place, "\"" + PrintableText(name, kShownBytes) + "\" is set twice");
  }

  Status Unknown(const YamlNode& key, const Scope& scope, const std::string& name,
                 const FlagSpec* flag) const {
    const std::string shown = "\"" + PrintableText(name, kShownBytes) + "\"";
    if (flag != nullptr) return Error(key.place, shown + " cannot be set in a file");
    std::optional<std::string> suggestion;
    for (const CommandFlags& command : commands_) {
      if (scope.section != nullptr && scope.section != &command) continue;
      if (!suggestion) suggestion = command.flags->Suggest(name);
    }
    const std::string where =
        scope.section == nullptr ? "" : " in the section \"" + scope.section->command + "\"";
    return Error(key.place, "unknown key " + shown + where + DidYouMean(suggestion));
  }

  const CommandFlags* FindSection(const std::string& name) const {
    for (const CommandFlags& command : commands_) {
      if (SectionName(command.command) == SectionName(name)) return &command;
    }
    return nullptr;
  }

  // In a section its own flags; at the top level those of any command, ours first.
  const FlagSpec* FindFlag(const Scope& scope, const std::string& name) const {
    if (scope.section != nullptr) return scope.section->flags->Find(name);
    if (const FlagSpec* own = OwnFlags().Find(name)) return own;
    for (const CommandFlags& command : commands_) {
      if (const FlagSpec* flag = command.flags->Find(name)) return flag;
    }
    return nullptr;
  }

  const FlagSet& OwnFlags() const {
    const CommandFlags* own = FindSection(std::string(command_));
    CHECK(own != nullptr) << "no flags for " << command_;
    return *own->flags;
  }

  const std::string& file_;
  const std::vector<CommandFlags>& commands_;
  std::string_view command_;
  std::vector<Setting> common_;
  std::vector<Setting> section_;
};

}  // namespace

Result<std::vector<Setting>> ParseConfig(std::string_view text, const std::string& file,
                                         const std::vector<CommandFlags>& commands,
                                         std::string_view command) {
  const Result<YamlNode> root = ParseYaml(text, file);
  if (!root.ok()) return root.status();
  return ConfigReader(file, commands, command).Run(*root);
}

}  // namespace ming::cli
