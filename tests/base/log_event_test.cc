#include "ming/base/log_event.h"

#include <glog/logging.h>
#include <gtest/gtest.h>

#include <chrono>

namespace ming {
namespace {

TEST(LogEvent, IsALineOfKeysAndValues) {
  LogEvent event(LogLevel::kInfo, "conn_end");
  event.Add("conn", "0011aabb").AddNumber("in", 7).AddTime("ms", std::chrono::microseconds(2900));
  EXPECT_EQ(event.ToText(), "event=conn_end conn=0011aabb in=7 ms=2");
}

TEST(LogEvent, QuotesWhatWouldBeReadWrongly) {
  LogEvent event(LogLevel::kInfo, "x");
  event.Add("why", "a b").Add("path", "C:\\").Add("say", "\"=\"").Add("none", "");
  EXPECT_EQ(event.ToText(), R"(event=x why="a b" path="C:\\" say="\"=\"" none="")");
}

TEST(LogEvent, IsSeenBySinksWhileItIsWritten) {
  class Sink final : public google::LogSink {
   public:
    // NOLINTNEXTLINE(readability-function-size): glog's own signature
    void send(google::LogSeverity severity, const char* /*full_filename*/,
              const char* /*base_filename*/, int /*line*/, const google::LogMessageTime& /*time*/,
              const char* /*message*/, size_t /*size*/) override {
      ASSERT_NE(LogEvent::Current(), nullptr);
      name = LogEvent::Current()->fields().front().value;
      last = severity;
    }
    std::string name;
    google::LogSeverity last = google::GLOG_FATAL;
  } sink;
  google::AddLogSink(&sink);
  LogEvent(LogLevel::kWarning, "late").Write();
  EXPECT_EQ(sink.name, "late");
  EXPECT_EQ(sink.last, google::GLOG_WARNING);
  LogEvent(LogLevel::kDebug, "hidden").Write();
  EXPECT_EQ(sink.name, "late");
  google::RemoveLogSink(&sink);
  EXPECT_EQ(LogEvent::Current(), nullptr);
}

}  // namespace
}  // namespace ming
