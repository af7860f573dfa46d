// ClientCore: the client's half of RT1: keeping the control connection, answering announcements
// with data connections, dialling the target, and giving each of them up in time.
#ifndef MING_REVERSE_CLIENT_CORE_H_
#define MING_REVERSE_CLIENT_CORE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "ming/base/bytes.h"
#include "ming/base/event_queue.h"
#include "ming/base/random.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/codec/reverse_line.h"
#include "ming/reverse/client_core_options.h"
#include "ming/reverse/client_events.h"
#include "ming/reverse/conn_table.h"
#include "ming/reverse/control_watch.h"
#include "ming/reverse/line_reader.h"
#include "ming/reverse/reconnect.h"
#include "ming/reverse/reverse_types.h"
#include "ming/reverse/token_auth.h"

namespace ming::reverse {

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
  // `why`: kDone, kReset or kIdle. `has_link`: that of a relay with pieces is free again; it is
  // dropped, unless KeepLink is among the events.
  void HandleRelayDone(Timestamp now, codec::ReverseConnId conn, codec::ReverseReason why,
                       bool has_link = false);

  // Early or repeated calls are harmless.
  void HandleTimeout(Timestamp now);
  // Timestamp::Max() when idle.
  Timestamp NextTimeout() const;
  std::optional<client::Event> PollEvent() { return events_.Poll(); }

  bool control_up() const { return control_ == Control::kUp; }
  // Of callers.
  size_t conn_count() const { return conns_.size() - conns_.ahead_count(); }
  // Opened, or being opened, for callers to come.
  size_t ahead_count() const { return conns_.ahead_count(); }
  size_t relay_count() const { return conns_.relay_count(); }
  // For tests and fuzzers, after any call.
  bool IsConsistent() const;

 private:
  enum class Control { kNew, kDialing, kGreeting, kUp, kWaiting, kEnded };
  using Conn = ConnTable::Conn;
  using Stage = ConnTable::Stage;

  void Dial();
  // There is a control connection, or a dial for one.
  bool HasControl() const;
  void HandleReply(Timestamp now, std::string_view line);
  void HandleRefusal(Timestamp now, const codec::ReverseErr& err);
  void HandleMessage(Timestamp now, std::string_view line);
  void HandleNewConn(Timestamp now, const codec::ReverseNewConn& message);
  void HandleAhead(Timestamp now, codec::ReverseConnId id);
  Conn& AddAhead(Timestamp now, codec::ReverseConnId id);
  void HandleClose(Timestamp now, const codec::ReverseClose& close);
  void HandleBye(Timestamp now, codec::ReverseReason reason);
  void SayBye(codec::ReverseReason why);
  void SendMessage(Timestamp now, const codec::ReverseMessage& message);

  // False: not ours to carry.
  bool SetCaller(Conn& conn, const codec::ReverseParams& params) const;
  bool DialsFirst(const Conn& conn) const {
    return options_.dial_first && conn.kind == CallerKind::kStream;
  }
  void HandleLinkReply(Timestamp now, Conn& conn, std::string_view line);
  // The caller has come for whom the connection was opened. False: refused, and gone.
  bool BeginCaller(Timestamp now, Conn& conn, const codec::ReverseParams& params);
  // Its last caller has left the link, which waits for another one.
  void WaitAhead(Timestamp now, codec::ReverseConnId id);
  void StartRelaying(Timestamp now, Conn& conn);
  // These three end `conn`. Of the first the server is told by CLOSE.
  void Fail(Timestamp now, const Conn& conn, codec::ReverseReason why);
  void Drop(Timestamp now, const Conn& conn, codec::ReverseReason why);
  void Remove(Timestamp now, const Conn& conn, codec::ReverseReason why);
  void Abort(Conn& conn, codec::ReverseReason why);
  void ExpireConn(Timestamp now, Conn& conn);
  void LeaveConns(Timestamp now, Orphans orphans);

  // The control connection is gone, or we end it.
  void LoseControl(Timestamp now, const Status& why, Duration least_delay);
  void End(Timestamp now, ClientEnd end, const Status& why);
  void CompleteEnd();

  const ClientCoreOptions options_;
  Random& random_;
  const TokenKey* const token_;
  EventQueue<client::Event> events_;
  Control control_ = Control::kNew;
  LineReader reader_;
  std::optional<ControlWatch> watch_;              // while kUp
  Timestamp control_deadline_ = Timestamp::Max();  // of kGreeting and kWaiting
  Reconnect reconnect_;
  size_t ahead_limit_ = 0;  // of this session
  bool reuse_ = false;      // of this session
  uint64_t session_ = 0;    // so far
  ConnTable conns_;
  std::optional<client::Ended> ended_;  // told when the last relay has ended
};

}  // namespace ming::reverse

#endif  // MING_REVERSE_CLIENT_CORE_H_
