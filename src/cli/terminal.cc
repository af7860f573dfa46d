#include "ming/cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace ming::cli {
namespace {

// The environment is read before any thread could change it.
const char* Variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): see above
  return value == nullptr ? "" : value;
}

}  // namespace

bool StderrIsTerminal() {
  return ::isatty(STDERR_FILENO) != 0 && std::strcmp(Variable("TERM"), "dumb") != 0;
}

bool StderrTakesColor() { return StderrIsTerminal() && *Variable("NO_COLOR") == '\0'; }

size_t TerminalColumns() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

}  // namespace ming::cli
