#include "ming/cli/reverse_reports.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ming/admin/metrics_text.h"
#include "ming/codec/reverse_line.h"

namespace ming::cli {
namespace {

using admin::Counter;
using admin::Gauge;
using admin::Metric;
using admin::MetricKind;
using codec::ReverseReason;
using reverse::PairTimes;
using reverse::ReverseCounters;

double Number(uint64_t value) { return static_cast<double>(value); }

Metric Failures(const ReverseCounters& counters) {
  Metric metric{"failed_total",
                "callers by what ended them otherwise than in order",
                MetricKind::kCounter,
                "reason",
                {}};
  for (size_t at = 0; at < counters.ended_for.size(); ++at) {
    const auto reason = static_cast<ReverseReason>(at);
    if (reason == ReverseReason::kDone) continue;
    metric.samples.push_back(
        {std::string(codec::ReverseReasonName(reason)), Number(counters.ended_for.at(at))});
  }
  return metric;
}

Metric PairSeconds(const PairTimes& times) {
  Metric metric{"pair_seconds",
                "time from a caller to its data connection",
                MetricKind::kHistogram,
                "le",
                {}};
  uint64_t count = 0;
  for (size_t at = 0; at < times.counts.size(); ++at) {
    count += times.counts.at(at);
    const bool last = at == PairTimes::kBounds.size();
    metric.samples.push_back(
        {last ? "+Inf" : admin::FormatNumber(PairTimes::kBounds.at(at)), Number(count)});
  }
  metric.histogram_sum = std::chrono::duration<double>(times.sum).count();
  return metric;
}

std::vector<Metric> Metrics(const ReverseCounters& counters) {
  std::vector<Metric> metrics = {
      Counter("accepted_total", "callers that came", Number(counters.accepted)),
      Counter("paired_total", "callers that got their data connection", Number(counters.paired)),
      Counter("ended_total", "callers that are gone, in order or not", Number(counters.ended)),
      Failures(counters),
      {"bytes_total",
       "bytes of callers (in) and of the target (out) carried",
       MetricKind::kCounter,
       "dir",
       {{"in", Number(counters.bytes_in)}, {"out", Number(counters.bytes_out)}}},
      Counter("reconnects_total", "times that a client came up after a loss",
              Number(counters.reconnects)),
      Gauge("active", "callers that are relayed", Number(counters.active)),
      Gauge("pending", "callers that wait", Number(counters.pending)),
      Gauge("clients", "connected clients", Number(counters.clients)),
      PairSeconds(counters.pair_times),
      {"datagrams_total",
       "datagrams of UDP callers carried",
       MetricKind::kCounter,
       "dir",
       {{"in", Number(counters.datagrams.in)}, {"out", Number(counters.datagrams.out)}}},
      {"datagrams_dropped_total",
       "datagrams of UDP callers dropped",
       MetricKind::kCounter,
       "reason",
       {{"backpressure", Number(counters.datagrams.dropped_backpressure)},
        {"waiting", Number(counters.datagrams.dropped_waiting)},
        {"oversize", Number(counters.datagrams.dropped_oversize)}}},
  };
  for (Metric& metric : metrics) metric.prefix = "reverse_tunnel_";
  return metrics;
}

admin::RoleReport Report(std::string role, const ReverseCounters& counters, RunState state,
                         std::string without_peer) {
  admin::RoleReport report;
  report.role = std::move(role);
  if (state == RunState::kStopping) {
    report.not_ready = "stopping";
  } else if (counters.clients == 0) {
    report.not_ready = std::move(without_peer);
  }
  report.metrics = Metrics(counters);
  return report;
}

}  // namespace

admin::RoleReport ReportReverseServer(const ReverseCounters& counters, RunState state) {
  return Report("reverse server", counters, state, "no client is connected");
}

admin::RoleReport ReportReverseClient(const ReverseCounters& counters, RunState state) {
  return Report("reverse client", counters, state, "not connected to the server");
}

}  // namespace ming::cli
