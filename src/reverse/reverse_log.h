// What both ends of a reverse tunnel write to the log: events by fixed names (docs/reverse.md). An
// id of a connection is cut to 8 digits until it is spent.
#ifndef MING_REVERSE_REVERSE_LOG_H_
#define MING_REVERSE_REVERSE_LOG_H_

#include <cstddef>
#include <optional>
#include <string>

#include "ming/base/log_event.h"
#include "ming/base/log_gate.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/codec/reverse_line.h"
#include "ming/reverse/client_core.h"
#include "ming/reverse/reverse_counters.h"
#include "ming/reverse/server_core.h"
#include "ming/tunnel/relay.h"

namespace ming::reverse {

// One line of kind `stats`.
LogEvent StatsEvent(const ReverseCounters& counters);
// At the begin of an orderly stop.
LogEvent ShutdownEvent(size_t active);

// Writes nothing twice; lines that strangers cause are held back beyond a rate.
class ServerLog {
 public:
  void Write(const ClientUp& event);
  void Write(const ClientDown& event);
  void Write(Timestamp now, const ClientBusy& event);
  void Write(const ConnNew& event);
  void Write(const ConnPaired& event);
  void Write(const ConnEnd& event, const tunnel::RelayCounts& counts);
  void Write(Timestamp now, const DataRejected& event);

 private:
  LogGate busy_{LogGateRule()};
  LogGate rejected_{LogGateRule()};
};

class ClientLog {
 public:
  // `server` and `id`: of this client.
  ClientLog(std::string server, std::string id) : server_(std::move(server)), id_(std::move(id)) {}

  void Write(const client::ControlUp& event);
  void Write(const client::ControlDown& event);
  void Write(const client::ReconnectWait& event);
  void Write(const client::ConnNew& event);
  void Write(const client::ConnPaired& event);
  void Write(const client::ConnEnd& event, const tunnel::RelayCounts& counts);
  void WriteDialFailed(Timestamp now, codec::ReverseReason reason, const std::string& target,
                       const Status& why);

 private:
  const std::string server_;
  const std::string id_;
  LogGate dial_failed_{LogGateRule()};
};

}  // namespace ming::reverse

#endif  // MING_REVERSE_REVERSE_LOG_H_
