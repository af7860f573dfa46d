// SignalingServerCore: who may register, who may speak as whom, and where each message goes
// (ming-protocol, section 2). Pure: connections are numbers, time is an argument.
#ifndef MING_SIGNALING_SIGNALING_SERVER_CORE_H_
#define MING_SIGNALING_SIGNALING_SERVER_CORE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "ming/base/bytes.h"
#include "ming/base/event_queue.h"
#include "ming/base/ip_address.h"
#include "ming/base/secret.h"
#include "ming/base/strong_id.h"
#include "ming/base/time.h"
#include "ming/codec/signaling_message.h"
#include "ming/signaling/signaling_admission.h"
#include "ming/signaling/signaling_server_options.h"
#include "ming/signaling/token_bucket.h"

namespace ming::signaling {

struct ConnectionTag;
using ConnectionId = StrongId<ConnectionTag, uint64_t>;

enum class SignalingClose {
  kPolicy,     // broke a rule, or may not have its ID: come back and it is the same again
  kMalformed,  // not a signaling message
  kTimeout,    // no first message, or no answer to a probe
  kGoingAway,  // the server stops
};

// Text to be sent. Where it does not fit into the connection's queue it is lost (HandleLost); a
// reader that stays behind for long is closed.
struct SendText {
  ConnectionId connection;
  std::string text;
};
// Close after what was sent before; HandleClosed follows.
struct CloseConnection {
  ConnectionId connection;
  SignalingClose why;
  std::string reason;
};
// Send a ping; its pong comes back by HandlePong.
struct ProbeConnection {
  ConnectionId connection;
};
// Stop reading the connection.
struct PauseConnection {
  ConnectionId connection;
};
// Read it again.
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

// The first three are gauges, the rest counts since the start.
struct SignalingServerMetrics {
  uint64_t connections = 0;
  uint64_t hosts = 0;
  uint64_t clients = 0;
  uint64_t connections_total = 0;
  uint64_t hosts_registered_total = 0;
  uint64_t messages_received_total = 0;
  uint64_t messages_forwarded_total = 0;
  uint64_t errors_sent_total = 0;       // `error` messages made by this server
  uint64_t unknown_target_total = 0;    // no or an unknown target_id
  uint64_t malformed_total = 0;         // not a signaling message
  uint64_t spoofed_total = 0;           // a sender_id that is not the connection's own
  uint64_t id_conflicts_total = 0;      // IDs refused because somebody else has them
  uint64_t holders_replaced_total = 0;  // dead holders of an ID, found by a probe
  uint64_t ids_resumed_total = 0;       // IDs that their own process took back at once
  uint64_t throttled_total = 0;         // pauses by the message rate
  uint64_t lost_messages_total = 0;     // for readers whose queue was full
  uint64_t slow_readers_total = 0;      // closed because it stayed full
  uint64_t refused_token_total = 0;     // HTTP 401
  uint64_t refused_origin_total = 0;    // HTTP 403
  uint64_t refused_rate_total = 0;      // HTTP 429
  uint64_t refused_full_total = 0;      // HTTP 503
};

class SignalingServerCore {
 public:
  // CHECKs that `options` validate.
  explicit SignalingServerCore(const SignalingServerCoreOptions& options);
  ~SignalingServerCore();
  SignalingServerCore(const SignalingServerCore&) = delete;
  SignalingServerCore& operator=(const SignalingServerCore&) = delete;

  // Decides about a request for an upgrade; nothing: it may go on. Counts refused tokens.
  std::optional<SignalingRefusal> CheckRequest(Timestamp now, const SignalingRequest& request);

  // The request that passed was upgraded. `connection` was never used before.
  void HandleConnected(Timestamp now, ConnectionId connection, const SignalingRequest& request);
  // Hostile input: any bytes. Ignored where the connection is being closed or is unknown.
  void HandleMessage(Timestamp now, ConnectionId connection, ByteSpan wire);
  void HandlePong(Timestamp now, ConnectionId connection);
  // A SendText found no room.
  void HandleLost() { ++metrics_.lost_messages_total; }
  // As HandleClosed, for a reader that never caught up.
  void HandleTooSlow(Timestamp now, ConnectionId connection);
  // The connection is gone, for whatever reason. Nothing more is asked of it.
  void HandleClosed(Timestamp now, ConnectionId connection);
  // Closes every connection with kGoingAway; further ones are refused.
  void Shutdown(Timestamp now);

