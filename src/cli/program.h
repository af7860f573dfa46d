// The program: from main's arguments to its exit code.
#ifndef MING_CLI_PROGRAM_H_
#define MING_CLI_PROGRAM_H_

#include <string>
#include <vector>

#include "ming/cli/environment.h"
#include "ming/cli/exit_code.h"

namespace ming::cli {

// `words` without the program's name. Once in a process.
ExitCode RunProgram(const std::vector<std::string>& words, const Environment& environment);

}  // namespace ming::cli

#endif  // MING_CLI_PROGRAM_H_
