#include "ming/cli/setting.h"

#include <glog/logging.h>

#include <set>

#include "ming/cli/flag_value.h"

namespace ming::cli {

Settings::Settings(const FlagSet& flags) : flags_(flags) {
  for (const FlagSpec& flag : flags.flags()) {
    values_[flag.name] =
        Setting{flag.name, flag.default_text, Origin::kDefault, "default of --" + flag.name};
  }
}

Status Settings::Merge(const std::vector<Setting>& settings) {
  std::set<std::string> set_now;
  for (const Setting& setting : settings) {
    const FlagSpec* flag = flags_.Find(setting.name);
    CHECK(flag != nullptr) << setting.name;
    if (Status valid = CheckValue(*flag, setting.value); !valid.ok()) {
      return valid.WithContext(setting.where);
    }
    Setting& present = values_[flag->name];
    if (setting.origin < present.origin) continue;
    const bool appends = flag->type == ValueType::kTextList && !set_now.insert(flag->name).second;
    const std::string before = present.value;
    present = setting;
    present.name = flag->name;
    if (appends) present.value = before + "," + setting.value;
  }
  return Status::Ok();
}

const Setting& Settings::Get(std::string_view name) const {
  const auto found = values_.find(name);
  CHECK(found != values_.end()) << "no such flag: " << name;
  return found->second;
}

bool Settings::IsTrue(std::string_view name) const {
  const std::optional<bool> value = ParseBool(Value(name));
  CHECK(value.has_value()) << "not a switch: " << name;
  return *value;
}

void Settings::Override(const Setting& setting) {
  const auto found = values_.find(setting.name);
  CHECK(found != values_.end()) << "no such flag: " << setting.name;
  found->second = setting;
}

Status Settings::CheckRequired() const {
  for (const FlagSpec& flag : flags_.flags()) {
    if (!flag.required || IsSet(flag.name)) continue;
    return Status(StatusCode::kInvalidArgument, "--" + flag.name + " is required: " + flag.help +
                                                    " (--" + flag.name + " " + flag.value_name +
                                                    ")");
  }
  return Status::Ok();
}

}  // namespace ming::cli
