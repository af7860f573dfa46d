// ServerCore: the server's half of RT1: who the client is, which caller waits, which data
// connection belongs to which caller, and when each of them is given up. What comes on port B is
// hostile input until its first line is accepted.
#ifndef MING_REVERSE_SERVER_CORE_H_
#define MING_REVERSE_SERVER_CORE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "ming/base/bytes.h"
#include "ming/base/event_queue.h"
#include "ming/base/random.h"
#include "ming/base/time.h"
#include "ming/codec/reverse_line.h"
#include "ming/reverse/ahead_links.h"
#include "ming/reverse/client_hello.h"
#include "ming/reverse/handshakes.h"
#include "ming/reverse/pairing_table.h"
#include "ming/reverse/probes.h"
#include "ming/reverse/relay_table.h"
#include "ming/reverse/reverse_types.h"
#include "ming/reverse/server_core_options.h"
#include "ming/reverse/server_events.h"
#include "ming/reverse/session_table.h"
#include "ming/reverse/token_auth.h"

namespace ming::reverse {

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
  // `why`: kDone, kReset or kIdle. `kept`: the link of one with pieces, by a new name, if it can
  // serve another caller; it is watched as one whose first line has come.
  void HandleRelayDone(Timestamp now, CallerId caller, codec::ReverseReason why,
                       std::optional<LinkId> kept = std::nullopt);

  // Accepts nothing more; ServerStopped follows when the last relay has ended.
  void Stop(Timestamp now);

  // Early or repeated calls are harmless.
  void HandleTimeout(Timestamp now);
  // Timestamp::Max() when idle.
  Timestamp NextTimeout() const;
  std::optional<ServerEvent> PollEvent() { return events_.Poll(); }

  size_t pending_count() const { return pairing_.size(); }
  size_t active_count() const { return relays_.size(); }
  size_t client_count() const { return sessions_.size(); }
  // Links that wait for callers to come, or for the client to be done with their last ones.
  size_t ahead_count() const { return ahead_.waiting_count(); }
  // For tests and fuzzers, after any call.
  bool IsConsistent() const;

 private:
  using Origin = Handshakes::Origin;
  using Session = SessionTable::Session;

  size_t TakeFirstLine(Timestamp now, LinkId link, ByteSpan bytes);
  void HandleFirstLine(Timestamp now, const Origin& origin, std::string_view line);
  void HandleControl(Timestamp now, const Origin& origin, const codec::ReverseControl& control);
  void HandleData(Timestamp now, const Origin& origin, const codec::ReverseData& data);
  // False: refused.
  bool Authenticate(Timestamp now, const Origin& origin, const std::string& id,
                    const codec::ReverseControl& control);
  // False: refused, or not for this client.
  bool MayServe(const Origin& origin, const codec::ReverseData& data, const Session& session);
  void Refuse(const Origin& origin, codec::ReverseError error, const std::string& text = {});

  size_t TakeControlLine(Timestamp now, Session& session, ByteSpan bytes);
  void HandleMessage(Timestamp now, Session& session, std::string_view line);
  void HandleClose(Timestamp now, LinkId session, const codec::ReverseClose& close);
  void HandleReady(LinkId session, codec::ReverseConnId conn);

  void BeginSession(Timestamp now, ClientHello client);
  void EndSession(Timestamp now, LinkId link, codec::ReverseReason why);
  void BeginProbe(Timestamp now, Session& session, const ClientHello& newcomer);
  void RefuseBusy(const ClientHello& client);
  void HandleSessionTimeout(Timestamp now, Session& session);

  // Of the links that `session` has opened ahead.
  void AskAhead(Timestamp now, Session& session);
  void HandleAheadData(const Origin& origin, const codec::ReverseData& data, LinkId session);
  void EndAhead(LinkId link, codec::ReverseError why);

  // A caller that waits gets the oldest link that its client opened ahead, or is announced.
  void Serve(Timestamp now, CallerId caller, Session& session);
  void Announce(Timestamp now, CallerId caller, Session& session);
  void AnnounceWaiting(Timestamp now);
  void EndWaiting(Timestamp now, CallerId caller, codec::ReverseReason why);
  // There is no client for it.
  void LeaveWaiting(Timestamp now, CallerId caller);

  void BeginRelay(StartRelay start, RelayTable::Relay relay);
  // The relay of a link that was lent is over.
  void SettleLent(const RelayTable::Relay& relay, std::optional<LinkId> kept);
  void Abort(CallerId caller, codec::ReverseReason why);
  void OrphanRelaysOf(Timestamp now, LinkId session);
  void CompleteStop();

  void SendMessage(Timestamp now, Session& session, const codec::ReverseMessage& message);
  void SendReply(LinkId link, const codec::ReverseReply& reply);

  const ServerCoreOptions options_;
  Random& random_;
  std::optional<TokenChecker> token_;
  EventQueue<ServerEvent> events_;
  bool stopping_ = false;
  bool stopped_ = false;
  Handshakes handshakes_;
  SessionTable sessions_;
  Probes probes_;
  AheadLinks ahead_;
  PairingTable pairing_;
  RelayTable relays_;
};

}  // namespace ming::reverse

#endif  // MING_REVERSE_SERVER_CORE_H_
