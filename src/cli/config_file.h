// The configuration file: YAML text to settings. Reading the file is left to the caller.
//
// The keys are the names of the flags ('-' and '_' alike), at the top level for every command, or
// in a section named like the command, which is stronger:
//
//   signal: ws://example.net:8080
//   stun-server: [stun:192.0.2.1:3478, stun:192.0.2.2:3478]
//   host:
//     id: myhost
//
// A name may be cut at its dashes into nested maps ("tls: {cert-file: x}" is tls-cert-file); the
// section of `reverse server` is reverse-server, so also "reverse: {server: {...}}". One
// file may serve several commands: keys of the other ones are checked and left alone.
#ifndef MING_CLI_CONFIG_FILE_H_
#define MING_CLI_CONFIG_FILE_H_

#include <string>
#include <string_view>
#include <vector>

#include "ming/base/status.h"
#include "ming/cli/flag_spec.h"
#include "ming/cli/setting.h"

namespace ming::cli {

// The settings that `text` holds for `command` (one of `commands`, which names the sections). The
// place of each is "file:line:column: key". kInvalidArgument, beginning with "file:line:column: ",
// for text that is not YAML (see yaml_tree.h for what is not taken), unknown or repeated keys, and
// values that their flags do not take.
Result<std::vector<Setting>> ParseConfig(std::string_view text, const std::string& file,
                                         const std::vector<CommandFlags>& commands,
                                         std::string_view command);

}  // namespace ming::cli

#endif  // MING_CLI_CONFIG_FILE_H_
