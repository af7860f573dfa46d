#include "ming/cli/flag_builder.h"

#include <utility>

#include "ming/base/units.h"

namespace ming::cli {

FlagSpec ValueFlag(const std::string& name, ValueType type, const std::string& value_name,
                   const std::string& preset, const std::string& help) {
  FlagSpec flag;
  flag.name = name;
  flag.type = type;
  flag.value_name = value_name;
  flag.default_text = preset;
  flag.help = help;
  return flag;
}

FlagSpec BoolFlag(const std::string& name, const std::string& help) {
  return ValueFlag(name, ValueType::kBool, "", "false", help);
}

FlagSpec ChoiceFlag(const std::string& name, std::vector<std::string> choices,
                    const std::string& help) {
  std::string words;
  for (const std::string& choice : choices) words += (words.empty() ? "" : "|") + choice;
  FlagSpec flag = ValueFlag(name, ValueType::kChoice, words, choices.front(), help);
  flag.choices = std::move(choices);
  return flag;
}

FlagSpec FileFlag(const std::string& name, const std::string& help) {
  return ValueFlag(name, ValueType::kPath, "FILE", "", help);
}

FlagSpec DurationFlag(const std::string& name, Duration preset, Duration minimum, Duration maximum,
                      const std::string& help) {
  FlagSpec flag = ValueFlag(name, ValueType::kDuration, "TIME", FormatDuration(preset), help);
  flag.group = FlagGroup::kLimits;
  flag.minimum = static_cast<uint64_t>(minimum.count());
  flag.maximum = static_cast<uint64_t>(maximum.count());
  return flag;
}

FlagSpec NumberFlag(const std::string& name, uint64_t preset, uint64_t minimum,
                    const std::string& help) {
  FlagSpec flag = ValueFlag(name, ValueType::kInteger, "N", std::to_string(preset), help);
  flag.group = FlagGroup::kLimits;
  flag.minimum = minimum;
  flag.maximum = 1'000'000;
  return flag;
}

FlagSpec InGroup(FlagGroup group, FlagSpec flag) {
  flag.group = group;
  return flag;
}

}  // namespace ming::cli
