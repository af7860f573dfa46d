// The log as JSON, one object a line, for programs that collect logs.
#ifndef MING_CLI_JSON_LOG_H_
#define MING_CLI_JSON_LOG_H_

#include <glog/logging.h>

#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>

#include "ming/base/log_event.h"

namespace ming::cli {

struct LogMoment {
  std::time_t seconds = 0;  // of UTC
  int32_t microseconds = 0;
};

// {"time":"2026-01-31T23:59:59.000001Z","level":"info","event":"conn_end","conn":"0011","ms":12}
// where there is an event, else "message" behind the level. Bytes that are not UTF-8 are replaced.
std::string FormatJsonLog(const LogMoment& moment, LogLevel level, const LogEvent* event,
                          std::string_view message);

// While it lives, standard error gets the log as JSON instead of glog's lines.
class JsonLog final : private google::LogSink {
 public:
  JsonLog();
  ~JsonLog() override;

 private:
  void send(google::LogSeverity severity, const char* full_filename, const char* base_filename,
            int line, const google::LogMessageTime& time, const char* message,
            size_t size) override;
};

}  // namespace ming::cli

#endif  // MING_CLI_JSON_LOG_H_
