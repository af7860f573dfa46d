#include "ming/cli/reverse_reports.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ming/admin/metrics_text.h"
#include "ming/cli/metric_values.h"
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

Metric Failures(const ReverseCounters& counters) {
  std::vector<MetricPart> parts;
  for (size_t at = 0; at < counters.ended_for.size(); ++at) {
    const auto reason = static_cast<ReverseReason>(at);
    if (reason == ReverseReason::kDone) continue;
    parts.push_back({std::string(codec::ReverseReasonName(reason)), counters.ended_for.at(at)});
  }
  return MetricParts("failed_total", "callers by what ended them otherwise than in order", "reason",
                     parts);
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
        {last ? "+Inf" : admin::FormatNumber(PairTimes::kBounds.at(at)), MetricNumber(count)});
  }
  metric.histogram_sum = std::chrono::duration<double>(times.sum).count();
  return metric;
}

std::vector<Metric> Metrics(const ReverseCounters& counters) {
  std::vector<Metric> metrics = {
      Counter("accepted_total", "callers that came", MetricNumber(counters.accepted)),
      Counter("paired_total", "callers that got their data connection",
              MetricNumber(counters.paired)),
      Counter("paired_ahead_total", "callers whose data connection was there before them",
              MetricNumber(counters.paired_ahead)),
      Counter("ended_total", "callers that are gone, in order or not",
              MetricNumber(counters.ended)),
      Failures(counters),
      MetricParts("bytes_total", "bytes of callers (in) and of the target (out) carried", "dir",
                  {{"in", counters.bytes_in}, {"out", counters.bytes_out}}),
      Counter("reconnects_total", "times that a client came up after a loss",
              MetricNumber(counters.reconnects)),
      Gauge("active", "callers that are relayed", MetricNumber(counters.active)),
      Gauge("pending", "callers that wait", MetricNumber(counters.pending)),
      Gauge("ahead", "data connections that wait for callers", MetricNumber(counters.ahead)),
      Gauge("clients", "connected clients", MetricNumber(counters.clients)),
      PairSeconds(counters.pair_times),
      MetricParts("datagrams_total", "datagrams of UDP callers carried", "dir",
                  {{"in", counters.datagrams.in}, {"out", counters.datagrams.out}}),
      MetricParts("datagrams_dropped_total", "datagrams of UDP callers dropped", "reason",
                  {{"backpressure", counters.datagrams.dropped_backpressure},
                   {"waiting", counters.datagrams.dropped_waiting},
                   {"oversize", counters.datagrams.dropped_oversize}}),
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
