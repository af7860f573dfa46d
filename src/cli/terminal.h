// What standard error is connected to.
#ifndef MING_CLI_TERMINAL_H_
#define MING_CLI_TERMINAL_H_

#include <cstddef>

namespace ming::cli {

// Standard error is a terminal that can move its cursor.
bool StderrIsTerminal();
// And the user did not ask for NO_COLOR (https://no-color.org).
bool StderrTakesColor();
// Columns of that terminal; 80 where it does not say.
size_t TerminalColumns();

}  // namespace ming::cli

#endif  // MING_CLI_TERMINAL_H_
