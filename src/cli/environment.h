// The environment: variables to settings.
//
// A flag "stun-server" of the command "host" is read from MING_HOST_STUN_SERVER, MING_STUN_SERVER,
// WTT_HOST_STUN_SERVER, WTT_STUN_SERVER, the first that is set; WTT_ is the prefix of the Go
// program. A variable that is set to nothing counts as not set.
#ifndef MING_CLI_ENVIRONMENT_H_
#define MING_CLI_ENVIRONMENT_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ming/cli/flag_spec.h"
#include "ming/cli/setting.h"

namespace ming::cli {

using Environment = std::map<std::string, std::string, std::less<>>;

std::vector<Setting> ReadEnvironment(const FlagSet& flags, std::string_view command,
                                     const Environment& environment);

// A sentence for each variable that begins with MING_ and sets no flag of any of `commands`: a
// typing mistake, probably.
std::vector<std::string> FindUnknownVariables(const std::vector<CommandFlags>& commands,
                                              const Environment& environment);

}  // namespace ming::cli

#endif  // MING_CLI_ENVIRONMENT_H_
