#include "ming/cli/status_line.h"

#include <gflags/gflags.h>

#include <cstdio>
#include <utility>

#include "ming/cli/glog_setup.h"
#include "ming/cli/terminal.h"

namespace ming::cli {
namespace {

constexpr char kEraseLine[] = "\r\033[K";
constexpr char kPlain[] = "\033[m";

const char* ColorOf(google::LogSeverity severity) {
  if (!FLAGS_colorlogtostderr || severity == google::GLOG_INFO) return "";
  return severity == google::GLOG_WARNING ? "\033[33m" : "\033[31m";
}

void WriteStderr(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

}  // namespace

StatusLine::StatusLine() : shown_(StderrIsTerminal()) {
  if (!shown_) return;
  stderr_level_ = StderrLevel();
  TakeOverStderr();
  google::AddLogSink(this);
}

StatusLine::~StatusLine() {
  if (!shown_) return;
  google::RemoveLogSink(this);
  WriteStderr(kEraseLine);
  FLAGS_stderrthreshold = stderr_level_;
}

void StatusLine::Update(std::string text) {
  if (!shown_) return;
  // The last column stays free: some terminals wrap as soon as it is written.
  const size_t columns = TerminalColumns();
  if (text.size() >= columns) text.resize(columns - 1);
  if (text == text_) return;
  text_ = std::move(text);
  WriteStderr(kEraseLine + text_);
}

void StatusLine::PrintAbove(const std::string& text) {
  WriteStderr(shown_ ? kEraseLine + text + text_ : text);
}

// NOLINTNEXTLINE(readability-function-size): glog's own signature
void StatusLine::send(google::LogSeverity severity, const char* /*full_filename*/,
                      const char* base_filename, int line, const google::LogMessageTime& time,
                      const char* message, size_t message_length) {
  // glog itself prints fatal lines, with the stack.
  if (severity < stderr_level_ || severity == google::GLOG_FATAL) return;
  const std::string color = ColorOf(severity);
  PrintAbove(color + ToString(severity, base_filename, line, time, message, message_length) +
             (color.empty() ? "" : kPlain) + "\n");
}

}  // namespace ming::cli
