// The flags of a reverse tunnel that say who may use it and who may read it: TLS and the token.
#ifndef MING_CLI_REVERSE_SECURITY_H_
#define MING_CLI_REVERSE_SECURITY_H_

#include <string>
#include <vector>

#include "ming/base/secret.h"
#include "ming/base/status.h"
#include "ming/cli/flag_spec.h"
#include "ming/cli/setting.h"
#include "ming/reverse/reverse_client.h"
#include "ming/reverse/reverse_server.h"

namespace ming::cli {

std::vector<FlagSpec> ReverseServerSecurityFlags();
std::vector<FlagSpec> ReverseClientSecurityFlags();

// Read the files. kInvalidArgument for flags that do not go together; else the message names the
// file that is wrong.
Status SetSecurity(const Settings& settings, reverse::ReverseServerOptions& options);
Status SetSecurity(const Settings& settings, reverse::ReverseClientOptions& options);

// The first line of a file, without space around it. kUnavailable: it is empty, or readable by
// group or others.
Result<Secret> ReadTokenFile(const std::string& path);

// What to warn of at the start, or nothing; `where` names port B.
std::string SecurityWarning(const reverse::ReverseServerOptions& options, const std::string& where);
std::string SecurityWarning(const reverse::ReverseClientOptions& options);

}  // namespace ming::cli

#endif  // MING_CLI_REVERSE_SECURITY_H_
