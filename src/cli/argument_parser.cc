#include "ming/cli/argument_parser.h"

#include <optional>
#include <string_view>
#include <utility>

#include "ming/base/utf8.h"

namespace ming::cli {
namespace {

constexpr size_t kShownBytes = 60;

Status Invalid(std::string message) {
  return Status(StatusCode::kInvalidArgument, std::move(message));
}

std::string AtPosition(const Argument& argument) {
  return " (argument " + std::to_string(argument.position) + ")";
}

bool LooksLikeFlag(std::string_view word) { return word.size() > 1 && word.front() == '-'; }

// A flag word taken apart: "--name=value".
struct FlagWord {
  std::string name;
  std::optional<std::string> value;
};

FlagWord SplitFlagWord(std::string_view word) {
  word.remove_prefix(word.substr(0, 2) == "--" ? 2 : 1);
  const size_t equals = word.find('=');
  if (equals == std::string_view::npos) return {std::string(word), std::nullopt};
  return {std::string(word.substr(0, equals)), std::string(word.substr(equals + 1))};
}

// "--no-name" and gflags' "--noname" for a bool "name"; null for anything else.
const FlagSpec* FindNegated(const FlagSet& flags, const std::string& name) {
  const std::string normalized = NormalizeFlagName(name);
  if (normalized.substr(0, 2) != "no") return nullptr;
  const size_t name_at = normalized[2] == '-' ? 3 : 2;  // a string ends with '\0'
  const FlagSpec* flag = flags.Find(normalized.substr(name_at));
  return flag != nullptr && flag->type == ValueType::kBool ? flag : nullptr;
}

class Parser {
 public:
  Parser(const FlagSet& flags, const std::vector<Argument>& arguments,
         const std::vector<CommandFlags>& others)
      : flags_(flags), arguments_(arguments), others_(others) {}

  Result<ParsedArguments> Run() {
    for (next_ = 0; next_ < arguments_.size();) {
      const Argument& argument = arguments_[next_++];
      if (argument.text == "--") {
        parsed_.positionals.insert(parsed_.positionals.end(), arguments_.begin() + NextOffset(),
                                   arguments_.end());
        break;
      }
      if (!LooksLikeFlag(argument.text)) {
        parsed_.positionals.push_back(argument);
      } else if (Status taken = TakeFlag(argument); !taken.ok()) {
        return taken;
      }
    }
    return std::move(parsed_);
  }

 private:
  std::vector<Argument>::difference_type NextOffset() const {
    return static_cast<std::vector<Argument>::difference_type>(next_);
  }

  Status TakeFlag(const Argument& argument) {
    FlagWord word = SplitFlagWord(argument.text);
    const FlagSpec* flag = flags_.Find(word.name);
    if (flag == nullptr) {
      const FlagSpec* negated = FindNegated(flags_, word.name);
      if (negated == nullptr || word.value) return UnknownFlag(argument, word.name);
      Add(*negated, "false");
      return Status::Ok();
    }
    if (!word.value && flag->type == ValueType::kBool) word.value = "true";
    if (!word.value) {
      if (Status has_value = CheckNextIsValue(argument, *flag); !has_value.ok()) return has_value;
      word.value = arguments_[next_++].text;
    }
    Add(*flag, *word.value);
    return Status::Ok();
  }

  void Add(const FlagSpec& flag, std::string value) {
    parsed_.settings.push_back(
        Setting{flag.name, std::move(value), Origin::kCommandLine, "--" + flag.name});
  }

  Status UnknownFlag(const Argument& argument, const std::string& name) const {
    const std::string unknown =
        "unknown flag --" + PrintableText(name, kShownBytes) + AtPosition(argument);
    std::string owners;
    for (const CommandFlags& other : others_) {
      if (other.flags->Find(name) == nullptr) continue;
      owners += (owners.empty() ? "" : " and ") + other.command;
    }
    if (!owners.empty()) return Invalid(unknown + "; it is a flag of " + owners);
    const std::optional<std::string> suggestion = flags_.Suggest(name);
    return Invalid(unknown +
                   DidYouMean(suggestion ? std::optional("--" + *suggestion) : std::nullopt));
  }

  Status CheckNextIsValue(const Argument& argument, const FlagSpec& flag) const {
    const std::string needs = "--" + flag.name + AtPosition(argument) + " needs a value: --" +
                              flag.name + "=" + flag.value_name;
    if (next_ == arguments_.size()) return Invalid(needs);
    const std::string& word = arguments_[next_].text;
    const bool is_flag = LooksLikeFlag(word) && flags_.Find(SplitFlagWord(word).name) != nullptr;
    if (!is_flag) return Status::Ok();
    return Invalid(needs + "; the next word is the flag " + PrintableText(word, kShownBytes));
  }

  const FlagSet& flags_;
  const std::vector<Argument>& arguments_;
  const std::vector<CommandFlags>& others_;
  size_t next_ = 0;
  ParsedArguments parsed_;
};

}  // namespace

std::vector<Argument> NumberArguments(const std::vector<std::string>& words) {
  std::vector<Argument> arguments;
  arguments.reserve(words.size());
  for (const std::string& word : words) arguments.push_back({word, arguments.size() + 1});
  return arguments;
}

Result<ParsedArguments> ParseArguments(const FlagSet& flags, const std::vector<Argument>& arguments,
                                       const std::vector<CommandFlags>& others) {
  return Parser(flags, arguments, others).Run();
}

}  // namespace ming::cli
