#include "ming/admin/metrics_text.h"

#include <gtest/gtest.h>

namespace ming::admin {
namespace {

TEST(MetricsText, WritesHelpTypeAndSamples) {
  const std::vector<Metric> metrics = {
      Gauge("sessions", "peer connections", 2),
      {"path_bytes_total",
       "bytes",
       MetricKind::kCounter,
       "direction",
       {{"sent", 7}, {"received", 0}}},
  };
  EXPECT_EQ(FormatMetrics(metrics),
            "# HELP ming_sessions peer connections\n"
            "# TYPE ming_sessions gauge\n"
            "ming_sessions 2\n"
            "# HELP ming_path_bytes_total bytes\n"
            "# TYPE ming_path_bytes_total counter\n"
            "ming_path_bytes_total{direction=\"sent\"} 7\n"
            "ming_path_bytes_total{direction=\"received\"} 0");
}

TEST(MetricsText, AHistogramHasBucketsSumAndCount) {
  const std::vector<Metric> metrics = {{"wait_seconds",
                                        "waiting",
                                        MetricKind::kHistogram,
                                        "le",
                                        {{"0.1", 2}, {"+Inf", 3}},
                                        1.5,
                                        "other_"}};
  EXPECT_EQ(FormatMetrics(metrics),
            "# HELP other_wait_seconds waiting\n"
            "# TYPE other_wait_seconds histogram\n"
            "other_wait_seconds_bucket{le=\"0.1\"} 2\n"
            "other_wait_seconds_bucket{le=\"+Inf\"} 3\n"
            "other_wait_seconds_sum 1.5\n"
            "other_wait_seconds_count 3");
}

TEST(MetricsText, NothingIsEmpty) { EXPECT_EQ(FormatMetrics({}), ""); }

TEST(MetricsText, EscapesLabelValues) {
  const std::vector<Metric> metrics = {
      {"x", "a\\b\nc", MetricKind::kGauge, "name", {{"\"q\"\\\n", 1}}}};
  EXPECT_EQ(FormatMetrics(metrics),
            "# HELP ming_x a\\\\b\\nc\n"
            "# TYPE ming_x gauge\n"
            "ming_x{name=\"\\\"q\\\"\\\\\\n\"} 1");
}

TEST(MetricsText, NumbersAreShortAndExact) {
  EXPECT_EQ(FormatNumber(0), "0");
  EXPECT_EQ(FormatNumber(-3), "-3");
  EXPECT_EQ(FormatNumber(0.25), "0.25");
  EXPECT_EQ(FormatNumber(1e12), "1000000000000");
  EXPECT_EQ(FormatNumber(9007199254740992.0), "9007199254740992");
}

}  // namespace
}  // namespace ming::admin
