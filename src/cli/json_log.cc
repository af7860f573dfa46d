#include "ming/cli/json_log.h"

#include <array>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "ming/cli/glog_setup.h"

namespace ming::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string TimeText(const LogMoment& moment) {
  std::tm parts{};
  ::gmtime_r(&moment.seconds, &parts);
  std::array<char, 32> text{};
  const size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::string fraction = std::to_string(1'000'000 + moment.microseconds);
  fraction.front() = '.';
  return std::string(text.data(), size) + fraction + "Z";
}

const char* LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kError:
      return "error";
    case LogLevel::kWarning:
      return "warn";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kDebug:
      return "debug";
  }
  return "";
}

LogLevel LevelOf(google::LogSeverity severity) {
  if (severity >= google::GLOG_ERROR) return LogLevel::kError;
  return severity == google::GLOG_WARNING ? LogLevel::kWarning : LogLevel::kInfo;
}

}  // namespace

std::string FormatJsonLog(const LogMoment& moment, LogLevel level, const LogEvent* event,
                          std::string_view message) {
  Json json = {{"time", TimeText(moment)}, {"level", LevelName(level)}};
  if (event == nullptr) {
    json["message"] = message;
  } else {
    for (const LogEvent::Field& field : event->fields()) {
      json[field.key] = field.is_number ? Json(std::stoull(field.value)) : Json(field.value);
    }
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

JsonLog::JsonLog() {
  TakeOverStderr();
  google::AddLogSink(this);
}

JsonLog::~JsonLog() { google::RemoveLogSink(this); }

// NOLINTNEXTLINE(readability-function-size): glog's own signature
void JsonLog::send(google::LogSeverity severity, const char* /*full_filename*/,
                   const char* /*base_filename*/, int /*line*/, const google::LogMessageTime& time,
                   const char* message, size_t size) {
  const LogEvent* const event = LogEvent::Current();
  const std::string line = FormatJsonLog({time.timestamp(), time.usec()},
                                         event != nullptr ? event->level() : LevelOf(severity),
                                         event, std::string_view(message, size)) +
                           "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace ming::cli
