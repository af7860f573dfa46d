#include "ming/base/log_event.h"

#include <glog/logging.h>

#include <chrono>

namespace ming {
namespace {

thread_local const LogEvent* current = nullptr;

bool NeedsQuotes(std::string_view value) {
  return value.empty() || value.find_first_of(" \"=\\") != std::string_view::npos;
}

std::string Quote(std::string_view value) {
  std::string quoted = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace

LogEvent::LogEvent(LogLevel level, std::string_view name) : level_(level) { Add("event", name); }

LogEvent& LogEvent::Add(std::string_view key, std::string_view value) {
  fields_.push_back({std::string(key), std::string(value), false});
  return *this;
}

LogEvent& LogEvent::AddNumber(std::string_view key, uint64_t value) {
  fields_.push_back({std::string(key), std::to_string(value), true});
  return *this;
}

LogEvent& LogEvent::AddTime(std::string_view key, Duration value) {
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(value).count();
  return AddNumber(key, milliseconds > 0 ? static_cast<uint64_t>(milliseconds) : 0);
}

std::string LogEvent::ToText() const {
  std::string text;
  for (const Field& field : fields_) {
    if (!text.empty()) text += ' ';
    text += field.key + "=" + (NeedsQuotes(field.value) ? Quote(field.value) : field.value);
  }
  return text;
}

void LogEvent::Write() const {
  current = this;
  switch (level_) {
    case LogLevel::kError:
      LOG(ERROR) << ToText();
      break;
    case LogLevel::kWarning:
      LOG(WARNING) << ToText();
      break;
    case LogLevel::kInfo:
      LOG(INFO) << ToText();
      break;
    case LogLevel::kDebug:
      VLOG(1) << ToText();
      break;
  }
  current = nullptr;
}

const LogEvent* LogEvent::Current() { return current; }

}  // namespace ming
