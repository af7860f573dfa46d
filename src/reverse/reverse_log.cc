#include "ming/reverse/reverse_log.h"

#include <glog/logging.h>

#include <utility>

namespace ming::reverse {
namespace {

// Lines for single connections are made only where they are shown.
bool ShowsConnections() { return VLOG_IS_ON(1); }

LogEvent Debug(const char* name) { return {LogLevel::kDebug, name}; }

void AddCounts(LogEvent& event, codec::ReverseReason reason, const tunnel::RelayCounts& counts,
               Duration age) {
  event.Add("reason", codec::ReverseReasonName(reason))
      .AddNumber("in", counts.a_to_b)
      .AddNumber("out", counts.b_to_a)
      .AddTime("ms", age);
}

void WriteWithKind(LogEvent event, CallerKind kind) {
  if (kind == CallerKind::kDatagrams) event.Add("proto", "udp");
  event.Write();
}

void WriteWithAhead(LogEvent event, bool ahead) {
  if (ahead) event.AddNumber("ahead", 1);
  event.Write();
}

// Writes the event unless there were too many like it; says how many were not written before it.
void WriteGated(Timestamp now, LogGate& gate, LogEvent event) {
  if (!gate.Pass(now)) return;
  const uint64_t held_back = gate.TakeHeldBackCount();
  if (held_back > 0) event.AddNumber("held_back", held_back);
  event.Write();
}

}  // namespace

LogEvent StatsEvent(const ReverseCounters& counters) {
  LogEvent event(LogLevel::kInfo, "stats");
  event.AddNumber("accepted", counters.accepted)
      .AddNumber("paired", counters.paired)
      .AddNumber("ended", counters.ended)
      .AddNumber("failed", counters.failed())
      .AddNumber("active", counters.active)
      .AddNumber("pending", counters.pending)
      .AddNumber("clients", counters.clients)
      .AddNumber("in", counters.bytes_in)
      .AddNumber("out", counters.bytes_out)
      .AddNumber("reconnects", counters.reconnects);
  return event;
}

LogEvent ShutdownEvent(size_t active) {
  LogEvent event(LogLevel::kInfo, "shutdown");
  event.AddNumber("active", active);
  return event;
}

void ServerLog::Write(const ClientUp& event) {
  LogEvent line(event.chosen ? LogLevel::kInfo : LogLevel::kWarning, "client_up");
  line.Add("id", event.id).Add("session", event.session).Add("peer", event.address);
  if (!event.chosen)
    line.Add("note", "no --listen-a is for its --id or --label: it gets no caller");
  line.Write();
}

void ServerLog::Write(const ClientDown& event) {
  LogEvent(LogLevel::kInfo, "client_down")
      .Add("id", event.id)
      .Add("reason", codec::ReverseReasonName(event.reason))
      .Write();
}

void ServerLog::Write(Timestamp now, const ClientBusy& event) {
  WriteGated(
      now, busy_,
      LogEvent(LogLevel::kWarning, "client_busy").Add("id", event.id).Add("peer", event.address));
}

void ServerLog::Write(Timestamp now, const DataRejected& event) {
  WriteGated(now, rejected_,
             LogEvent(LogLevel::kWarning, "data_rejected")
                 .Add("code", codec::ReverseErrorName(event.error))
                 .Add("peer", event.address));
}

void ServerLog::Write(const ConnNew& event) {
  if (!ShowsConnections()) return;
  LogEvent line = Debug("conn_new");
  line.AddNumber("caller", event.caller.value()).Add("src", event.source);
  WriteWithKind(std::move(line), event.kind);
}

void ServerLog::Write(const ConnPaired& event) {
  if (!ShowsConnections()) return;
  LogEvent line = Debug("conn_paired");
  line.AddNumber("caller", event.caller.value())
      .Add("conn", event.conn.ToString())
      .AddTime("ms", event.waited);
  WriteWithAhead(std::move(line), event.ahead);
}

void ServerLog::Write(const ConnEnd& event, const tunnel::RelayCounts& counts) {
  if (!ShowsConnections()) return;
  std::string conn = "-";
  if (event.conn) conn = event.spent ? event.conn->ToString() : event.conn->Prefix();
  if (event.reason == codec::ReverseReason::kPairTimeout) {
    Debug("pair_timeout").AddNumber("caller", event.caller.value()).Add("conn", conn).Write();
  }
  LogEvent line = Debug("conn_end");
  line.AddNumber("caller", event.caller.value()).Add("conn", conn);
  AddCounts(line, event.reason, counts, event.age);
  line.Write();
}

void ClientLog::Write(const client::ControlUp& event) {
  LogEvent(LogLevel::kInfo, "client_up")
      .Add("server", server_)
      .Add("id", id_)
      .Add("session", event.session)
      .Write();
}

void ClientLog::Write(const client::ControlDown& event) {
  LogEvent(LogLevel::kWarning, "client_down")
      .Add("server", server_)
      .Add("why", event.why.message())
      .Write();
}

void ClientLog::Write(const client::ReconnectWait& event) {
  LogEvent(LogLevel::kInfo, "reconnect_wait").AddTime("ms", event.delay).Write();
}

void ClientLog::Write(const client::ConnNew& event) {
  if (!ShowsConnections()) return;
  LogEvent line = Debug("conn_new");
  line.Add("conn", event.conn.Prefix()).Add("src", event.source);
  WriteWithKind(std::move(line), event.kind);
}

void ClientLog::Write(const client::ConnPaired& event) {
  if (!ShowsConnections()) return;
  LogEvent line = Debug("conn_paired");
  line.Add("conn", event.conn.ToString()).AddTime("ms", event.waited);
  WriteWithAhead(std::move(line), event.ahead);
}

void ClientLog::Write(const client::ConnEnd& event, const tunnel::RelayCounts& counts) {
  if (!ShowsConnections()) return;
  LogEvent line = Debug("conn_end");
  line.Add("conn", event.spent ? event.conn.ToString() : event.conn.Prefix());
  AddCounts(line, event.reason, counts, event.age);
  line.Write();
}

void ClientLog::WriteDialFailed(Timestamp now, codec::ReverseReason reason,
                                const std::string& target, const Status& why) {
  WriteGated(now, dial_failed_,
             LogEvent(LogLevel::kWarning, "dial_failed")
                 .Add("reason", codec::ReverseReasonName(reason))
                 .Add("target", target)
                 .Add("why", why.message()));
}

}  // namespace ming::reverse
