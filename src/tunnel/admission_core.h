// AdmissionCore: which local connections are taken, which wait for a path and for how long, which
// are refused. Pure; the forwarder holds the sockets.
#ifndef MING_TUNNEL_ADMISSION_CORE_H_
#define MING_TUNNEL_ADMISSION_CORE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "ming/base/event_queue.h"
#include "ming/base/status.h"
#include "ming/base/strong_id.h"
#include "ming/base/time.h"

namespace ming::tunnel {

struct ConnectionIdTag;
// Never used twice in one forwarder.
using ConnectionId = StrongId<ConnectionIdTag, uint64_t>;

struct AdmissionOptions {
  // Connections at once, waiting ones included. Below the 32767 channels that one SCTP association
  // gives its opener.
  size_t max_connections = 16384;
  // Connections that wait for a path, and how long: one more, or longer, is refused.
  size_t max_waiting = 1024;
  Duration max_wait = std::chrono::seconds(10);
};

// All problems of `options` in one kInvalidArgument.
Status Validate(const AdmissionOptions& options);

// Exactly one for each connection that did not leave before.
struct AdmissionEvent {
  ConnectionId id;
  // Ok: open a channel now. Else: refuse, for this reason; the connection is forgotten.
  Status refusal;
};

class AdmissionCore {
 public:
  // Without a path. CHECKs that `options` validates.
  explicit AdmissionCore(const AdmissionOptions& options);

  // A connection came. Its event may be queued at once.
  ConnectionId HandleArrival(Timestamp now);
  // A connection ended, before or after its event. Unknown ids are ignored while they wait.
  void HandleDeparture(ConnectionId id);
  void HandlePathUp();
  void HandlePathDown() { path_up_ = false; }
  // Refuses what waits, and everything that comes from now on.
  void HandleDrain();
  void HandleTimeout(Timestamp now);
  Timestamp NextTimeout() const;
  std::optional<AdmissionEvent> PollEvent();

  size_t waiting() const { return waiting_.size(); }
  // Admitted and not departed.
  size_t admitted() const { return admitted_; }

 private:
  struct Waiting {
    ConnectionId id;
    Timestamp deadline;
  };

  void Admit(ConnectionId id);
  void Refuse(ConnectionId id, StatusCode code, const char* reason);

  const AdmissionOptions options_;
  std::deque<Waiting> waiting_;  // in the order of arrival, so of deadlines
  EventQueue<AdmissionEvent> events_;
  size_t admitted_ = 0;
  uint64_t last_id_ = 0;
  bool path_up_ = false;
  bool draining_ = false;
};

}  // namespace ming::tunnel

#endif  // MING_TUNNEL_ADMISSION_CORE_H_
