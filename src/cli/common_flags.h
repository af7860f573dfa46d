// Flags that several commands share, and small steps from gflags values to options.
#ifndef MING_CLI_COMMON_FLAGS_H_
#define MING_CLI_COMMON_FLAGS_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "ming/base/ip_address.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/cli/flag_spec.h"
#include "ming/cli/setting.h"
#include "ming/net/spin_policy.h"

namespace ming::cli {

// A flag of the command line that is off unless it is given.
FlagSpec SwitchFlag(const std::string& name, const std::string& help);
// --help, for every command.
FlagSpec HelpFlag();
// --version, for commands that are called as a program of their own.
FlagSpec VersionFlag();
// --json, for commands that list something.
FlagSpec JsonFlag();
// --admin, --mode and --config, for server, host and client.
std::vector<FlagSpec> RoleFlags();

// --spin, for every command that runs until it is stopped, and what it means.
FlagSpec SpinFlag();
net::SpinOptions SpinOf(const Settings& settings);

FlagSpec ConfigFlag();

// Where the admin interface of a role is; empty: nowhere.
FlagSpec AdminFlag(const std::string& default_text);

// A command's flags in the order of its help.
FlagSet JoinFlags(const std::vector<std::vector<FlagSpec>>& parts);

// Limits: a flag that gflags knows whose default is the one of an options struct. `minimum` and
// `maximum` are allowed.
FlagSpec CountFlag(const std::string& name, uint64_t preset, uint64_t minimum, uint64_t maximum);
FlagSpec SizeFlag(const std::string& name, uint64_t preset, uint64_t minimum, uint64_t maximum);
FlagSpec TimeFlag(const std::string& name, Duration preset, Duration minimum, Duration maximum);

// Values that were checked when they were set.
Duration DurationValue(const std::string& text);
uint64_t SizeValue(const std::string& text);
HostPort AddressValue(const std::string& text);

// Whether only this machine can connect to it. A name other than localhost counts as no.
bool IsLoopbackOnly(const HostPort& address);

// kInvalidArgument about the value of `flag`, beginning with where it was set.
Status BadValue(const Settings& settings, const std::string& flag, const std::string& problem);

}  // namespace ming::cli

#endif  // MING_CLI_COMMON_FLAGS_H_
