// LogEvent: a line of the log that programs read, too: "event=conn_end conn=0011 reason=done
// ms=12".
#ifndef MING_BASE_LOG_EVENT_H_
#define MING_BASE_LOG_EVENT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ming/base/time.h"

namespace ming {

enum class LogLevel {
  kError,
  kWarning,
  kInfo,
  kDebug,  // glog's verbosity 1
};

class LogEvent {
 public:
  struct Field {
    std::string key;
    std::string value;
    bool is_number = false;
  };

  // `name` and the keys are words in snake_case.
  LogEvent(LogLevel level, std::string_view name);

  LogEvent& Add(std::string_view key, std::string_view value);
  LogEvent& AddNumber(std::string_view key, uint64_t value);
  // In whole milliseconds.
  LogEvent& AddTime(std::string_view key, Duration value);

  LogLevel level() const { return level_; }
  const std::vector<Field>& fields() const { return fields_; }  // the first one is "event"
  // Values with blanks, quotation marks or '=' stand in quotation marks.
  std::string ToText() const;

  // Through glog, one line.
  void Write() const;
  // While Write runs on this thread: what is written, for sinks that want the fields; else null.
  static const LogEvent* Current();

 private:
  LogLevel level_;
  std::vector<Field> fields_;
};

}  // namespace ming

#endif  // MING_BASE_LOG_EVENT_H_
