#include "ming/reverse/server_core.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>
#include <variant>

namespace ming::reverse {
namespace {

using codec::ReverseConnId;
using codec::ReverseError;
using codec::ReverseReason;

// A client that learns of a caller later than this before its deadline cannot serve it in time.
constexpr Duration kLeastUsefulTime = std::chrono::seconds(1);

std::string Milliseconds(Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

}  // namespace

ServerCore::ServerCore(const ServerCoreOptions& options, Random& random, const TokenKey* token)
    : options_(options),
      random_(random),
      handshakes_({options.max_handshakes, options.max_handshakes_per_address}),
      sessions_(options.listeners),
      probes_({options.max_handshakes, options.max_handshakes_per_address}),
      ahead_(random, options.pair_timeout) {
  const Status status = options.Validate();
  CHECK(status.ok()) << status.ToString();
  if (token != nullptr) token_.emplace(*token, options.max_nonces);
}

// Callers.

void ServerCore::HandleCaller(Timestamp now, CallerId caller, size_t listener,
                              const std::string& source, CallerKind kind) {
  CHECK_LT(listener, options_.listeners.size());
  events_.Push(ConnNew{caller, source, kind});
  pairing_.Add(caller, {listener, kind, source, now, now + options_.pair_timeout});
  if (stopping_) return EndWaiting(now, caller, ReverseReason::kShutdown);
  if (pairing_.size() > options_.max_pending || relays_.size() >= options_.max_relays) {
    return EndWaiting(now, caller, ReverseReason::kLimit);
  }
  Session* const session = sessions_.Choose(listener, kind);
  session != nullptr ? Serve(now, caller, *session) : LeaveWaiting(now, caller);
}

void ServerCore::HandleCallerGone(Timestamp now, CallerId caller) {
  if (pairing_.Has(caller)) EndWaiting(now, caller, ReverseReason::kCallerGone);
}

void ServerCore::Serve(Timestamp now, CallerId caller, Session& session) {
  const LinkId control = session.client.link;
  if (const auto waiting = ahead_.Take(control, now)) {
    WaitingCaller whom = pairing_.Remove(caller).whom;
    ++session.callers;
    codec::ReverseOk ok;
    ok.params.Add("src", whom.source);
    if (whom.kind == CallerKind::kDatagrams) ok.params.Add("proto", "udp");
    RelayTable::Relay relay;
    relay.session = control;
    relay.since = whom.since;
    const bool pieces = session.client.reuse && whom.kind == CallerKind::kStream;
    if (pieces) relay.lent = ahead_.Lend(control, now);
    BeginRelay({caller, waiting->link, codec::SerializeReverseLine(ok),
                ConnPaired{caller, waiting->conn, now - whom.since, true}, std::move(whom), pieces},
               relay);
  } else {
    Announce(now, caller, session);
  }
  AskAhead(now, session);
}

void ServerCore::Announce(Timestamp now, CallerId caller, Session& session) {
  const ReverseConnId conn = ReverseConnId::Draw(random_);
  pairing_.Announce(caller, {conn, session.client.link});
  ++session.callers;
  const WaitingCaller& whom = pairing_.At(caller).whom;
  codec::ReverseNewConn message{conn, {}};
  message.params.Add("src", whom.source);
  message.params.Add("ttl", Milliseconds(whom.deadline - now));
  if (whom.kind == CallerKind::kDatagrams) message.params.Add("proto", "udp");
  SendMessage(now, session, message);
}

void ServerCore::AnnounceWaiting(Timestamp now) {
  for (const CallerId caller : pairing_.Unannounced(now + kLeastUsefulTime)) {
    const WaitingCaller& whom = pairing_.At(caller).whom;
    Session* const session = sessions_.Choose(whom.listener, whom.kind);
    if (session != nullptr) Announce(now, caller, *session);
  }
}

void ServerCore::LeaveWaiting(Timestamp now, CallerId caller) {
  if (options_.offline == Offline::kFailFast) {
    EndWaiting(now, caller, ReverseReason::kControlLost);
  }
}

void ServerCore::EndWaiting(Timestamp now, CallerId caller, ReverseReason why) {
  const PairingTable::Entry ended = pairing_.Remove(caller);
  std::optional<ReverseConnId> conn;
  if (ended.announcement) {
    conn = ended.announcement->conn;
    Session& session = sessions_.At(ended.announcement->session);
    SendMessage(now, session, codec::ReverseClose{*conn, why});
    --session.callers;
  }
  events_.Push(ResetCaller{caller});
  events_.Push(ConnEnd{caller, conn, why, now - ended.whom.since, false});
}

// Links, up to their first lines.

void ServerCore::HandleLink(Timestamp now, LinkId link, const std::string& address) {
  if (stopping_) return Refuse({link, address, {}}, ReverseError::kShutdown);
  // Every announced caller owes us one more, and a crowd of callers comes at once.
  const size_t expected = pairing_.announced_count() + ahead_.asked_count();
  if (!handshakes_.Add(link, address, now + options_.handshake_timeout, expected)) {
    Refuse({link, address, {}}, ReverseError::kLimit);
  }
}

void ServerCore::HandleLinkName(LinkId link, const std::string& name) {
  handshakes_.SetName(link, name);
}

size_t ServerCore::HandleLinkBytes(Timestamp now, LinkId link, ByteSpan bytes) {
  Session* const session = sessions_.Find(link);
  if (session != nullptr) return TakeControlLine(now, *session, bytes);
  if (handshakes_.Has(link)) return TakeFirstLine(now, link, bytes);
  // The client sends no byte before our reply.
  if (ahead_.HandleLost(now, link)) EndAhead(link, ReverseError::kProto);
  return 0;
}

void ServerCore::HandleLinkEnd(Timestamp now, LinkId link) {
  if (sessions_.Find(link) != nullptr) return EndSession(now, link, ReverseReason::kControlLost);
  if (handshakes_.Has(link)) {
    handshakes_.Remove(link);
  } else if (!ahead_.HandleLost(now, link) && !probes_.Leave(link)) {
    return;
  }
  events_.Push(EndLink{link});
}

size_t ServerCore::TakeFirstLine(Timestamp now, LinkId link, ByteSpan bytes) {
  const Handshakes::Step step = handshakes_.Take(link, bytes);
  if (step.foreign) {
    handshakes_.Remove(link);
    events_.Push(EndLink{link});  // does not speak our language: silence
  } else if (step.too_long) {
    Refuse(handshakes_.Remove(link), ReverseError::kTooLong);
  } else if (step.line) {
    HandleFirstLine(now, handshakes_.Remove(link), *step.line);
  }
  return step.consumed;
}

void ServerCore::HandleFirstLine(Timestamp now, const Origin& origin, std::string_view line) {
  if (options_.client_certificates && !origin.name) {
    return Refuse(origin, ReverseError::kAuth, "certificate");
  }
  const auto first = codec::ParseReverseFirstLine(line);
  if (!first.ok()) {
    const bool version = first.status().code() == StatusCode::kUnsupported;
    return Refuse(origin, version ? ReverseError::kVersion : ReverseError::kProto,
                  version ? "supported=1" : "");
  }
  if (const auto* const data = std::get_if<codec::ReverseData>(&*first)) {
    HandleData(now, origin, *data);
  } else {
    HandleControl(now, origin, std::get<codec::ReverseControl>(*first));
  }
}

bool ServerCore::Authenticate(Timestamp now, const Origin& origin, const std::string& id,
                              const codec::ReverseControl& control) {
  if (options_.client_certificates && origin.name != id) {
    Refuse(origin, ReverseError::kAuth, "the certificate is for another id");
    return false;
  }
  if (!token_) return true;
  const Status proven = token_->CheckControl(now, id, control.params);
  if (proven.ok()) return true;
  const bool denied = proven.code() == StatusCode::kPermissionDenied;
  Refuse(origin, denied ? ReverseError::kAuth : ReverseError::kLimit, proven.message());
  return false;
}

void ServerCore::HandleControl(Timestamp now, const Origin& origin,
                               const codec::ReverseControl& control) {
  auto client = ReadClientHello(origin, control, options_);
  if (!client) return Refuse(origin, ReverseError::kProto);
  if (!Authenticate(now, origin, client->id, control)) return;
  Session* const incumbent = sessions_.FindPlaceOf(client->id);
  if (incumbent == nullptr) {
    if (sessions_.size() >= options_.max_clients) return Refuse(origin, ReverseError::kLimit);
    return BeginSession(now, *std::move(client));
  }
  if (options_.second_client == SecondClient::kReject) {
    return BeginProbe(now, *incumbent, *client);
  }
  EndSession(now, incumbent->client.link, ReverseReason::kReplaced);
  BeginSession(now, *std::move(client));
}

void ServerCore::HandleData(Timestamp now, const Origin& origin, const codec::ReverseData& data) {
  if (token_) {
    const Status proven = token_->CheckData(data.conn, data.params);
    if (!proven.ok()) return Refuse(origin, ReverseError::kAuth, proven.message());
  }
  const auto caller = pairing_.CallerOf(data.conn);
  if (!caller) {
    const auto asked = ahead_.SessionOf(data.conn);
    if (asked) return HandleAheadData(origin, data, *asked);
    const bool taken = relays_.IsRelayed(data.conn);
    return Refuse(origin, taken ? ReverseError::kTaken : ReverseError::kUnknown);
  }
  const LinkId session = pairing_.At(*caller).announcement->session;
  if (!MayServe(origin, data, sessions_.At(session))) return;
  if (relays_.size() >= options_.max_relays) {
    EndWaiting(now, *caller, ReverseReason::kLimit);
    return Refuse(origin, ReverseError::kLimit);
  }
  RelayTable::Relay relay;
  relay.session = session;
  relay.since = pairing_.Remove(*caller).whom.since;
  BeginRelay({*caller, origin.link, codec::SerializeReverseLine(codec::ReverseOk{}),
              ConnPaired{*caller, data.conn, now - relay.since}, std::nullopt},
             relay);
}

bool ServerCore::MayServe(const Origin& origin, const codec::ReverseData& data,
                          const Session& session) {
  if (options_.client_certificates && origin.name != session.client.id) {
    Refuse(origin, ReverseError::kAuth, "the certificate is for another id");
    return false;
  }
  const auto name = data.params.Find("session");
  if (!name || *name == session.name) return true;
  Refuse(origin, ReverseError::kUnknown);
  return false;
}

void ServerCore::Refuse(const Origin& origin, ReverseError error, const std::string& text) {
  SendReply(origin.link, codec::ReverseErr{error, text});
  events_.Push(EndLink{origin.link});
  events_.Push(DataRejected{origin.address, error});
}

// Links that are opened ahead of need.

// One line for each; all in one segment.
void ServerCore::AskAhead(Timestamp now, Session& session) {
  if (stopping_) return;
  const size_t used = relays_.size() + ahead_.waiting_count() + ahead_.asked_count();
  const size_t room = options_.max_relays - std::min(used, options_.max_relays);
  std::string lines;
  for (const ReverseConnId conn : ahead_.Ask(session.client.link, now, room)) {
    lines += codec::SerializeReverseLine(codec::ReverseAhead{conn, {}});
  }
  if (lines.empty()) return;
  session.watch.NoteSent(now);
  events_.Push(SendLine{session.client.link, std::move(lines)});
}

void ServerCore::HandleAheadData(const Origin& origin, const codec::ReverseData& data,
                                 LinkId session) {
  if (!MayServe(origin, data, sessions_.At(session))) return;
  ahead_.HandleArrived({data.conn, origin.link});
}

void ServerCore::EndAhead(LinkId link, ReverseError why) {
  SendReply(link, codec::ReverseErr{why, {}});
  events_.Push(EndLink{link});
}

// Control connections.

void ServerCore::BeginSession(Timestamp now, ClientHello client) {
  const LinkId link = client.link;
  const std::string name = ReverseConnId::Draw(random_).ToString().substr(0, 16);
  const bool wanted = sessions_.IsWanted(client);
  if (!wanted) {  // no caller can come
    client.ahead = 0;
    client.reuse = false;
  }
  codec::ReverseOk ok;
  ok.params.Add("session", name);
  ok.params.Add("pair-timeout", Milliseconds(options_.pair_timeout));
  ok.params.Add("heartbeat", Milliseconds(options_.heartbeat));
  if (client.udp) ok.params.Add("udp", "1");
  if (client.ahead > 0) {
    ok.params.Add("ahead", std::to_string(client.ahead));
    ahead_.Open(link, client.ahead);
  }
  if (client.reuse) ok.params.Add("reuse", "1");
  SendReply(link, ok);
  events_.Push(ClientUp{link, client.id, name, client.address, wanted});
  Session& session =
      sessions_.Add({std::move(client), name, ControlWatch(options_.heartbeat, now)});
  AnnounceWaiting(now);
  AskAhead(now, session);
}

void ServerCore::EndSession(Timestamp now, LinkId link, ReverseReason why) {
  const Session ended = sessions_.Remove(link);
  if (why != ReverseReason::kControlLost) {
    events_.Push(SendLine{link, codec::SerializeReverseLine(codec::ReverseBye{why})});
  }
  events_.Push(EndLink{link});
  events_.Push(ClientDown{ended.client.id, why});
  for (const LinkId waiting : ahead_.Close(link)) {
    EndAhead(waiting, stopping_ ? ReverseError::kShutdown : ReverseError::kUnknown);
  }
  pairing_.RetireAllOf(link);
  OrphanRelaysOf(now, link);
  for (ClientHello& newcomer : probes_.Take(link)) {
    if (stopping_) {
      Refuse({newcomer.link, newcomer.address, {}}, ReverseError::kShutdown);
    } else if (sessions_.FindPlaceOf(newcomer.id) != nullptr) {
      RefuseBusy(newcomer);
    } else {
      BeginSession(now, std::move(newcomer));
    }
  }
  AnnounceWaiting(now);
}

void ServerCore::BeginProbe(Timestamp now, Session& session, const ClientHello& newcomer) {
  const Probes::Joined joined =
      probes_.Join(session.client.link, newcomer, now + options_.probe_timeout);
  if (joined == Probes::Joined::kFull) return RefuseBusy(newcomer);
  if (joined == Probes::Joined::kShared) return;
  SendMessage(now, session, codec::ReversePing{session.watch.NextPing()});
}

void ServerCore::RefuseBusy(const ClientHello& client) {
  SendReply(client.link, codec::ReverseErr{ReverseError::kBusy, "another client is connected"});
  events_.Push(EndLink{client.link});
  events_.Push(ClientBusy{client.id, client.address});
}

size_t ServerCore::TakeControlLine(Timestamp now, Session& session, ByteSpan bytes) {
  const LineReader::Step step = session.reader.Take(bytes, codec::kMaxReverseLine);
  if (step.too_long) {
    EndSession(now, session.client.link, ReverseReason::kProtocol);
  } else if (step.line) {
    HandleMessage(now, session, *step.line);
  }
  return step.consumed;
}

void ServerCore::HandleMessage(Timestamp now, Session& session, std::string_view line) {
  const LinkId link = session.client.link;
  session.watch.NoteReceived(now);
  for (const ClientHello& newcomer : probes_.Take(link)) RefuseBusy(newcomer);  // it lives
  auto message = codec::ParseReverseMessage(line);
  const bool is_ready = message.ok() && std::holds_alternative<codec::ReverseReady>(*message);
  if (is_ready && !session.client.reuse) {
    message = Status(StatusCode::kUnsupported, "not agreed");  // as to a server of version 1
  }
  if (!message.ok()) {
    const bool unknown = message.status().code() == StatusCode::kUnsupported;
    if (!unknown || !session.watch.NoteUnknownVerb(now)) {
      EndSession(now, link, ReverseReason::kProtocol);
    }
    return;
  }
  if (const auto* const close = std::get_if<codec::ReverseClose>(&*message)) {
    HandleClose(now, link, *close);
  } else if (const auto* const ready = std::get_if<codec::ReverseReady>(&*message)) {
    HandleReady(link, ready->conn);
  } else if (const auto* const ping = std::get_if<codec::ReversePing>(&*message)) {
    SendMessage(now, session, codec::ReversePong{ping->number});
  } else if (const auto* const bye = std::get_if<codec::ReverseBye>(&*message)) {
    EndSession(now, link, bye->reason);
  }
  // A PONG has done its work by coming; NEW_CONN means nothing in this direction.
}

void ServerCore::HandleClose(Timestamp now, LinkId session, const codec::ReverseClose& close) {
  // Of a relay it is a hint only: the data connection decides.
  if (relays_.NoteClose(session, close.conn, close.reason)) return;
  if (ahead_.SessionOf(close.conn) == session) return ahead_.HandleRefused(now, close.conn);
  const auto caller = pairing_.CallerOf(close.conn);
  if (!caller) return;                                                // ended already
  if (pairing_.At(*caller).announcement->session != session) return;  // not the sender's to end
  pairing_.Retire(*caller);                                           // it knows: no CLOSE back
  sessions_.ReleaseCaller(session);
  EndWaiting(now, *caller, close.reason);
}

void ServerCore::HandleReady(LinkId session, ReverseConnId conn) {
  if (relays_.NoteReady(session, conn)) return;  // before we are
  if (const auto surplus = ahead_.HandleReady(session, conn)) {
    EndAhead(*surplus, ReverseError::kLimit);
  }
}

void ServerCore::HandleSessionTimeout(Timestamp now, Session& session) {
  const LinkId link = session.client.link;
  const ControlWatch::Due due = session.watch.HandleTimeout(now);
  if (due == ControlWatch::Due::kLost || probes_.IsDue(link, now)) {
    return EndSession(now, link, ReverseReason::kControlLost);
  }
  AskAhead(now, session);
  if (due == ControlWatch::Due::kPing) {
    SendMessage(now, session, codec::ReversePing{session.watch.NextPing()});
  }
}

// Relays.

void ServerCore::BeginRelay(StartRelay start, RelayTable::Relay relay) {
  relay.conn = start.paired.conn;
  relays_.Add(start.caller, relay);
  events_.Push(std::move(start));
}

void ServerCore::HandleLinkDead(Timestamp now, const StartRelay& start) {
  if (!start.ahead || stopping_) return HandleRelayDone(now, start.caller, ReverseReason::kReset);
  const auto relay = relays_.Remove(start.caller);
  if (!relay) return;
  SettleLent(*relay, std::nullopt);
  sessions_.ReleaseCaller(relay->session);
  pairing_.Add(start.caller, *start.ahead);
  if (pairing_.size() > options_.max_pending) {
    return EndWaiting(now, start.caller, ReverseReason::kLimit);
  }
  Session* const session = sessions_.Choose(start.ahead->listener, start.ahead->kind);
  // The others that were opened ahead may have died of the same.
  session != nullptr ? Announce(now, start.caller, *session) : LeaveWaiting(now, start.caller);
}

void ServerCore::HandleRelayDone(Timestamp now, CallerId caller, ReverseReason why,
                                 std::optional<LinkId> kept) {
  const auto relay = relays_.Remove(caller);
  if (!relay) return;
  SettleLent(*relay, kept);
  sessions_.ReleaseCaller(relay->session);
  events_.Push(ConnEnd{caller, relay->conn, relay->EndReason(why), now - relay->since, true});
  CompleteStop();
}

void ServerCore::SettleLent(const RelayTable::Relay& relay, std::optional<LinkId> kept) {
  if (!relay.lent) return;
  if (!kept) return ahead_.HandleSpent(relay.session, *relay.lent);
  if (sessions_.Find(relay.session) == nullptr) {
    return EndAhead(*kept, stopping_ ? ReverseError::kShutdown : ReverseError::kUnknown);
  }
  if (!ahead_.HandleReturned(relay.session, {relay.conn, *kept}, *relay.lent, relay.ready)) {
    EndAhead(*kept, ReverseError::kLimit);
  }
}

void ServerCore::OrphanRelaysOf(Timestamp now, LinkId session) {
  if (options_.orphans == Orphans::kKeep) return;
  for (const CallerId caller : relays_.CallersOf(session)) {
    if (options_.orphans == Orphans::kKill) {
      Abort(caller, ReverseReason::kControlLost);
    } else {
      relays_.Limit(caller, now + options_.drain_timeout);
    }
  }
}

void ServerCore::Abort(CallerId caller, ReverseReason why) {
  if (relays_.Abort(caller, why)) events_.Push(AbortRelay{caller});
}

// Everything.

void ServerCore::Stop(Timestamp now) {
  if (std::exchange(stopping_, true)) return;
  events_.Push(StopListening{});
  while (const auto caller = pairing_.Late(Timestamp::Max())) {
    EndWaiting(now, *caller, ReverseReason::kShutdown);
  }
  for (const LinkId link : sessions_.links()) EndSession(now, link, ReverseReason::kShutdown);
  while (const auto origin = handshakes_.RemoveLate(Timestamp::Max())) {
    Refuse(*origin, ReverseError::kShutdown);
  }
  relays_.LimitAll(now + options_.drain_timeout);
  CompleteStop();
}

void ServerCore::CompleteStop() {
  if (!stopping_ || stopped_ || relays_.size() > 0) return;
  stopped_ = true;
  events_.Push(ServerStopped{});
}

void ServerCore::HandleTimeout(Timestamp now) {
  while (const auto origin = handshakes_.RemoveLate(now)) Refuse(*origin, ReverseError::kTimeout);
  for (const LinkId surplus : ahead_.HandleTimeout(now)) EndAhead(surplus, ReverseError::kLimit);
  for (const LinkId link : sessions_.links()) HandleSessionTimeout(now, sessions_.At(link));
  while (const auto late = pairing_.Late(now)) EndWaiting(now, *late, ReverseReason::kPairTimeout);
  while (const auto late = relays_.TakeLate(now)) {
    Abort(*late, stopping_ ? ReverseReason::kShutdown : ReverseReason::kControlLost);
  }
}

Timestamp ServerCore::NextTimeout() const {
  return std::min({handshakes_.NextTimeout(), sessions_.NextTimeout(), probes_.NextTimeout(),
                   ahead_.NextTimeout(), pairing_.NextTimeout(), relays_.NextTimeout()});
}

void ServerCore::SendMessage(Timestamp now, Session& session,
                             const codec::ReverseMessage& message) {
  session.watch.NoteSent(now);
  events_.Push(SendLine{session.client.link, codec::SerializeReverseLine(message)});
}

void ServerCore::SendReply(LinkId link, const codec::ReverseReply& reply) {
  events_.Push(SendLine{link, codec::SerializeReverseLine(reply)});
}

bool ServerCore::IsConsistent() const {
  // Every caller that a session counts is announced to it, or relayed on its behalf.
  size_t served = pairing_.announced_count();
  for (const LinkId link : sessions_.links()) served += relays_.CallersOf(link).size();
  return served == sessions_.caller_count() && handshakes_.IsConsistent() &&
         sessions_.IsConsistent() && probes_.IsConsistent() && ahead_.IsConsistent() &&
         pairing_.IsConsistent() && relays_.IsConsistent() &&
         pairing_.size() <= options_.max_pending && relays_.size() <= options_.max_relays;
}

}  // namespace ming::reverse
