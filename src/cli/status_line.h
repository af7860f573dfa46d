// StatusLine: one live line at the bottom of a terminal, below the log lines. On a pipe there is
// none.
#ifndef MING_CLI_STATUS_LINE_H_
#define MING_CLI_STATUS_LINE_H_

#include <glog/logging.h>

#include <cstddef>
#include <string>

namespace ming::cli {

// Where it is shown it also prints the log lines, so that they and the line do not mix. All log
// lines come from the thread of the loop. At most one at a time; the last user of standard error.
class StatusLine final : public google::LogSink {
 public:
  // Shows lines if standard error is a terminal.
  StatusLine();
  // Leaves the terminal with the cursor at the start of an empty line.
  ~StatusLine() override;
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;

  bool shown() const { return shown_; }
  // Replaces the line. Cut at the terminal's width. No effect where it is not shown.
  void Update(std::string text);
  // Writes `text` (whole lines) above the line.
  void PrintAbove(const std::string& text);

  void send(google::LogSeverity severity, const char* full_filename, const char* base_filename,
            int line, const google::LogMessageTime& time, const char* message,
            size_t message_length) override;

 private:
  const bool shown_;
  int stderr_level_ = 0;
  std::string text_;
};

}  // namespace ming::cli

#endif  // MING_CLI_STATUS_LINE_H_
