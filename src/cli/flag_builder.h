// Rows of a flag table, for commands whose flags are theirs alone (no gflags behind them).
#ifndef MING_CLI_FLAG_BUILDER_H_
#define MING_CLI_FLAG_BUILDER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "ming/base/time.h"
#include "ming/cli/flag_spec.h"

namespace ming::cli {

// A value of that type; `preset` may be empty.
FlagSpec ValueFlag(const std::string& name, ValueType type, const std::string& value_name,
                   const std::string& preset, const std::string& help);
// Off unless it is given, by any source.
FlagSpec BoolFlag(const std::string& name, const std::string& help);
// One of the words; the first one is the default.
FlagSpec ChoiceFlag(const std::string& name, std::vector<std::string> choices,
                    const std::string& help);
// A file to read.
FlagSpec FileFlag(const std::string& name, const std::string& help);
// Under the heading of limits; both ends of the range are allowed.
FlagSpec DurationFlag(const std::string& name, Duration preset, Duration minimum, Duration maximum,
                      const std::string& help);
// The same, up to 1,000,000.
FlagSpec NumberFlag(const std::string& name, uint64_t preset, uint64_t minimum,
                    const std::string& help);
// The same flag under another heading.
FlagSpec InGroup(FlagGroup group, FlagSpec flag);

}  // namespace ming::cli

#endif  // MING_CLI_FLAG_BUILDER_H_
