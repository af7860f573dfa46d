#include "ming/cli/json_log.h"

#include <gtest/gtest.h>

#include <chrono>

namespace ming::cli {
namespace {

constexpr LogMoment kMoment{1'700'000'000, 42};

TEST(JsonLog, AnEventIsItsFields) {
  LogEvent event(LogLevel::kDebug, "conn_end");
  event.Add("conn", "00112233").AddNumber("in", 7).AddTime("ms", std::chrono::milliseconds(12));
  EXPECT_EQ(FormatJsonLog(kMoment, event.level(), &event, "unused"),
            R"({"time":"2023-11-14T22:13:20.000042Z","level":"debug","event":"conn_end",)"
            R"("conn":"00112233","in":7,"ms":12})");
}

TEST(JsonLog, AnyOtherLineIsAMessage) {
  EXPECT_EQ(FormatJsonLog(kMoment, LogLevel::kWarning, nullptr, "say \"x\"\n"),
            R"({"time":"2023-11-14T22:13:20.000042Z","level":"warn","message":"say \"x\"\n"})");
  EXPECT_EQ(FormatJsonLog(kMoment, LogLevel::kError, nullptr, "\xff"),
            "{\"time\":\"2023-11-14T22:13:20.000042Z\",\"level\":\"error\",\"message\":"
            "\"\xEF\xBF\xBD\"}");
}

}  // namespace
}  // namespace ming::cli
