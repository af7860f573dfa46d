#include "ming/cli/reverse_reports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "ming/admin/metrics_text.h"
#include "ming/admin/status_json.h"

namespace ming::cli {
namespace {

using codec::ReverseReason;
using ::testing::HasSubstr;
using ::testing::Not;

reverse::ReverseCounters Counters() {
  reverse::ReverseCounters counters;
  counters.accepted = 6;
  counters.paired = 4;
  counters.CountEnd(ReverseReason::kDone);
  counters.CountEnd(ReverseReason::kPairTimeout);
  counters.CountEnd(ReverseReason::kPairTimeout);
  counters.pair_times.Add(std::chrono::milliseconds(3));
  counters.pair_times.Add(std::chrono::milliseconds(5));
  counters.pair_times.Add(std::chrono::seconds(20));
  counters.bytes_in = 10;
  counters.bytes_out = 20;
  counters.reconnects = 1;
  counters.active = 2;
  counters.pending = 1;
  counters.clients = 1;
  return counters;
}

TEST(ReverseReports, NamesAreThoseOfTheSpecification) {
  const std::string text =
      admin::FormatMetrics(ReportReverseServer(Counters(), RunState::kRunning).metrics) + "\n";
  for (const char* const line : {
           "# TYPE reverse_tunnel_accepted_total counter\nreverse_tunnel_accepted_total 6\n",
           "\nreverse_tunnel_paired_total 4\n",
           "\nreverse_tunnel_ended_total 3\n",
           "\nreverse_tunnel_failed_total{reason=\"pair-timeout\"} 2\n",
           "\nreverse_tunnel_failed_total{reason=\"target-refused\"} 0\n",
           "\nreverse_tunnel_bytes_total{dir=\"in\"} 10\n",
           "\nreverse_tunnel_bytes_total{dir=\"out\"} 20\n",
           "\nreverse_tunnel_reconnects_total 1\n",
           "# TYPE reverse_tunnel_active gauge\nreverse_tunnel_active 2\n",
           "\nreverse_tunnel_pending 1\n",
           "\nreverse_tunnel_clients 1\n",
           "# TYPE reverse_tunnel_pair_seconds histogram\n",
           "\nreverse_tunnel_pair_seconds_bucket{le=\"0.0025\"} 0\n",
           "\nreverse_tunnel_pair_seconds_bucket{le=\"0.005\"} 2\n",
           "\nreverse_tunnel_pair_seconds_bucket{le=\"10\"} 2\n",
           "\nreverse_tunnel_pair_seconds_bucket{le=\"+Inf\"} 3\n",
           "\nreverse_tunnel_pair_seconds_sum 20.008\n",
           "\nreverse_tunnel_pair_seconds_count 3\n",
       }) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, Not(HasSubstr("reason=\"done\"")));
  EXPECT_THAT(text, Not(HasSubstr("ming_")));
}

TEST(ReverseReports, JsonHasTheSameNumbers) {
  const auto view =
      admin::ParseStatus(admin::FormatStatus(ReportReverseClient(Counters(), RunState::kRunning)));
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(view->role, "reverse client");
  std::string lines;
  for (const admin::Fact& line : view->lines) lines += line.name + "=" + line.value + "\n";
  EXPECT_THAT(lines, HasSubstr("accepted_total=6\n"));
  EXPECT_THAT(lines, HasSubstr("pair_seconds +Inf=3\n"));
  EXPECT_THAT(lines, HasSubstr("pair_seconds sum=20.008\n"));
}

TEST(ReverseReports, ReadyMeansThatTheOtherEndIsThere) {
  reverse::ReverseCounters counters;
  EXPECT_EQ(ReportReverseServer(counters, RunState::kRunning).not_ready, "no client is connected");
  EXPECT_EQ(ReportReverseClient(counters, RunState::kRunning).not_ready,
            "not connected to the server");
  counters.clients = 1;
  EXPECT_FALSE(ReportReverseServer(counters, RunState::kRunning).not_ready.has_value());
  EXPECT_EQ(ReportReverseServer(counters, RunState::kStopping).not_ready, "stopping");
}

}  // namespace
}  // namespace ming::cli
