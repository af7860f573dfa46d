// ServerCore: the server's half of RT1: who the client is, which caller waits, which data
// connection belongs to which caller, and when each of them is given up. What comes on port B is
// hostile input until its first line is accepted.
#ifndef MING_REVERSE_SERVER_CORE_H_
#define MING_REVERSE_SERVER_CORE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "ming/base/bytes.h"
#include "ming/base/random.h"
#include "ming/base/time.h"
#include "ming/codec/reverse_line.h"
#include "ming/reverse/ahead_pool.h"
#include "ming/reverse/asked_ahead.h"
#include "ming/reverse/control_watch.h"
#include "ming/reverse/handshakes.h"
#include "ming/reverse/line_reader.h"
#include "ming/reverse/reverse_types.h"
#include "ming/reverse/server_core_options.h"
#include "ming/reverse/token_auth.h"

namespace ming::reverse {

// What the shell does, in this order.
struct SendLine {
  LinkId link;
  std::string text;  // with LF
};
struct EndLink {  // in order, behind what was sent
  LinkId link;
};
struct ResetCaller {
  CallerId caller;
};
// Somebody who came to port A.
struct WaitingCaller {
  size_t listener = 0;
  CallerKind kind = CallerKind::kStream;
  std::string source;
  Timestamp since;
  Timestamp deadline;
};
struct StartRelay {  // the link is the relay's from here on; HandleRelayDone or HandleLinkDead
  CallerId caller;
  LinkId link;
  std::string reply;  // the last line of the link, which the first bytes may follow in one segment
  // Of a link that was opened ahead of need: whom it gets.
  std::optional<WaitingCaller> ahead;
};
struct AbortRelay {
  CallerId caller;
};
struct StopListening {};  // port A
struct ServerStopped {};  // once, and last

// For the log and the counters; nothing is to be done.
struct ClientUp {
  LinkId link;
  std::string id;
  std::string session;
  std::string address;
  bool chosen = true;  // false: no listener is for its id or its labels
};
struct ClientDown {
  std::string id;
  codec::ReverseReason reason;
};
struct ClientBusy {  // a second client was refused
  std::string id;
  std::string address;
};
struct ConnNew {
  CallerId caller;
  std::string source;
  CallerKind kind = CallerKind::kStream;
};
struct ConnPaired {
  CallerId caller;
  codec::ReverseConnId conn;
  Duration waited;
  bool ahead = false;  // its data connection was there before
};
struct ConnEnd {  // once for each ConnNew
  CallerId caller;
  std::optional<codec::ReverseConnId> conn;  // the last one announced
  codec::ReverseReason reason;
  Duration age;
  bool spent = false;  // the id: it was paired
};
struct DataRejected {  // or any other first line on B
  std::string address;
  codec::ReverseError error;
};

using ServerEvent = std::variant<SendLine, EndLink, ResetCaller, StartRelay, AbortRelay,
                                 StopListening, ServerStopped, ClientUp, ClientDown, ClientBusy,
                                 ConnNew, ConnPaired, ConnEnd, DataRejected>;

// Every Handle method may queue events; drain them with PollEvent after each.
class ServerCore {
 public:
  // CHECKs that `options` validates. `random` is unpredictable and outlives the core, as does
  // `token`, which every link has to prove; null: none.
  ServerCore(const ServerCoreOptions& options, Random& random, const TokenKey* token = nullptr);

  // Port A: `listener` counts from 0, `source` is "address:port". The caller is not read before
  // StartRelay.
  void HandleCaller(Timestamp now, CallerId caller, size_t listener, const std::string& source,
                    CallerKind kind = CallerKind::kStream);
  // Its connection failed; not for the end of its direction.
  void HandleCallerGone(Timestamp now, CallerId caller);

  // Port B. `address` is without port.
  void HandleLink(Timestamp now, LinkId link, const std::string& address);
  // Whose certificate the link showed, if it is trusted. Before its first bytes.
  void HandleLinkName(LinkId link, const std::string& name);
  // The next bytes of a link; returns how many were taken. 0: it is the relay's or ends. Otherwise
  // call again with what follows, after the events.
  size_t HandleLinkBytes(Timestamp now, LinkId link, ByteSpan bytes);
  // It ended or failed. Not for links of relays.
  void HandleLinkEnd(Timestamp now, LinkId link);

  // In place of HandleRelayDone, before a byte of the caller was taken: the link took no reply. The
  // caller of one that was opened ahead of need gets another one.
  void HandleLinkDead(Timestamp now, const StartRelay& start);
  // `why`: kDone, kReset or kIdle.
  void HandleRelayDone(Timestamp now, CallerId caller, codec::ReverseReason why);

  // Accepts nothing more; ServerStopped follows when the last relay has ended.
  void Stop(Timestamp now);

  // Early or repeated calls are harmless.
  void HandleTimeout(Timestamp now);
  // Timestamp::Max() when idle.
  Timestamp NextTimeout() const;
  std::optional<ServerEvent> PollEvent();

  size_t pending_count() const { return pending_.size(); }
  size_t active_count() const { return relays_.size(); }
  size_t client_count() const { return sessions_.size(); }
  // Links that wait for callers to come.
  size_t ahead_count() const { return waiting_links_.size(); }
  // For tests and fuzzers, after any call.
  bool IsConsistent() const;

