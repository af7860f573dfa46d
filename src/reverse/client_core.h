// ClientCore: the client's half of RT1: keeping the control connection, answering announcements
// with data connections, dialling the target, and giving each of them up in time.
#ifndef MING_REVERSE_CLIENT_CORE_H_
#define MING_REVERSE_CLIENT_CORE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "ming/base/bytes.h"
#include "ming/base/random.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/codec/reverse_line.h"
#include "ming/reverse/control_watch.h"
#include "ming/reverse/line_reader.h"
#include "ming/reverse/reverse_types.h"
#include "ming/reverse/token_auth.h"

namespace ming::reverse {

// How the client comes back after a loss.
struct ReconnectOptions {
  bool enabled = true;
  // The k-th delay is least * 2^k, at most `most`, times 0.8 to 1.2. 10 ms to 24 h.
  Duration least = std::chrono::milliseconds(500);
  Duration most = std::chrono::seconds(30);
  // Attempts without success before it gives up; 0: never.
  size_t count = 0;
  bool after_replace = false;
  bool after_refusal = false;  // of the token or the certificate
};

struct ClientCoreOptions {
  // [A-Za-z0-9._-], 1 to 64 bytes.
  std::string id = "default";
  // Groups that the client belongs to, each like an id; at most 8.
  std::vector<std::string> labels;
  // From connecting on B to the reply, 10 ms to 10 min.
  Duration handshake_timeout = std::chrono::seconds(5);
  // How long relays may go on after a loss of control or a stop, 0 to 24 h.
  Duration drain_timeout = std::chrono::seconds(5);
  // Connections at once, dialling ones included, 1 to 1,000,000.
  size_t max_conns = 4096;
  Orphans orphans = Orphans::kDrain;
  // Offers the server to carry datagrams as well.
  bool udp = false;
  // Data connections that it opens before there is a caller, at most; the server asks for them as
  // it needs them. They count as connections. 0: none, and none is offered; at most kMaxAhead. Not
  // with dial_first.
  size_t ahead = 0;
  // The target of a stream is dialled before the data connection, so that one that does not answer
  // costs none.
  bool dial_first = false;
  ReconnectOptions reconnect;

  // All problems at once, one a line; ok when there are none.
  Status Validate() const;
};

enum class ClientEnd {
  kStopped,
  kServerLost,
  kRefused,
  kReplaced,
};

namespace client {

// What the shell does, in this order.
struct DialControl {};  // HandleControlConnected or HandleControlEnd follows
struct SendControl {
  std::string text;  // with LF
};
struct EndControl {};  // in order, behind what was sent; or the dial is given up
struct DialServer {    // HandleLinkConnected or HandleLinkEnd follows
  codec::ReverseConnId conn;
};
struct SendLink {
  codec::ReverseConnId conn;
  std::string text;
};
struct DialTarget {  // HandleTargetConnected or HandleTargetFailed follows; the link is not read
  codec::ReverseConnId conn;
  std::string source;  // the caller, "address:port"
  CallerKind kind = CallerKind::kStream;
};
struct StartRelay {  // HandleRelayDone follows
  codec::ReverseConnId conn;
};
struct AbortRelay {
  codec::ReverseConnId conn;
};
struct DropConn {  // all that belongs to it, with a reset
  codec::ReverseConnId conn;
};
struct Ended {  // once, and last
  ClientEnd end = ClientEnd::kStopped;
  Status why;
};

// For the log and the counters; nothing is to be done.
struct ControlUp {
  std::string session;
  bool udp = false;  // both ends carry datagrams
  size_t ahead = 0;  // connections ahead of need that the server may ask for
};
struct ControlDown {
  Status why;
};
struct ReconnectWait {
  Duration delay;
};
struct ConnNew {
  codec::ReverseConnId conn;
  std::string source;
  CallerKind kind = CallerKind::kStream;
};
struct ConnPaired {
  codec::ReverseConnId conn;
  Duration waited;     // since the announcement
  bool ahead = false;  // its data connection was there before
};
struct ConnEnd {  // once for each ConnNew
  codec::ReverseConnId conn;
  codec::ReverseReason reason;
  Duration age;
  bool spent = false;  // the id: the server knows it no more
};

using Event = std::variant<DialControl, SendControl, EndControl, DialServer, SendLink, DialTarget,
                           StartRelay, AbortRelay, DropConn, Ended, ControlUp, ControlDown,
                           ReconnectWait, ConnNew, ConnPaired, ConnEnd>;

}  // namespace client

// Every Handle method may queue events; drain them with PollEvent after each. Reports about
// connections that have ended are ignored.
class ClientCore {
 public:
  // CHECKs that `options` validates. `random` outlives the core, as does `token`, which it proves
  // to the server; null: none.
  ClientCore(const ClientCoreOptions& options, Random& random, const TokenKey* token = nullptr);

  // Call it once, first.
  void Start(Timestamp now);
  // Ends in order; Ended follows when the last relay has ended.
  void Stop(Timestamp now);

  void HandleControlConnected(Timestamp now);
  // The next bytes; returns how many were taken. Call again with what follows, after the events.
  // 0: the connection ends.
  size_t HandleControlBytes(Timestamp now, ByteSpan bytes);
  // It ended, failed, or could not be made. kPermissionDenied: we refuse the server, for good as it
  // would refuse us.
  void HandleControlEnd(Timestamp now, const Status& why);

