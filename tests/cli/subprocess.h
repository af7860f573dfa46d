// Subprocess: the real binary with its standard streams, for tests of whole processes.
#ifndef MING_TESTS_CLI_SUBPROCESS_H_
#define MING_TESTS_CLI_SUBPROCESS_H_

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ming/net/unique_fd.h"

namespace ming::cli {

class Subprocess {
 public:
  enum class Streams {
    kPipes,
    kTerminal,     // standard error is a terminal
    kNobodyReads,  // the reading end of standard output is closed
    kClosed,       // none of the three standard streams is open
  };

  // Runs the program under test in the present folder, with these variables and no others but
  // PATH; MING_STUN_SERVER=none unless given.
  explicit Subprocess(const std::vector<std::string>& words,
                      std::map<std::string, std::string> variables = {},
                      Streams streams = Streams::kPipes);
  // Kills it if it still runs.
  ~Subprocess();
  Subprocess(const Subprocess&) = delete;
  Subprocess& operator=(const Subprocess&) = delete;

  // Reads until the text appears or the process ends; false then, and after 20 s.
  bool WaitForOutput(const std::string& text);
  bool WaitForErrors(const std::string& text);
  // The exit code; 128 + signal where a signal ended it; nothing after 20 s.
  std::optional<int> WaitForExit();

  void Signal(int number) const;
  pid_t pid() const { return pid_; }
  // What it wrote so far, as far as it was read.
  const std::string& output() const { return output_; }
  const std::string& errors() const { return errors_; }

 private:
  bool WaitForText(const std::string& text, const std::string& where);
  // Reads once; false when both streams have ended, or after `milliseconds`.
  bool ReadSome(int milliseconds);

  pid_t pid_ = -1;
  net::UniqueFd output_fd_;
  net::UniqueFd errors_fd_;
  std::string output_;
  std::string errors_;
};

struct RunResult {
  int code = -1;
  std::string output;
  std::string errors;
};

// Runs the program to its end.
RunResult RunMing(const std::vector<std::string>& words,
                  const std::map<std::string, std::string>& variables = {});

}  // namespace ming::cli

#endif  // MING_TESTS_CLI_SUBPROCESS_H_
