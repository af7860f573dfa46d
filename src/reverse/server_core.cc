#include "ming/reverse/server_core.h"

#include <glog/logging.h>

#include <algorithm>
#include <string_view>

#include "ming/codec/text_fields.h"

namespace ming::reverse {
namespace {

using codec::ReverseConnId;
using codec::ReverseError;
using codec::ReverseReason;

// A client that learns of a caller later than this before its deadline cannot serve it in time.
constexpr Duration kLeastUsefulTime = std::chrono::seconds(1);

// "a,b,c", each as an id.
std::optional<std::vector<std::string>> ParseLabels(std::string_view text) {
  std::vector<std::string> labels;
  while (!text.empty()) {
    const std::string_view label = codec::TakeUntil(text, ',');
    if (!codec::IsReverseName(label) || labels.size() == kMaxLabels) return std::nullopt;
    labels.emplace_back(label);
  }
  return labels;
}

std::string Milliseconds(Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

}  // namespace

ServerCore::ServerCore(const ServerCoreOptions& options, Random& random, const TokenKey* token)
    : options_(options),
      single_client_(std::all_of(options.listeners.begin(), options.listeners.end(),
                                 [](const ClientSelector& selector) {
                                   return selector.kind == ClientSelector::Kind::kAny;
                                 })),
      random_(random),
      handshakes_({options.max_handshakes, options.max_handshakes_per_address}) {
  const Status status = options.Validate();
  CHECK(status.ok()) << status.ToString();
  if (token != nullptr) token_.emplace(*token, options.max_nonces);
}

void ServerCore::HandleCaller(Timestamp now, CallerId caller, size_t listener,
                              const std::string& source, CallerKind kind) {
  CHECK_LT(listener, options_.listeners.size());
  CHECK(pending_.empty() || pending_.rbegin()->first < caller);
  events_.push_back(ConnNew{caller, source, kind});
  const auto pending =
      pending_
          .emplace(caller, Pending{{listener, kind, source, now, now + options_.pair_timeout}, {}})
          .first;
  if (stopping_) return EndPending(now, pending, ReverseReason::kShutdown);
  if (pending_.size() > options_.max_pending || relays_.size() >= options_.max_relays) {
    return EndPending(now, pending, ReverseReason::kLimit);
  }
  Session* const session = ChooseSession(listener, kind);
  if (session != nullptr) {
    const auto waiting = session->pool.Take(now);
    if (waiting) {
      PairAhead(now, pending, *session, *waiting);
    } else {
      Announce(now, caller, pending->second, *session);
    }
    return AskAhead(now, *session);
  }
  if (options_.offline == Offline::kFailFast) {
    EndPending(now, pending, ReverseReason::kControlLost);
  }
}

void ServerCore::HandleCallerGone(Timestamp now, CallerId caller) {
  const auto pending = pending_.find(caller);
  if (pending != pending_.end()) EndPending(now, pending, ReverseReason::kCallerGone);
}

void ServerCore::HandleLink(Timestamp now, LinkId link, const std::string& address) {
  if (stopping_) return Refuse({link, address, {}}, ReverseError::kShutdown);
  // Every announced caller owes us one more, and a crowd of callers comes at once.
  const size_t expected = announced_.size() + asked_.size();
  if (!handshakes_.Add(link, address, now + options_.handshake_timeout, expected)) {
    Refuse({link, address, {}}, ReverseError::kLimit);
  }
}

void ServerCore::HandleLinkName(LinkId link, const std::string& name) {
  handshakes_.SetName(link, name);
}

size_t ServerCore::HandleLinkBytes(Timestamp now, LinkId link, ByteSpan bytes) {
  const auto session = sessions_.find(link);
  if (session != sessions_.end()) return TakeControlLine(now, session, bytes);
  if (handshakes_.Has(link)) return TakeFirstLine(now, link, bytes);
  // The client sends no byte before our reply.
  if (LoseAhead(now, link)) EndAhead(link, ReverseError::kProto);
  return 0;
}

size_t ServerCore::TakeFirstLine(Timestamp now, LinkId link, ByteSpan bytes) {
  const Handshakes::Step step = handshakes_.Take(link, bytes);
  if (step.foreign) {
    handshakes_.Remove(link);
    events_.push_back(EndLink{link});  // does not speak our language: silence
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
  const std::string id(control.params.Find("id").value_or("default"));
  auto labels = ParseLabels(control.params.Find("label").value_or(""));
  if (!codec::IsReverseName(id) || !labels) return Refuse(origin, ReverseError::kProto);
  if (!Authenticate(now, origin, id, control)) return;
  const bool udp = options_.udp && control.params.Find("udp") == "1";
  const auto ahead = codec::ParseDecimal(control.params.Find("ahead").value_or("0"), kMaxAhead);
  Client client{origin.link, origin.address,
                id,          *std::move(labels),
                udp,         std::min<size_t>(ahead.value_or(0), options_.ahead)};
  const auto incumbent = FindPlaceOf(client.id);
  if (incumbent == sessions_.end()) {
    if (sessions_.size() >= options_.max_clients) {
      return Refuse(origin, ReverseError::kLimit);
    }
    return BeginSession(now, std::move(client));
  }
  if (options_.second_client == SecondClient::kReject) {
    return BeginProbe(now, incumbent->second, std::move(client));
  }
  EndSession(now, incumbent, ReverseReason::kReplaced);
  BeginSession(now, std::move(client));
}

void ServerCore::HandleData(Timestamp now, const Origin& origin, const codec::ReverseData& data) {
  if (token_) {
    const Status proven = token_->CheckData(data.conn, data.params);
    if (!proven.ok()) return Refuse(origin, ReverseError::kAuth, proven.message());
  }
  const auto announced = announced_.find(data.conn);
  if (announced == announced_.end()) {
    if (HandleAheadData(origin, data)) return;
    const bool taken = relayed_.count(data.conn) != 0;
    return Refuse(origin, taken ? ReverseError::kTaken : ReverseError::kUnknown);
  }
  const LinkId link = origin.link;
  const CallerId caller = announced->second;
  const auto pending = pending_.find(caller);
  const Announcement announcement = *pending->second.announcement;
  Session& session = sessions_.at(announcement.session);
  if (!MayServe(origin, data, session)) return;
  if (relays_.size() >= options_.max_relays) {
    EndPending(now, pending, ReverseReason::kLimit);
    return Refuse(origin, ReverseError::kLimit);
  }
  const Timestamp since = pending->second.since;
  pending_.erase(pending);
  announced_.erase(announced);
  relayed_.emplace(announcement.conn, caller);
  relays_.emplace(caller, Relay{since, announcement, Timestamp::Max(), std::nullopt, std::nullopt});
  events_.push_back(StartRelay{caller, link, codec::SerializeReverseLine(codec::ReverseOk{}), {}});
  events_.push_back(ConnPaired{caller, announcement.conn, now - since});
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

// False: the id is not of one that was asked for.
bool ServerCore::HandleAheadData(const Origin& origin, const codec::ReverseData& data) {
  const auto asked = asked_.SessionOf(data.conn);
  if (!asked) return false;
  Session& session = sessions_.at(*asked);
  if (!MayServe(origin, data, session)) return true;
  waiting_links_.emplace(origin.link, *asked);
  asked_.Remove(data.conn);
  session.pool.HandleArrived({data.conn, origin.link});
  return true;
}

void ServerCore::PairAhead(Timestamp now, PendingRef pending, Session& session,
                           const AheadPool::Waiting& waiting) {
  const CallerId caller = pending->first;
  WaitingCaller whom = std::move(pending->second);
  pending_.erase(pending);
  waiting_links_.erase(waiting.link);
  relayed_.emplace(waiting.conn, caller);
  relays_.emplace(caller, Relay{whom.since, Announcement{waiting.conn, session.client.link},
                                Timestamp::Max(), std::nullopt, std::nullopt});
  ++session.callers;
  codec::ReverseOk ok;
  ok.params.Add("src", whom.source);
  if (whom.kind == CallerKind::kDatagrams) ok.params.Add("proto", "udp");
  const Duration waited = now - whom.since;
  events_.push_back(
      StartRelay{caller, waiting.link, codec::SerializeReverseLine(ok), std::move(whom)});
  events_.push_back(ConnPaired{caller, waiting.conn, waited, true});
}

void ServerCore::HandleLinkDead(Timestamp now, const StartRelay& start) {
  const auto found = relays_.find(start.caller);
  if (found == relays_.end()) return;
  if (!start.ahead || stopping_) return HandleRelayDone(now, start.caller, ReverseReason::kReset);
  const Announcement pairing = found->second.announcement;
  relay_deadlines_.erase({found->second.deadline, start.caller});
  relayed_.erase(pairing.conn);
  relays_.erase(found);
  LeaveSession(pairing.session);
  const auto untrue = std::remove_if(events_.begin(), events_.end(), [&](const ServerEvent& event) {
    const auto* const paired = std::get_if<ConnPaired>(&event);
    return paired != nullptr && paired->caller == start.caller;
  });
  events_.erase(untrue, events_.end());
  const auto pending = pending_.emplace(start.caller, Pending{*start.ahead, {}}).first;
  if (pending_.size() > options_.max_pending)
    return EndPending(now, pending, ReverseReason::kLimit);
  Session* const session = ChooseSession(pending->second.listener, pending->second.kind);
  // The others of the pool may have died of the same.
  if (session != nullptr) return Announce(now, start.caller, pending->second, *session);
  if (options_.offline == Offline::kFailFast) {
    EndPending(now, pending, ReverseReason::kControlLost);
  }
}

// One line for each; all in one segment.
void ServerCore::AskAhead(Timestamp now, Session& session) {
  const size_t used = relays_.size() + waiting_links_.size() + asked_.size();
  const size_t room = options_.max_relays - std::min(used, options_.max_relays);
  const size_t count = stopping_ ? 0 : session.pool.Ask(room);
  if (count == 0) return;
  std::string lines;
  for (size_t i = 0; i < count; ++i) {
    const ReverseConnId conn = ReverseConnId::Draw(random_);
    asked_.Add(conn, session.client.link, now + options_.pair_timeout);
    lines += codec::SerializeReverseLine(codec::ReverseAhead{conn, {}});
  }
  session.watch.NoteSent(now);
  events_.push_back(SendLine{session.client.link, std::move(lines)});
}

void ServerCore::ForgetAsked(Timestamp now, ReverseConnId conn) {
  sessions_.at(*asked_.SessionOf(conn)).pool.HandleRefused(now);
  asked_.Remove(conn);
}

void ServerCore::EndAhead(LinkId link, ReverseError why) {
  SendReply(link, codec::ReverseErr{why, {}});
  events_.push_back(EndLink{link});
}

// False: the link does not wait for callers.
bool ServerCore::LoseAhead(Timestamp now, LinkId link) {
  const auto found = waiting_links_.find(link);
  if (found == waiting_links_.end()) return false;
  sessions_.at(found->second).pool.HandleLost(now, link);
  waiting_links_.erase(found);
  return true;
}

void ServerCore::EndAllAhead(const Session& session) {
  for (const AheadPool::Waiting& waiting : session.pool.waiting()) {
    waiting_links_.erase(waiting.link);
    EndAhead(waiting.link, stopping_ ? ReverseError::kShutdown : ReverseError::kUnknown);
  }
  asked_.RemoveAllOf(session.client.link);
}

size_t ServerCore::TakeControlLine(Timestamp now, SessionRef session, ByteSpan bytes) {
  LineReader::Step step = session->second.reader.Take(bytes, codec::kMaxReverseLine);
  if (step.too_long) {
    EndSession(now, session, ReverseReason::kProtocol);
  } else if (step.line) {
    HandleMessage(now, session, *step.line);
  }
  return step.consumed;
}

void ServerCore::HandleMessage(Timestamp now, SessionRef session, std::string_view line) {
  Session& of = session->second;
  of.watch.NoteReceived(now);
  if (!of.newcomers.empty()) {  // it lives
    for (const Client& newcomer : of.newcomers) RefuseBusy(newcomer);
    of.newcomers.clear();
    of.probe_deadline = Timestamp::Max();
  }
  const auto message = codec::ParseReverseMessage(line);
  if (!message.ok()) {
    const bool unknown = message.status().code() == StatusCode::kUnsupported;
    if (!unknown || !of.watch.NoteUnknownVerb(now)) {
      EndSession(now, session, ReverseReason::kProtocol);
    }
    return;
  }
  if (const auto* const close = std::get_if<codec::ReverseClose>(&*message)) {
    HandleClose(now, session->first, *close);
  } else if (const auto* const ping = std::get_if<codec::ReversePing>(&*message)) {
    SendMessage(now, of, codec::ReversePong{ping->number});
  } else if (const auto* const bye = std::get_if<codec::ReverseBye>(&*message)) {
    EndSession(now, session, bye->reason);
  }
  // A PONG has done its work by coming; NEW_CONN means nothing in this direction.
}

void ServerCore::HandleClose(Timestamp now, LinkId session, const codec::ReverseClose& close) {
  const auto relayed = relayed_.find(close.conn);
  if (relayed != relayed_.end()) {  // a hint only: the data connection decides
    Relay& relay = relays_.at(relayed->second);
    if (relay.announcement.session == session) relay.hint = close.reason;
    return;
  }
  if (asked_.SessionOf(close.conn) == session) return ForgetAsked(now, close.conn);
  const auto announced = announced_.find(close.conn);
  if (announced == announced_.end()) return;  // ended already
  const auto pending = pending_.find(announced->second);
  if (pending->second.announcement->session != session) return;  // not the sender's to end
  announced_.erase(announced);
  pending->second.announcement.reset();  // the client knows: no CLOSE back
  LeaveSession(session);
  EndPending(now, pending, close.reason);
}

void ServerCore::HandleLinkEnd(Timestamp now, LinkId link) {
  const auto session = sessions_.find(link);
  if (session != sessions_.end()) return EndSession(now, session, ReverseReason::kControlLost);
  if (handshakes_.Has(link)) {
    handshakes_.Remove(link);
    events_.push_back(EndLink{link});
    return;
  }
  if (LoseAhead(now, link)) {
    events_.push_back(EndLink{link});
    return;
  }
  if (probing_.erase(link) == 0) return;
  events_.push_back(EndLink{link});
  for (auto& [id, of] : sessions_) {
    const auto gone = std::remove_if(of.newcomers.begin(), of.newcomers.end(),
                                     [link](const Client& client) { return client.link == link; });
    of.newcomers.erase(gone, of.newcomers.end());
  }
}

// The client's hint says more than a reset does.
ReverseReason ServerCore::ReasonOf(const Relay& relay, ReverseReason why) {
  if (relay.aborted_for) return *relay.aborted_for;
  return why == ReverseReason::kReset ? relay.hint.value_or(why) : why;
}

void ServerCore::HandleRelayDone(Timestamp now, CallerId caller, ReverseReason why) {
  const auto found = relays_.find(caller);
  if (found == relays_.end()) return;
  const Relay relay = found->second;
  relay_deadlines_.erase({relay.deadline, caller});
  relayed_.erase(relay.announcement.conn);
  relays_.erase(found);
  LeaveSession(relay.announcement.session);
  events_.push_back(
      ConnEnd{caller, relay.announcement.conn, ReasonOf(relay, why), now - relay.since, true});
  CompleteStop();
}

void ServerCore::Stop(Timestamp now) {
  if (std::exchange(stopping_, true)) return;
  events_.push_back(StopListening{});
  while (!pending_.empty()) EndPending(now, pending_.begin(), ReverseReason::kShutdown);
  while (!sessions_.empty()) EndSession(now, sessions_.begin(), ReverseReason::kShutdown);
  while (const auto origin = handshakes_.RemoveLate(Timestamp::Max())) {
    Refuse(*origin, ReverseError::kShutdown);
  }
  const Timestamp deadline = now + options_.drain_timeout;
  for (auto& [caller, relay] : relays_) LimitRelay(caller, relay, deadline);
  CompleteStop();
}

void ServerCore::CompleteStop() {
  if (!stopping_ || stopped_ || !relays_.empty()) return;
  stopped_ = true;
  events_.push_back(ServerStopped{});
}

void ServerCore::BeginSession(Timestamp now, Client client) {
  const LinkId link = client.link;
  const std::string name = ReverseConnId::Draw(random_).ToString().substr(0, 16);
  const bool chosen =
      std::any_of(options_.listeners.begin(), options_.listeners.end(),
                  [&client](const auto& listener) { return IsFor(listener, client); });
  if (!chosen) client.ahead = 0;  // no caller can come
  const AheadPool pool(client.ahead);
  Session session{std::move(client), name, ControlWatch(options_.heartbeat, now),
                  LineReader(),      pool, 0,
                  Timestamp::Max(),  {}};
  codec::ReverseOk ok;
  ok.params.Add("session", name);
  ok.params.Add("pair-timeout", Milliseconds(options_.pair_timeout));
  ok.params.Add("heartbeat", Milliseconds(options_.heartbeat));
  if (session.client.udp) ok.params.Add("udp", "1");
  if (session.client.ahead > 0) ok.params.Add("ahead", std::to_string(session.client.ahead));
  SendReply(link, ok);
  const Client& of = session.client;
  events_.push_back(ClientUp{link, of.id, name, of.address, chosen});
  const SessionRef begun = sessions_.emplace(link, std::move(session)).first;
  AnnounceWaiting(now);
  AskAhead(now, begun->second);
}

void ServerCore::EndSession(Timestamp now, SessionRef session, ReverseReason why) {
  const LinkId link = session->first;
  Session ended = std::move(session->second);
  sessions_.erase(session);
  if (why != ReverseReason::kControlLost) {
    events_.push_back(SendLine{link, codec::SerializeReverseLine(codec::ReverseBye{why})});
  }
  events_.push_back(EndLink{link});
  events_.push_back(ClientDown{ended.client.id, why});
  EndAllAhead(ended);
  for (auto& [caller, pending] : pending_) {
    if (!pending.announcement || !(pending.announcement->session == link)) continue;
    announced_.erase(pending.announcement->conn);
    pending.announcement.reset();
  }
  OrphanRelaysOf(now, link);
  for (Client& newcomer : ended.newcomers) {
    probing_.erase(newcomer.link);
    if (stopping_) {
      Refuse({newcomer.link, newcomer.address, {}}, ReverseError::kShutdown);
    } else if (FindPlaceOf(newcomer.id) != sessions_.end()) {
      RefuseBusy(newcomer);
    } else {
      BeginSession(now, std::move(newcomer));
    }
  }
  AnnounceWaiting(now);
}

void ServerCore::BeginProbe(Timestamp now, Session& session, Client newcomer) {
  const auto of_address =
      std::count_if(session.newcomers.begin(), session.newcomers.end(),
                    [&newcomer](const Client& one) { return one.address == newcomer.address; });
  if (probing_.size() >= options_.max_handshakes ||
      static_cast<size_t>(of_address) >= options_.max_handshakes_per_address) {
    return RefuseBusy(newcomer);
  }
  probing_.insert(newcomer.link);
  session.newcomers.push_back(std::move(newcomer));
  if (session.newcomers.size() > 1) return;  // shares the result
  session.probe_deadline = now + options_.probe_timeout;
  SendMessage(now, session, codec::ReversePing{session.watch.NextPing()});
}

ServerCore::SessionRef ServerCore::FindPlaceOf(const std::string& id) {
  if (single_client_) return sessions_.begin();
  return std::find_if(sessions_.begin(), sessions_.end(),
                      [&id](const auto& entry) { return entry.second.client.id == id; });
}

bool ServerCore::IsFor(const ClientSelector& selector, const Client& client) {
  switch (selector.kind) {
    case ClientSelector::Kind::kAny:
      return true;
    case ClientSelector::Kind::kId:
      return client.id == selector.name;
    case ClientSelector::Kind::kLabel:
      break;
  }
  return std::find(client.labels.begin(), client.labels.end(), selector.name) !=
         client.labels.end();
}

ServerCore::Session* ServerCore::ChooseSession(size_t listener, CallerKind kind) {
  Session* chosen = nullptr;
  for (auto& [link, session] : sessions_) {  // in the order of arrival
    if (kind == CallerKind::kDatagrams && !session.client.udp) continue;
    const bool fits = IsFor(options_.listeners[listener], session.client);
    if (fits && (chosen == nullptr || session.callers < chosen->callers)) chosen = &session;
  }
  return chosen;
}

// A caller of it has ended.
void ServerCore::LeaveSession(LinkId session) {
  const auto found = sessions_.find(session);
  if (found != sessions_.end()) --found->second.callers;
}

void ServerCore::Announce(Timestamp now, CallerId caller, Pending& pending, Session& session) {
  const ReverseConnId conn = ReverseConnId::Draw(random_);
  pending.announcement = Announcement{conn, session.client.link};
  ++session.callers;
  announced_.emplace(conn, caller);
  codec::ReverseNewConn message{conn, {}};
  message.params.Add("src", pending.source);
  message.params.Add("ttl", Milliseconds(pending.deadline - now));
  if (pending.kind == CallerKind::kDatagrams) message.params.Add("proto", "udp");
  SendMessage(now, session, message);
}

void ServerCore::AnnounceWaiting(Timestamp now) {
  if (sessions_.empty()) return;
  for (auto& [caller, pending] : pending_) {
    if (pending.announcement || pending.deadline - now < kLeastUsefulTime) continue;
    Session* const session = ChooseSession(pending.listener, pending.kind);
    if (session != nullptr) Announce(now, caller, pending, *session);
  }
}

void ServerCore::EndPending(Timestamp now, PendingRef pending, ReverseReason why) {
  const CallerId caller = pending->first;
  const Pending ended = std::move(pending->second);
  pending_.erase(pending);
  std::optional<ReverseConnId> conn;
  if (ended.announcement) {
    conn = ended.announcement->conn;
    announced_.erase(*conn);
    SendMessage(now, sessions_.at(ended.announcement->session), codec::ReverseClose{*conn, why});
    LeaveSession(ended.announcement->session);
  }
  events_.push_back(ResetCaller{caller});
  events_.push_back(ConnEnd{caller, conn, why, now - ended.since, false});
}

void ServerCore::LimitRelay(CallerId caller, Relay& relay, Timestamp deadline) {
  if (deadline >= relay.deadline) return;
  relay_deadlines_.erase({relay.deadline, caller});
  relay.deadline = deadline;
  relay_deadlines_.emplace(deadline, caller);
}

void ServerCore::Abort(CallerId caller, Relay& relay, ReverseReason why) {
  if (relay.aborted_for) return;
  relay.aborted_for = why;
  events_.push_back(AbortRelay{caller});
}

void ServerCore::OrphanRelaysOf(Timestamp now, LinkId session) {
  if (options_.orphans == Orphans::kKeep) return;
  for (auto& [caller, relay] : relays_) {
    if (!(relay.announcement.session == session)) continue;
    if (options_.orphans == Orphans::kKill) {
      Abort(caller, relay, ReverseReason::kControlLost);
    } else {
      LimitRelay(caller, relay, now + options_.drain_timeout);
    }
  }
}

void ServerCore::Refuse(const Origin& origin, ReverseError error, const std::string& text) {
  SendReply(origin.link, codec::ReverseErr{error, text});
  events_.push_back(EndLink{origin.link});
  events_.push_back(DataRejected{origin.address, error});
}

void ServerCore::RefuseBusy(const Client& client) {
  probing_.erase(client.link);
  SendReply(client.link, codec::ReverseErr{ReverseError::kBusy, "another client is connected"});
  events_.push_back(EndLink{client.link});
  events_.push_back(ClientBusy{client.id, client.address});
}

void ServerCore::SendMessage(Timestamp now, Session& session,
                             const codec::ReverseMessage& message) {
  session.watch.NoteSent(now);
  events_.push_back(SendLine{session.client.link, codec::SerializeReverseLine(message)});
}

void ServerCore::SendReply(LinkId link, const codec::ReverseReply& reply) {
  events_.push_back(SendLine{link, codec::SerializeReverseLine(reply)});
}

void ServerCore::HandleSessionTimeout(Timestamp now, SessionRef session) {
  Session& of = session->second;
  const ControlWatch::Due due = of.watch.HandleTimeout(now);
  if (due == ControlWatch::Due::kLost || (now >= of.probe_deadline && !of.newcomers.empty())) {
    return EndSession(now, session, ReverseReason::kControlLost);
  }
  if (now >= of.probe_deadline) of.probe_deadline = Timestamp::Max();
  for (const AheadPool::Waiting& surplus : of.pool.HandleTimeout(now)) {
    waiting_links_.erase(surplus.link);
    EndAhead(surplus.link, ReverseError::kLimit);
  }
  AskAhead(now, of);
  if (due == ControlWatch::Due::kPing) {
    SendMessage(now, of, codec::ReversePing{of.watch.NextPing()});
  }
}

void ServerCore::HandleTimeout(Timestamp now) {
  while (const auto origin = handshakes_.RemoveLate(now)) Refuse(*origin, ReverseError::kTimeout);
  for (auto session = sessions_.begin(); session != sessions_.end();) {
    HandleSessionTimeout(now, session++);
  }
  while (const auto late = asked_.Late(now)) ForgetAsked(now, *late);
  while (!pending_.empty() && pending_.begin()->second.deadline <= now) {
    EndPending(now, pending_.begin(), ReverseReason::kPairTimeout);
  }
  while (!relay_deadlines_.empty() && relay_deadlines_.begin()->first <= now) {
    const CallerId caller = relay_deadlines_.begin()->second;
    relay_deadlines_.erase(relay_deadlines_.begin());
    Relay& relay = relays_.at(caller);
    relay.deadline = Timestamp::Max();
    Abort(caller, relay, stopping_ ? ReverseReason::kShutdown : ReverseReason::kControlLost);
  }
}

Timestamp ServerCore::NextTimeout() const {
  Timestamp next = std::min(handshakes_.NextTimeout(), asked_.NextTimeout());
  if (!pending_.empty()) next = std::min(next, pending_.begin()->second.deadline);
  if (!relay_deadlines_.empty()) next = std::min(next, relay_deadlines_.begin()->first);
  for (const auto& [link, session] : sessions_) {
    next = std::min(
        {next, session.watch.NextTimeout(), session.probe_deadline, session.pool.NextTimeout()});
  }
  return next;
}

std::optional<ServerEvent> ServerCore::PollEvent() {
  if (events_.empty()) return std::nullopt;
  ServerEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

bool ServerCore::IsConsistent() const {
  size_t announced = 0;
  for (const auto& [caller, pending] : pending_) {
    if (!pending.announcement) continue;
    ++announced;
    const auto found = announced_.find(pending.announcement->conn);
    if (found == announced_.end() || !(found->second == caller)) return false;
    if (sessions_.count(pending.announcement->session) == 0) return false;
  }
  size_t served = announced;  // by sessions that live
  for (const auto& [caller, relay] : relays_) served += sessions_.count(relay.announcement.session);
  size_t of_sessions = 0;
  size_t newcomers = 0;
  size_t asked = 0;
  size_t waiting = 0;
  for (const auto& [link, session] : sessions_) {
    asked += session.pool.asked();
    waiting += session.pool.waiting().size();
    if (session.pool.asked() + session.pool.waiting().size() > session.client.ahead) return false;
    of_sessions += session.callers;
    newcomers += session.newcomers.size();
    if (!session.newcomers.empty() && session.probe_deadline == Timestamp::Max()) return false;
  }
  return announced == announced_.size() && relays_.size() == relayed_.size() &&
         asked == asked_.size() && waiting == waiting_links_.size() && asked_.IsConsistent() &&
         handshakes_.IsConsistent() && of_sessions == served && newcomers == probing_.size() &&
         newcomers <= options_.max_handshakes && pending_.size() <= options_.max_pending &&
         relays_.size() <= options_.max_relays && (!single_client_ || sessions_.size() <= 1);
}

}  // namespace ming::reverse
