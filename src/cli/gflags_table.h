// The bridge to gflags, which carries the values of the flags: defaults and help come from it into
// the flag table, checked settings go back into it.
#ifndef MING_CLI_GFLAGS_TABLE_H_
#define MING_CLI_GFLAGS_TABLE_H_

#include <string>
#include <vector>

#include "ming/cli/flag_spec.h"
#include "ming/cli/setting.h"

namespace ming::cli {

// A flag that gflags knows, with its default and help; CHECKs that it does. Dashes in `name` are
// underscores there.
FlagSpec GflagsFlag(const std::string& name, ValueType type, const std::string& value_name);

// glog's own flags, all in FlagGroup::kLogging.
std::vector<FlagSpec> GlogFlags();

// Sets every flag of the settings that gflags knows.
void StoreInGflags(const Settings& settings);

}  // namespace ming::cli

#endif  // MING_CLI_GFLAGS_TABLE_H_