  // Early or repeated calls are harmless.
  void HandleTimeout(Timestamp now);
  // Timestamp::Max() when idle.
  Timestamp NextTimeout() const;
  // Drain after every call above.
  std::optional<SignalingServerEvent> PollEvent();

  const SignalingServerMetrics& metrics() const { return metrics_; }
  // CHECKs what ties the tables together; for tests and fuzzing.
  void CheckConsistent() const;

 private:
  enum class State : uint8_t {
    kNew,      // no message yet
    kWaiting,  // wants an ID whose holder is being probed
    kHost,
    kClient,
    kClosing,  // CloseConnection was queued
  };
  // Hosts and clients have an ID space each: a client never shadows a host.
  enum class Kind : uint8_t { kHost, kClient };
  struct Connection {
    Connection(ConnectionId connection_id, const TokenBucket& full)
        : self(connection_id), messages(full) {}

    ConnectionId self;
    State state = State::kNew;
    Kind kind = Kind::kClient;  // of a waiting connection: what it wants to be
    bool paused_by_rate = false;
    std::string id;  // own, or wanted; empty in kNew
    IpAddress source;
    SignalingGrant grant;
    Secret resume_secret;  // empty: none was shown
    TokenBucket messages;
    Timestamp deadline = Timestamp::Max();      // first message, or answer of the holder
    Timestamp resume_at = Timestamp::Max();     // end of a pause by the rate
    std::optional<ConnectionId> challenger;     // who waits for our ID
    std::optional<ConnectionId> holder;         // whose ID we wait for
    std::vector<codec::SignalingMessage> held;  // came while waiting, the first one included
  };
  using IdTable = std::map<std::string, ConnectionId, std::less<>>;

  Connection* Find(ConnectionId connection);
  IdTable& Ids(Kind kind) { return kind == Kind::kHost ? hosts_ : clients_; }

  void HandleFirst(Timestamp now, Connection& connection, codec::SignalingMessage message);
  void HandleNext(Connection& connection, codec::SignalingMessage message);
  void Claim(Timestamp now, Connection& connection, codec::SignalingMessage message);
  void TakeId(Connection& connection);
  void Forward(Connection& from, const codec::SignalingMessage& message);

  void MoveId(Connection& holder, Connection& successor);
  void BeginProbe(Timestamp now, Connection& challenger, Connection& holder);
  void FinishProbe(Connection& challenger);
  void NoteAlive(Connection& holder);
  void GiveUpId(Connection& connection);
  void RefuseTaken(Connection& connection);
  void RefuseHostId(Connection& client);

  void ChargeMessage(Timestamp now, Connection& connection);
  void SendError(const Connection& to, const std::string& text);
  void Refuse(Connection& connection, SignalingClose why, const std::string& reason);
  void CloseNow(Connection& connection, SignalingClose why, const std::string& reason);
  void SetDeadline(Connection& connection, Timestamp when);
  void SetResume(Connection& connection, Timestamp when);
  void Rearm(Connection& connection, Timestamp& slot, Timestamp when);
  void HandleDeadline(Connection& connection);

  SignalingServerCoreOptions options_;
  TokenBucketRule message_rule_;
  SignalingAdmission admission_;
  SignalingServerMetrics metrics_;
  bool shut_down_ = false;
  std::unordered_map<ConnectionId, Connection> connections_;
  // Ordered maps: keys that a peer chooses cannot be made to collide.
  IdTable hosts_;
  IdTable clients_;
  std::set<std::pair<Timestamp, ConnectionId>> timers_;
  EventQueue<SignalingServerEvent> events_;
};

}  // namespace ming::signaling

#endif  // MING_SIGNALING_SIGNALING_SERVER_CORE_H_