 private:
  using Origin = Handshakes::Origin;
  // What the first line of a control connection says.
  struct Client {
    LinkId link;
    std::string address;
    std::string id;
    std::vector<std::string> labels;
    bool udp = false;
    size_t ahead = 0;
  };
  struct Session {
    Client client;
    std::string name;  // 16 hexadecimal digits
    ControlWatch watch;
    LineReader reader;
    AheadPool pool;
    size_t callers = 0;  // announced to it, or relayed
    // Others of the same place wait for its sign of life until then.
    Timestamp probe_deadline = Timestamp::Max();
    std::vector<Client> newcomers;
  };
  // WAITING without an announcement, ANNOUNCED with one. Deadlines are in the order of the ids.
  struct Announcement {
    codec::ReverseConnId conn;
    LinkId session;
  };
  struct Pending : WaitingCaller {
    std::optional<Announcement> announcement;
  };
  struct Relay {
    Timestamp since;  // of the accept
    Announcement announcement;
    Timestamp deadline = Timestamp::Max();
    std::optional<codec::ReverseReason> aborted_for;
    std::optional<codec::ReverseReason> hint;  // the client's CLOSE
  };
  using PendingRef = std::map<CallerId, Pending>::iterator;
  using SessionRef = std::map<LinkId, Session>::iterator;

  size_t TakeFirstLine(Timestamp now, LinkId link, ByteSpan bytes);
  size_t TakeControlLine(Timestamp now, SessionRef session, ByteSpan bytes);
  void HandleFirstLine(Timestamp now, const Origin& origin, std::string_view line);
  void HandleControl(Timestamp now, const Origin& origin, const codec::ReverseControl& control);
  // False: refused.
  bool Authenticate(Timestamp now, const Origin& origin, const std::string& id,
                    const codec::ReverseControl& control);
  void HandleData(Timestamp now, const Origin& origin, const codec::ReverseData& data);
  // False: refused, or not for this client.
  bool MayServe(const Origin& origin, const codec::ReverseData& data, const Session& session);
  void HandleMessage(Timestamp now, SessionRef session, std::string_view line);
  void HandleClose(Timestamp now, LinkId session, const codec::ReverseClose& close);
  void Refuse(const Origin& origin, codec::ReverseError error, const std::string& text = {});
  void RefuseBusy(const Client& client);

  void BeginSession(Timestamp now, Client client);
  void EndSession(Timestamp now, SessionRef session, codec::ReverseReason why);
  void BeginProbe(Timestamp now, Session& session, Client newcomer);
  void HandleSessionTimeout(Timestamp now, SessionRef session);
  void LeaveSession(LinkId session);
  SessionRef FindPlaceOf(const std::string& id);
  static bool IsFor(const ClientSelector& selector, const Client& client);
  Session* ChooseSession(size_t listener, CallerKind kind);

  // Of the links that `session` has opened ahead.
  void AskAhead(Timestamp now, Session& session);
  bool HandleAheadData(const Origin& origin, const codec::ReverseData& data);
  void PairAhead(Timestamp now, PendingRef pending, Session& session,
                 const AheadPool::Waiting& waiting);
  // One that was asked for will not come.
  void ForgetAsked(Timestamp now, codec::ReverseConnId conn);
  void EndAhead(LinkId link, codec::ReverseError why);
  bool LoseAhead(Timestamp now, LinkId link);
  void EndAllAhead(const Session& session);

  void Announce(Timestamp now, CallerId caller, Pending& pending, Session& session);
  void AnnounceWaiting(Timestamp now);
  void EndPending(Timestamp now, PendingRef pending, codec::ReverseReason why);
  static codec::ReverseReason ReasonOf(const Relay& relay, codec::ReverseReason why);
  void LimitRelay(CallerId caller, Relay& relay, Timestamp deadline);
  void Abort(CallerId caller, Relay& relay, codec::ReverseReason why);
  void OrphanRelaysOf(Timestamp now, LinkId session);

  void SendMessage(Timestamp now, Session& session, const codec::ReverseMessage& message);
  void SendReply(LinkId link, const codec::ReverseReply& reply);
  void CompleteStop();

  const ServerCoreOptions options_;
  const bool single_client_;
  Random& random_;
  std::optional<TokenChecker> token_;
  std::deque<ServerEvent> events_;
  bool stopping_ = false;
  bool stopped_ = false;
  Handshakes handshakes_;
  std::map<LinkId, Session> sessions_;
  std::set<LinkId> probing_;  // newcomers of all sessions
  std::map<CallerId, Pending> pending_;
  std::unordered_map<codec::ReverseConnId, CallerId> announced_;
  std::map<CallerId, Relay> relays_;
  std::unordered_map<codec::ReverseConnId, CallerId> relayed_;
  std::set<std::pair<Timestamp, CallerId>> relay_deadlines_;
  // Links ahead of need: those asked for, and those that are here, with their sessions.
  AskedAhead asked_;
  std::unordered_map<LinkId, LinkId> waiting_links_;
};

}  // namespace ming::reverse

#endif  // MING_REVERSE_SERVER_CORE_H_
