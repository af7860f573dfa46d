// Setting and Settings: values with where they come from, and their order of precedence.
#ifndef MING_CLI_SETTING_H_
#define MING_CLI_SETTING_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ming/base/status.h"
#include "ming/cli/flag_spec.h"

namespace ming::cli {

// From weak to strong.
enum class Origin { kDefault, kFile, kEnvironment, kCommandLine };

struct Setting {
  std::string name;  // FlagSpec::name
  std::string value;
  Origin origin = Origin::kDefault;
  std::string where;  // for messages: "--local", "MING_LOCAL", "config.yaml:3:8: local"
};

// The settings of one command: for each flag the value of its strongest source.
class Settings {
 public:
  explicit Settings(const FlagSet& flags);

  // Takes settings of one origin, in their order; the last one of a name holds, items of a
  // kTextList add up within one origin. A stronger origin than the present one replaces it, a
  // weaker one is ignored. kInvalidArgument, with the place, for a value that its flag does not
  // take.
  Status Merge(const std::vector<Setting>& settings);

  // The value of a flag of the set (CHECKs that it is one), its default if nobody set it.
  const std::string& Value(std::string_view name) const { return Get(name).value; }
  const Setting& Get(std::string_view name) const;
  // Of a kBool.
  bool IsTrue(std::string_view name) const;
  bool IsSet(std::string_view name) const { return Get(name).origin != Origin::kDefault; }
  // Replaces the value, keeping the origin given in `setting`.
  void Override(const Setting& setting);

  // kInvalidArgument naming the first required flag that nobody set.
  Status CheckRequired() const;

  const FlagSet& flags() const { return flags_; }

 private:
  const FlagSet& flags_;
  std::map<std::string, Setting, std::less<>> values_;
};

}  // namespace ming::cli

#endif  // MING_CLI_SETTING_H_
