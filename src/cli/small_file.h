// Reading the small files that configure a program, and the secrets that its flags name.
#ifndef MING_CLI_SMALL_FILE_H_
#define MING_CLI_SMALL_FILE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "ming/base/status.h"
#include "ming/cli/setting.h"

namespace ming::cli {

// The whole file. kResourceExhausted above `limit` bytes; other failures by errno. The message
// names the file.
Result<std::string> ReadSmallFile(const std::string& path, size_t limit);

bool FileExists(const std::string& path);

// Replaces each secret whose "-file" flag is set by what the file holds: one line, or one item a
// line for a list. kInvalidArgument for an empty file, for text that the flag does not take, and
// where flag and file are both set at the same place (elsewhere the stronger one holds). A warning
// for a file that everybody may read goes to `warnings`.
Status ReadSecretFiles(Settings& settings, std::vector<std::string>& warnings);

// A sentence for each secret that stands on the command line, where `ps` shows it.
std::vector<std::string> FindVisibleSecrets(const Settings& settings);

}  // namespace ming::cli

#endif  // MING_CLI_SMALL_FILE_H_
