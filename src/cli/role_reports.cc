#include "ming/cli/role_reports.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "ming/cli/metric_values.h"

namespace ming::cli {
namespace {

using admin::Counter;
using admin::Gauge;
using admin::Metric;
using admin::RoleReport;

void AddUdp(const tunnel::ForwarderCounters& flows, std::vector<Metric>& metrics) {
  metrics.push_back(MetricParts(
      "datagrams_total", "UDP datagrams carried", "direction",
      {{"to_peer", flows.datagrams_to_peer}, {"from_peer", flows.datagrams_from_peer}}));
  metrics.push_back(MetricParts("datagrams_dropped_total", "UDP datagrams dropped", "reason",
                                {{"oversize", flows.dropped_oversize},
                                 {"backpressure", flows.dropped_backpressure},
                                 {"no_path", flows.dropped_no_path},
                                 {"unreachable", flows.dropped_unreachable},
                                 {"limit", flows.dropped_limit}}));
}

void AddFlows(const tunnel::ForwarderCounters& flows, p2p::TunnelProtocol protocol,
              std::vector<Metric>& metrics) {
  const std::vector<Metric> common = {
      Gauge("connections_active", "connections, or UDP sources, that have a channel",
            MetricNumber(flows.active)),
      Gauge("connections_waiting", "connections that wait for a path or the service",
            MetricNumber(flows.waiting)),
      Counter("connections_total", "connections that came", MetricNumber(flows.opened)),
      MetricParts(
          "connections_ended_total", "connections by how they ended", "result",
          {{"completed", flows.completed}, {"failed", flows.failed}, {"refused", flows.refused}}),
      MetricParts("stream_bytes_total", "bytes of the applications carried", "direction",
                  {{"to_peer", flows.bytes_to_peer}, {"from_peer", flows.bytes_from_peer}}),
  };
  metrics.insert(metrics.end(), common.begin(), common.end());
  if (protocol == p2p::TunnelProtocol::kUdp) AddUdp(flows, metrics);
}

Metric PathBytes(uint64_t sent, uint64_t received) {
  return MetricParts("path_bytes_total", "bytes of datagrams between the machines", "direction",
                     {{"sent", sent}, {"received", received}});
}

std::optional<std::string> WhyNotReady(RunState state, std::optional<std::string> otherwise) {
  if (state == RunState::kStopping) return "stopping";
  return otherwise;
}

std::vector<admin::Fact> FactsOf(const TunnelName& name) {
  return {{"id", name.id}, {"protocol", std::string(p2p::TunnelProtocolName(name.protocol))}};
}

}  // namespace

RoleReport ReportServer(const signaling::SignalingServerMetrics& metrics, RunState state) {
  RoleReport report;
  report.role = "server";
  report.not_ready = WhyNotReady(state, std::nullopt);
  report.metrics = {
      Gauge("signaling_connections", "WebSocket connections", MetricNumber(metrics.connections)),
      Gauge("signaling_hosts", "registered hosts", MetricNumber(metrics.hosts)),
      Gauge("signaling_clients", "clients that introduced themselves",
            MetricNumber(metrics.clients)),
      Counter("signaling_connections_total", "WebSocket connections accepted",
              MetricNumber(metrics.connections_total)),
      Counter("signaling_registrations_total", "registrations of hosts",
              MetricNumber(metrics.hosts_registered_total)),
      MetricParts("signaling_messages_total", "messages of hosts and clients", "direction",
                  {{"received", metrics.messages_received_total},
                   {"forwarded", metrics.messages_forwarded_total}}),
      MetricParts("signaling_errors_total", "messages and IDs that were not accepted", "reason",
                  {{"unknown_target", metrics.unknown_target_total},
                   {"malformed", metrics.malformed_total},
                   {"spoofed", metrics.spoofed_total},
                   {"id_conflict", metrics.id_conflicts_total}}),
      MetricParts("signaling_refused_total", "connections refused before the upgrade", "reason",
                  {{"token", metrics.refused_token_total},
                   {"origin", metrics.refused_origin_total},
                   {"rate", metrics.refused_rate_total},
                   {"full", metrics.refused_full_total}}),
      Counter("signaling_holders_replaced_total", "IDs taken over from dead connections",
              MetricNumber(metrics.holders_replaced_total)),
      Counter("signaling_throttled_total", "pauses of connections by the message rate",
              MetricNumber(metrics.throttled_total)),
      Counter("signaling_lost_messages_total", "messages for readers whose queue was full",
              MetricNumber(metrics.lost_messages_total)),
      Counter("signaling_slow_readers_total", "readers closed because their queue stayed full",
              MetricNumber(metrics.slow_readers_total)),
  };
  return report;
}

RoleReport ReportHost(const p2p::TunnelHostStatus& status, const TunnelName& name, RunState state) {
  RoleReport report;
  report.role = "host";
  std::optional<std::string> waiting;
  if (!status.registered) waiting = "not registered: waiting for the signaling server";
  report.not_ready = WhyNotReady(state, std::move(waiting));
  report.facts = FactsOf(name);
  report.metrics = {
      Gauge("signaling_connected", "1 while registered", MetricNumber(status.registered)),
      Counter("registrations_total", "registrations sent to the signaling server",
              MetricNumber(status.registrations_total)),
      Gauge("sessions", "peer connections, those being set up included",
            MetricNumber(status.sessions)),
      Gauge("sessions_connected", "peer connections with a path", MetricNumber(status.connected)),
      Counter("sessions_total", "peer connections begun", MetricNumber(status.sessions_total)),
      Counter("ice_restarts_total", "restarts of ICE", MetricNumber(status.ice_restarts_total)),
      PathBytes(status.path_bytes_sent, status.path_bytes_received),
  };
  AddFlows(status.flows, name.protocol, report.metrics);
  return report;
}

RoleReport ReportClient(const p2p::TunnelClientStatus& status, const TunnelName& name,
                        RunState state) {
  RoleReport report;
  report.role = "client";
  const bool connected = status.state == p2p::ClientState::kConnected;
  const std::string state_name(p2p::ClientStateName(status.state));
  std::optional<std::string> waiting;
  if (!connected) waiting = "no path to the host: " + state_name;
  report.not_ready = WhyNotReady(state, std::move(waiting));
  report.facts = FactsOf(name);
  report.facts.push_back({"state", state_name});
  report.facts.push_back({"path", status.path});
  const uint64_t reconnects = status.paths_up_total > 0 ? status.paths_up_total - 1 : 0;
  report.metrics = {
      Gauge("signaling_connected", "1 while connected to the signaling server",
            MetricNumber(status.signaling_connected)),
      Gauge("path_up", "1 while there is a path to the host", MetricNumber(connected)),
      Counter("reconnects_total", "times that a lost path came up again", MetricNumber(reconnects)),
      Counter("sessions_total", "peer connections begun", MetricNumber(status.sessions_total)),
      Counter("ice_restarts_total", "restarts of ICE", MetricNumber(status.ice_restarts_total)),
      PathBytes(status.path_bytes_sent, status.path_bytes_received),
  };
  if (status.round_trip_time) {
    report.metrics.push_back(Gauge("round_trip_seconds", "round trip time of the path",
                                   std::chrono::duration<double>(*status.round_trip_time).count()));
  }
  if (status.packet_size) {
    report.metrics.push_back(Gauge("packet_size_bytes", "largest datagram in use",
                                   static_cast<double>(*status.packet_size)));
  }
  if (status.setup_time) {
    report.metrics.push_back(Gauge("setup_seconds",
                                   "from both descriptions known to channels usable",
                                   std::chrono::duration<double>(*status.setup_time).count()));
  }
  AddFlows(status.flows, name.protocol, report.metrics);
  return report;
}

}  // namespace ming::cli
