// SignalingServerCore: who may register, who may speak as whom, and where each message goes
// (ming-protocol, section 2). Pure: connections are numbers, time is an argument.
#ifndef MING_SIGNALING_SIGNALING_SERVER_CORE_H_
#define MING_SIGNALING_SIGNALING_SERVER_CORE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "ming/base/bytes.h"
#include "ming/base/ip_address.h"
#include "ming/base/secret.h"
#include "ming/base/strong_id.h"
#include "ming/base/time.h"

namespace ming::signaling {

struct ConnectionTag;
using ConnectionId = StrongId<ConnectionTag, uint64_t>;

struct SignalingServerCoreOptions {
  // Bearer tokens that are let in; none: everybody is.
  std::vector<Secret> valid_tokens;
  // A host ID that is registered with this token only. Such a token lets its connection in even
  // where valid_tokens does not name it, but then only as that host.
  std::map<std::string, Secret> host_tokens;
  // Values of the Origin header that are let in, compared without case; "*": all. A request without
  // Origin is not a browser's and always passes.
  std::vector<std::string> allowed_origins = {"*"};

  // Longest message taken, bytes, 1 KiB to 1 MiB. The SDP of a host with many addresses is beyond
  // the 10,240 bytes of the original.
  size_t max_message_size = 64 * 1024;
  // Longest ID, bytes, 1 to 256.
  size_t max_id_length = 128;
  // Established connections at once, 1 to 1,000,000.
  size_t max_connections = 16'384;
  // The same for one source: an IPv4 address or an IPv6 /64. Loopback, where reverse proxies
  // connect from, is not limited. 1 to 1,000,000.
  size_t max_connections_per_source = 1'024;
  // Messages of one connection: a bucket of `burst` that fills with `rate` a second. Where it is
  // empty the connection is not read for a moment, so nothing is lost. A host that answers many
  // clients at once sends a dozen messages for each.
  double message_rate = 100.0;   // 0.1 to 1e6
  double message_burst = 500.0;  // 1 to 1e6
  // Refused tokens of one source: so many at once, one more each `auth_failure_refill`; beyond that
  // its requests get HTTP 429. Loopback is not limited. 1 to 10,000.
  size_t auth_failure_burst = 20;
  Duration auth_failure_refill = std::chrono::seconds(6);
  // From the upgrade to the first message.
  Duration first_message_timeout = std::chrono::seconds(10);
  // How long the holder of an ID that somebody else wants to register has to answer a ping.
  Duration probe_timeout = std::chrono::seconds(2);
};

// All problems of `options`, one sentence each; empty: valid.
std::vector<std::string> Validate(const SignalingServerCoreOptions& options);

// What is known of a connection before its upgrade.
struct SignalingRequest {
  IpAddress source;
  std::string_view origin;         // empty: none
  std::string_view authorization;  // the Authorization header; empty: none
};

// An HTTP status (401, 403, 429, 503) and its sentence.
struct SignalingRefusal {
  int status = 0;
  std::string text;
};

enum class CloseWhy {
  kPolicy,     // broke a rule: close code 1008
  kTimeout,    // no first message, or no answer to a probe: 1008
  kMalformed,  // not a signaling message: 1007
  kGoingAway,  // the server stops: 1001
};

// Text to be sent; what does not fit into the connection's queue closes it (a slow reader).
struct SendText {
  ConnectionId connection;
  std::string text;
};
// Close after what was sent before; HandleClosed follows.
struct CloseConnection {
  ConnectionId connection;
  CloseWhy why;
  std::string reason;  // at most 123 bytes
};
// Send a ping; its pong comes back by HandlePong.
struct ProbeConnection {
  ConnectionId connection;
};
// Stop reading the connection, or read on.
struct PauseConnection {
  ConnectionId connection;
};
struct ResumeConnection {
  ConnectionId connection;
};
struct HostRegistered {
  ConnectionId connection;
  std::string id;
};
struct HostRemoved {
  ConnectionId connection;
  std::string id;
};
using SignalingServerEvent =
    std::variant<SendText, CloseConnection, ProbeConnection, PauseConnection, ResumeConnection,
                 HostRegistered, HostRemoved>;

// Counters since the start, and gauges (the first three).
struct SignalingServerMetrics {
  uint64_t connections = 0;
  uint64_t hosts = 0;
  uint64_t clients = 0;
  uint64_t connections_total = 0;
  uint64_t hosts_registered_total = 0;
  uint64_t messages_received_total = 0;
  uint64_t messages_forwarded_total = 0;
  uint64_t errors_sent_total = 0;       // `error` messages of this server
  uint64_t unknown_target_total = 0;    // no or unknown target_id
  uint64_t malformed_total = 0;         // not a signaling message
  uint64_t spoofed_total = 0;           // a sender_id that is not the connection's own
  uint64_t id_conflicts_total = 0;      // registrations refused because the ID is taken
  uint64_t holders_replaced_total = 0;  // dead holders of an ID that a probe removed
  uint64_t throttled_total = 0;         // pauses by the message rate
  uint64_t refused_token_total = 0;     // 401
  uint64_t refused_origin_total = 0;    // 403
  uint64_t refused_rate_total = 0;      // 429
  uint64_t refused_full_total = 0;      // 503
};

class SignalingServerCore {
 public:
  // CHECKs that `options` validate.
  explicit SignalingServerCore(const SignalingServerCoreOptions& options);

  // Decides about a request for an upgrade; nothing: it may go on. Counts failed tokens.
  std::optional<SignalingRefusal> CheckRequest(Timestamp now, const SignalingRequest& request);

  // A connection was upgraded. `connection` was never used before.
  void HandleConnected(Timestamp now, ConnectionId connection, const SignalingRequest& request);
  // Hostile input: any bytes. A connection that is unknown or being closed is ignored.
  void HandleMessage(Timestamp now, ConnectionId connection, ByteSpan wire);
  void HandlePong(Timestamp now, ConnectionId connection);
  // The connection is gone, for whatever reason.
  void HandleClosed(Timestamp now, ConnectionId connection);
  // Closes every connection with kGoingAway; nothing is accepted any more.
  void Shutdown(Timestamp now);

  void HandleTimeout(Timestamp now);
  Timestamp NextTimeout() const;
  std::optional<SignalingServerEvent> PollEvent();

  const SignalingServerMetrics& metrics() const { return metrics_; }
  // CHECKs the invariants that tie the tables together; for tests and fuzzing.
  void CheckConsistent() const;

 private:
  enum class State : uint8_t {
    kNew,      // no message yet
    kWaiting,  // wants an ID whose holder is being probed
    kHost,
    kClient,
    kClosing,  // CloseConnection was queued
  };
  struct Connection;
  struct Source;
  struct Timer {
    Timestamp when;
    ConnectionId connection;
  };

  SignalingServerCoreOptions options_;
  SignalingServerMetrics metrics_;
};

}  // namespace ming::signaling

#endif  // MING_SIGNALING_SIGNALING_SERVER_CORE_H_
