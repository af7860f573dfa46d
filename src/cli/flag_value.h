// The text forms of flag values: one check for every source of settings.
#ifndef MING_CLI_FLAG_VALUE_H_
#define MING_CLI_FLAG_VALUE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ming/base/ip_address.h"
#include "ming/base/status.h"
#include "ming/cli/flag_spec.h"

namespace ming::cli {

// Ok, or kInvalidArgument saying what is wrong with `text` as the value of `flag`. The value of a
// secret is not repeated in the message.
Status CheckValue(const FlagSpec& flag, std::string_view text);

// true, yes, on, 1, t, y and their opposites; lower, upper or capitalized.
std::optional<bool> ParseBool(std::string_view text);

// Decimal without sign and spaces.
std::optional<uint64_t> ParseInteger(std::string_view text);

// The non-empty parts between commas, without the spaces around them.
std::vector<std::string> SplitList(std::string_view text);

struct PortRange {
  Port low;
  Port high;
};

// "20000-20100" with 1 <= low <= high; empty: no restriction.
Result<std::optional<PortRange>> ParsePortRange(std::string_view text);

}  // namespace ming::cli

#endif  // MING_CLI_FLAG_VALUE_H_