  void HandleLinkConnected(Timestamp now, codec::ReverseConnId conn);
  // As HandleControlBytes. 0: what follows is the relay's, or the connection is dropped.
  size_t HandleLinkBytes(Timestamp now, codec::ReverseConnId conn, ByteSpan bytes);
  void HandleLinkEnd(Timestamp now, codec::ReverseConnId conn);

  void HandleTargetConnected(Timestamp now, codec::ReverseConnId conn);
  // It was not reached; or, where it is dialled first, was lost before the relay began.
  void HandleTargetFailed(Timestamp now, codec::ReverseConnId conn, codec::ReverseReason why);
  // No connection could be made for want of descriptors or the like.
  void HandleNoResources(Timestamp now, codec::ReverseConnId conn);
  // `why`: kDone, kReset or kIdle.
  void HandleRelayDone(Timestamp now, codec::ReverseConnId conn, codec::ReverseReason why);

  // Early or repeated calls are harmless.
  void HandleTimeout(Timestamp now);
  // Timestamp::Max() when idle.
  Timestamp NextTimeout() const;
  std::optional<client::Event> PollEvent();

  bool control_up() const { return control_ == Control::kUp; }
  // Of callers.
  size_t conn_count() const { return conns_.size() - aheads_; }
  // Opened, or being opened, for callers to come.
  size_t ahead_count() const { return aheads_; }
  size_t relay_count() const { return relays_; }
  // For tests and fuzzers, after any call.
  bool IsConsistent() const;

 private:
  enum class Control { kNew, kDialing, kGreeting, kUp, kWaiting, kEnded };
  enum class Stage { kDialingServer, kGreeting, kDialingTarget, kRelaying };
  struct Conn {
    Stage stage = Stage::kDialingServer;
    CallerKind kind = CallerKind::kStream;
    std::string source;
    Timestamp since;
    Timestamp deadline = Timestamp::Max();
    LineReader reader;
    std::optional<codec::ReverseReason> aborted_for;
    bool spent = false;  // the id
    bool ahead = false;  // was opened for a caller to come
    bool has_caller = true;
  };
  using Conns = std::unordered_map<codec::ReverseConnId, Conn>;

  void Dial();
  void HandleReply(Timestamp now, std::string_view line);
  void HandleRefusal(Timestamp now, const codec::ReverseErr& err);
  void HandleMessage(Timestamp now, std::string_view line);
  void HandleNewConn(Timestamp now, const codec::ReverseNewConn& message);
  void HandleBye(Timestamp now, codec::ReverseReason reason);
  void HandleAhead(Timestamp now, codec::ReverseConnId conn);
  // The caller has come for whom the connection was opened.
  void BeginCaller(Timestamp now, Conns::iterator conn, const codec::ReverseParams& params);
  // False: not ours to carry.
  bool SetCaller(Conn& conn, const codec::ReverseParams& params) const;
  bool DialsFirst(const Conn& conn) const {
    return options_.dial_first && conn.kind == CallerKind::kStream;
  }
  void StartRelaying(Timestamp now, Conns::iterator conn);
  void HandleLinkReply(Timestamp now, Conns::iterator conn, std::string_view line);
  void SayBye(codec::ReverseReason why);
  void SendMessage(Timestamp now, const codec::ReverseMessage& message);
  void SetDeadline(codec::ReverseConnId id, Conn& conn, Timestamp deadline);
  // CLOSE with this reason goes to the server.
  void Fail(Timestamp now, Conns::iterator conn, codec::ReverseReason why);
  void Drop(Timestamp now, Conns::iterator conn, codec::ReverseReason why);
  Conns::iterator Remove(Timestamp now, Conns::iterator conn, codec::ReverseReason why);
  void Abort(codec::ReverseConnId id, Conn& conn, codec::ReverseReason why);
  // The control connection is gone, or we end it.
  void LoseControl(Timestamp now, const Status& why, Duration least_delay);
  Duration NextDelay();
  void LeaveConns(Timestamp now, Orphans orphans);
  void End(Timestamp now, ClientEnd end, const Status& why);
  void CompleteEnd();
  void ExpireConn(Timestamp now, Conns::iterator conn);

  const ClientCoreOptions options_;
  Random& random_;
  const TokenKey* const token_;
  std::deque<client::Event> events_;
  Control control_ = Control::kNew;
  LineReader reader_;
  std::optional<ControlWatch> watch_;  // while kUp
  Timestamp up_since_;
  Timestamp control_deadline_ = Timestamp::Max();  // of kGreeting and kWaiting
  size_t failures_ = 0;                            // in a row
  Conns conns_;
  size_t relays_ = 0;
  size_t aheads_ = 0;       // connections without a caller
  size_t ahead_limit_ = 0;  // of this session
  std::set<std::pair<Timestamp, codec::ReverseConnId>> deadlines_;
  std::optional<client::Ended> ended_;  // told when the last relay has ended
};

}  // namespace ming::reverse

#endif  // MING_REVERSE_CLIENT_CORE_H_
