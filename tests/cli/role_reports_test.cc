#include "ming/cli/role_reports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "ming/admin/metrics_text.h"

namespace ming::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const TunnelName kTcp{"myhost", p2p::TunnelProtocol::kTcp};
const TunnelName kUdp{"myhost", p2p::TunnelProtocol::kUdp};

std::string Metrics(const admin::RoleReport& report) {
  return admin::FormatMetrics(report.metrics) + "\n";
}

TEST(RoleReports, HostIsReadyWhenRegistered) {
  p2p::TunnelHostStatus status;
  EXPECT_THAT(ReportHost(status, kTcp, RunState::kRunning).not_ready.value_or(""),
              HasSubstr("not registered"));
  status.registered = true;
  EXPECT_FALSE(ReportHost(status, kTcp, RunState::kRunning).not_ready.has_value());
  EXPECT_EQ(ReportHost(status, kTcp, RunState::kStopping).not_ready, "stopping");
}

TEST(RoleReports, ClientIsReadyWhenConnected) {
  p2p::TunnelClientStatus status;
  status.state = p2p::ClientState::kRecovering;
  EXPECT_THAT(ReportClient(status, kTcp, RunState::kRunning).not_ready.value_or(""),
              HasSubstr("no path to the host: "));
  status.state = p2p::ClientState::kConnected;
  EXPECT_FALSE(ReportClient(status, kTcp, RunState::kRunning).not_ready.has_value());
  EXPECT_EQ(ReportClient(status, kTcp, RunState::kStopping).not_ready, "stopping");
}

TEST(RoleReports, ServerIsReadyUntilItStops) {
  EXPECT_FALSE(ReportServer({}, RunState::kRunning).not_ready.has_value());
  EXPECT_EQ(ReportServer({}, RunState::kStopping).not_ready, "stopping");
}

TEST(RoleReports, CountersArrive) {
  p2p::TunnelClientStatus status;
  status.paths_up_total = 3;
  status.sessions_total = 2;
  status.ice_restarts_total = 5;
  status.path_bytes_sent = 7;
  status.round_trip_time = std::chrono::milliseconds(250);
  status.packet_size = 8972;
  status.setup_time = std::chrono::microseconds(7'500);
  status.flows.opened = 11;
  status.flows.refused = 13;
  status.flows.bytes_to_peer = 17;
  const std::string text = Metrics(ReportClient(status, kTcp, RunState::kRunning));
  for (const char* line :
       {"ming_reconnects_total 2\n", "ming_sessions_total 2\n", "ming_ice_restarts_total 5\n",
        "ming_path_bytes_total{direction=\"sent\"} 7\n", "ming_round_trip_seconds 0.25\n",
        "ming_packet_size_bytes 8972\n", "ming_setup_seconds 0.0075\n",
        "ming_connections_total 11\n", "ming_connections_ended_total{result=\"refused\"} 13\n",
        "ming_stream_bytes_total{direction=\"to_peer\"} 17\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, Not(HasSubstr("ming_datagrams")));
}

TEST(RoleReports, UdpCountsDatagrams) {
  p2p::TunnelHostStatus status;
  status.flows.datagrams_from_peer = 3;
  status.flows.dropped_oversize = 4;
  const std::string text = Metrics(ReportHost(status, kUdp, RunState::kRunning));
  EXPECT_THAT(text, HasSubstr("ming_datagrams_total{direction=\"from_peer\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("ming_datagrams_dropped_total{reason=\"oversize\"} 4\n"));
}

// Prometheus' naming rules, for every metric of every role.
TEST(RoleReports, NamesFollowTheRules) {
  for (const admin::RoleReport& report :
       {ReportServer({}, RunState::kRunning), ReportHost({}, kUdp, RunState::kRunning),
        ReportClient({}, kUdp, RunState::kRunning)}) {
    std::set<std::string> names;
    for (const admin::Metric& metric : report.metrics) {
      EXPECT_TRUE(names.insert(metric.name).second) << metric.name;
      EXPECT_EQ(metric.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string::npos);
      const bool total =
          metric.name.size() > 6 && metric.name.substr(metric.name.size() - 6) == "_total";
      EXPECT_EQ(total, metric.kind == admin::MetricKind::kCounter) << metric.name;
      EXPECT_EQ(metric.label_name.empty(), metric.samples.size() == 1) << metric.name;
    }
  }
}

}  // namespace
}  // namespace ming::cli
