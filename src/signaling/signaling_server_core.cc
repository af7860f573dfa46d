#include "ming/signaling/signaling_server_core.h"

#include <glog/logging.h>

#include <algorithm>

#include "ming/base/utf8.h"
#include "ming/signaling/introduction.h"

namespace ming::signaling {
namespace {

// Messages of a connection that waits for its ID. It is not read meanwhile, so these are only what
// was under way.
constexpr size_t kMaxHeldMessages = 64;

std::string Quoted(std::string_view id) { return "'" + PrintableText(id, 256) + "'"; }

}  // namespace

SignalingServerCore::SignalingServerCore(const SignalingServerCoreOptions& options)
    : options_(options),
      message_rule_{options.message_rate, options.message_burst},
      admission_(options_) {
  CHECK(Validate(options).empty()) << Validate(options).front();
}

SignalingServerCore::~SignalingServerCore() = default;

std::optional<SignalingRefusal> SignalingServerCore::CheckRequest(Timestamp now,
                                                                  const SignalingRequest& request) {
  auto refusal = shut_down_ ? SignalingRefusal{503, "the server is shutting down"}
                            : admission_.Check(now, request);
  if (!refusal) return refusal;
  if (refusal->status == 401) ++metrics_.refused_token_total;
  if (refusal->status == 403) ++metrics_.refused_origin_total;
  if (refusal->status == 429) ++metrics_.refused_rate_total;
  if (refusal->status == 503) ++metrics_.refused_full_total;
  return refusal;
}

void SignalingServerCore::HandleConnected(Timestamp now, ConnectionId connection,
                                          const SignalingRequest& request) {
  const auto [it, fresh] =
      connections_.try_emplace(connection, connection, TokenBucket(message_rule_, now));
  CHECK(fresh) << "connection " << connection << " was used before";
  Connection& added = it->second;
  added.source = request.source;
  added.grant = admission_.Grant(request);
  admission_.AddConnection(now, request.source);
  ++metrics_.connections;
  ++metrics_.connections_total;
  if (shut_down_) {
    CloseNow(added, SignalingClose::kGoingAway, "the server is shutting down");
  } else {
    SetDeadline(added, now + options_.first_message_timeout);
  }
}

void SignalingServerCore::HandleMessage(Timestamp now, ConnectionId connection, ByteSpan wire) {
  Connection* from = Find(connection);
  if (from == nullptr || from->state == State::kClosing) return;
  ++metrics_.messages_received_total;
  NoteAlive(*from);
  ChargeMessage(now, *from);

  codec::SignalingLimits limits;
  limits.max_bytes = options_.max_message_size;
  auto message = codec::ParseSignalingMessage(wire.AsText(), limits);
  if (!message.ok()) {
    ++metrics_.malformed_total;
    Refuse(*from, SignalingClose::kMalformed, "bad message: " + message.status().message());
    return;
  }
  switch (from->state) {
    case State::kNew:
      HandleFirst(now, *from, *std::move(message));
      break;
    case State::kWaiting:
      if (from->held.size() >= kMaxHeldMessages) {
        Refuse(*from, SignalingClose::kPolicy, "too many messages before the registration");
      } else {
        from->held.push_back(*std::move(message));
      }
      break;
    case State::kHost:
    case State::kClient:
      HandleNext(*from, *std::move(message));
      break;
    case State::kClosing:
      break;
  }
}

void SignalingServerCore::HandleFirst(Timestamp now, Connection& connection,
                                      codec::SignalingMessage message) {
  const bool is_host = message.type == codec::SignalingType::kRegisterHost;
  connection.kind = is_host ? Kind::kHost : Kind::kClient;
  const std::string bad_id = WhyBadId(message.sender_id, options_.max_id_length);
  if (!bad_id.empty()) {
    Refuse(connection, SignalingClose::kPolicy, "bad sender_id: " + bad_id);
    return;
  }
  connection.id = message.sender_id;
  connection.resume_secret = ResumeSecretOf(message);
  if (is_host && !admission_.MayRegister(connection.grant, connection.id)) {
    Refuse(connection, SignalingClose::kPolicy,
           "this token may not register host ID " + Quoted(connection.id));
    return;
  }
  if (!is_host && connection.grant.only_its_hosts()) {
    Refuse(connection, SignalingClose::kPolicy, "this token is for registering a host only");
    return;
  }
  if (!is_host && hosts_.count(connection.id) > 0) {
    RefuseHostId(connection);
    return;
  }
  Claim(now, connection, std::move(message));
}

// Gives `connection` the ID it wants, at once where nobody has it, else after a probe of its
// holder.
void SignalingServerCore::Claim(Timestamp now, Connection& connection,
                                codec::SignalingMessage message) {
  const IdTable& ids = Ids(connection.kind);
  const auto taken = ids.find(connection.id);
  if (taken == ids.end()) {
    TakeId(connection);
    HandleNext(connection, std::move(message));
    return;
  }
  Connection* holder = Find(taken->second);
  CHECK(holder != nullptr);
  const bool same_process = !connection.resume_secret.empty() &&
                            connection.resume_secret.Reveal() == holder->resume_secret.Reveal();
  if (same_process) {
    MoveId(*holder, connection);
    HandleNext(connection, std::move(message));
    return;
  }
  if (holder->challenger) {
    RefuseTaken(connection);
    return;
  }
  connection.held.push_back(std::move(message));
  BeginProbe(now, connection, *holder);
}

void SignalingServerCore::TakeId(Connection& connection) {
  const bool fresh = Ids(connection.kind).emplace(connection.id, connection.self).second;
  CHECK(fresh) << "ID taken twice";
  SetDeadline(connection, Timestamp::Max());
  if (connection.kind == Kind::kClient) {
    connection.state = State::kClient;
    ++metrics_.clients;
    return;
  }
  connection.state = State::kHost;
  ++metrics_.hosts;
  ++metrics_.hosts_registered_total;
  events_.Push(HostRegistered{connection.self, connection.id});
  // A client that chose the ID of a host before the host came gets out of its way.
  const auto shadowed = clients_.find(connection.id);
  if (shadowed != clients_.end()) {
    Connection* client = Find(shadowed->second);
    CHECK(client != nullptr);
    RefuseHostId(*client);
  }
}

// A message of a connection that has its ID; its first one, too.
void SignalingServerCore::HandleNext(Connection& connection, codec::SignalingMessage message) {
  if (!message.sender_id.empty() && message.sender_id != connection.id) {
    ++metrics_.spoofed_total;
    SendError(connection, "sender_id " + Quoted(message.sender_id) + " is not yours, which is " +
                              Quoted(connection.id));
    return;
  }
  if (message.type == codec::SignalingType::kRegisterHost) {
    if (connection.state != State::kHost) SendError(connection, "you are a client already");
    return;  // a host may repeat its registration
  }
  if (IsClientIntroduction(message)) return;
  message.sender_id = connection.id;
  Forward(connection, message);
}

void SignalingServerCore::Forward(Connection& from, const codec::SignalingMessage& message) {
  if (message.target_id.empty()) {
    ++metrics_.unknown_target_total;
    SendError(from, "the message has no target_id");
    return;
  }
  auto target = hosts_.find(message.target_id);
  bool found = target != hosts_.end();
  if (!found) {
    target = clients_.find(message.target_id);
    found = target != clients_.end();
  }
  if (!found || target->second == from.self) {
    ++metrics_.unknown_target_total;
    SendError(from, "target host " + Quoted(message.target_id) + " not found");
    return;
  }
  // Written anew from what was parsed: the receiver's parser has no second reading of it.
  std::string text = codec::SerializeSignalingMessage(message);
  if (text.size() > options_.max_message_size) {  // with the sender_id that was left out
    SendError(from, "the message is too long");
    return;
  }
  ++metrics_.messages_forwarded_total;
  events_.Push(SendText{target->second, std::move(text)});
}

// Both belong to one process, which uses the later one.
void SignalingServerCore::MoveId(Connection& holder, Connection& successor) {
  NoteAlive(holder);  // somebody else may be waiting for the ID
  ++metrics_.ids_resumed_total;
  CloseNow(holder, SignalingClose::kTimeout, "replaced by a later connection");
  TakeId(successor);
}

void SignalingServerCore::BeginProbe(Timestamp now, Connection& challenger, Connection& holder) {
  VLOG(1) << "conn " << challenger.self << " wants the ID of conn " << holder.self << ", probing";
  challenger.state = State::kWaiting;
  challenger.holder = holder.self;
  holder.challenger = challenger.self;
  SetDeadline(challenger, now + options_.probe_timeout);
  events_.Push(PauseConnection{challenger.self});
  events_.Push(ProbeConnection{holder.self});
}

// `holder` has shown that it lives: whoever waits for its ID does so in vain.
void SignalingServerCore::NoteAlive(Connection& holder) {
  if (!holder.challenger) return;
  Connection* challenger = Find(*holder.challenger);
  CHECK(challenger != nullptr);
  RefuseTaken(*challenger);
}

void SignalingServerCore::HandlePong(Timestamp /*now*/, ConnectionId connection) {
  Connection* from = Find(connection);
  if (from != nullptr && from->state != State::kClosing) NoteAlive(*from);
}

void SignalingServerCore::RefuseTaken(Connection& connection) {
  ++metrics_.id_conflicts_total;
  const char* kind = connection.kind == Kind::kHost ? "host" : "client";
  Refuse(connection, SignalingClose::kPolicy,
         std::string(kind) + " with ID " + Quoted(connection.id) + " already registered");
}

void SignalingServerCore::RefuseHostId(Connection& client) {
  ++metrics_.id_conflicts_total;
  Refuse(client, SignalingClose::kPolicy, Quoted(client.id) + " is the ID of a host");
}

// The ID that `challenger` waited for is free.
void SignalingServerCore::FinishProbe(Connection& challenger) {
  challenger.holder.reset();
  if (challenger.kind == Kind::kClient && hosts_.count(challenger.id) > 0) {
    RefuseHostId(challenger);
    return;
  }
  TakeId(challenger);
  auto held = std::exchange(challenger.held, {});
  for (codec::SignalingMessage& message : held) {
    if (challenger.state == State::kClosing) return;
    HandleNext(challenger, std::move(message));
  }
  if (challenger.state != State::kClosing && !challenger.paused_by_rate) {
    events_.Push(ResumeConnection{challenger.self});
  }
}

// `connection` no longer has its ID, nor wants one.
void SignalingServerCore::GiveUpId(Connection& connection) {
  if (connection.holder) {
    Connection* holder = Find(*connection.holder);
    CHECK(holder != nullptr);
    holder->challenger.reset();
    connection.holder.reset();
  }
  connection.held = {};
  if (connection.state == State::kClient) {
    clients_.erase(connection.id);
    --metrics_.clients;
  } else if (connection.state == State::kHost) {
    hosts_.erase(connection.id);
    --metrics_.hosts;
    events_.Push(HostRemoved{connection.self, connection.id});
  }
  connection.state = State::kClosing;
  SetDeadline(connection, Timestamp::Max());
  SetResume(connection, Timestamp::Max());
  if (!connection.challenger) return;
  Connection* challenger = Find(*std::exchange(connection.challenger, std::nullopt));
  CHECK(challenger != nullptr);
  FinishProbe(*challenger);
}

void SignalingServerCore::HandleClosed(Timestamp now, ConnectionId connection) {
  Connection* gone = Find(connection);
  if (gone == nullptr) return;
  GiveUpId(*gone);
  admission_.RemoveConnection(now, gone->source);
  --metrics_.connections;
  connections_.erase(connection);
}

void SignalingServerCore::HandleTooSlow(Timestamp now, ConnectionId connection) {
  ++metrics_.slow_readers_total;
  HandleClosed(now, connection);
}

void SignalingServerCore::Shutdown(Timestamp /*now*/) {
  if (std::exchange(shut_down_, true)) return;
  // Waiting connections first, so that none of them takes an ID that another one gives up.
  for (auto& [id, connection] : connections_) {
    if (connection.state == State::kWaiting) {
      CloseNow(connection, SignalingClose::kGoingAway, "the server is shutting down");
    }
  }
  for (auto& [id, connection] : connections_) {
    CloseNow(connection, SignalingClose::kGoingAway, "the server is shutting down");
  }
}

void SignalingServerCore::HandleTimeout(Timestamp now) {
  while (!timers_.empty() && timers_.begin()->first <= now) {
    Connection* due = Find(timers_.begin()->second);
    CHECK(due != nullptr);
    if (due->deadline <= now) {
      HandleDeadline(*due);
    } else {
      SetResume(*due, Timestamp::Max());
      due->paused_by_rate = false;
      if (due->state != State::kWaiting) events_.Push(ResumeConnection{due->self});
    }
  }
}

void SignalingServerCore::HandleDeadline(Connection& connection) {
  SetDeadline(connection, Timestamp::Max());
  if (connection.state == State::kNew) {
    Refuse(connection, SignalingClose::kTimeout, "no message came in time");
    return;
  }
  CHECK(connection.state == State::kWaiting && connection.holder);
  Connection* holder = Find(*connection.holder);
  CHECK(holder != nullptr);
  ++metrics_.holders_replaced_total;
  CloseNow(*holder, SignalingClose::kTimeout, "no answer to a ping");
}

Timestamp SignalingServerCore::NextTimeout() const {
  return timers_.empty() ? Timestamp::Max() : timers_.begin()->first;
}

std::optional<SignalingServerEvent> SignalingServerCore::PollEvent() { return events_.Poll(); }

void SignalingServerCore::ChargeMessage(Timestamp now, Connection& connection) {
  connection.messages.Take(message_rule_, now);
  if (connection.paused_by_rate || connection.messages.HasToken(message_rule_, now)) return;
  ++metrics_.throttled_total;
  connection.paused_by_rate = true;
  SetResume(connection, connection.messages.NextToken(message_rule_, now));
  if (connection.state != State::kWaiting) events_.Push(PauseConnection{connection.self});
}

void SignalingServerCore::SendError(const Connection& to, const std::string& text) {
  ++metrics_.errors_sent_total;
  events_.Push(SendText{to.self, codec::SerializeSignalingMessage(codec::MakeError(text, to.id))});
}

// Says why, then closes.
void SignalingServerCore::Refuse(Connection& connection, SignalingClose why,
                                 const std::string& reason) {
  SendError(connection, reason);
  CloseNow(connection, why, reason);
}

void SignalingServerCore::CloseNow(Connection& connection, SignalingClose why,
                                   const std::string& reason) {
  if (connection.state == State::kClosing) return;
  events_.Push(CloseConnection{connection.self, why, reason});
  GiveUpId(connection);
}

void SignalingServerCore::SetDeadline(Connection& connection, Timestamp when) {
  Rearm(connection, connection.deadline, when);
}

void SignalingServerCore::SetResume(Connection& connection, Timestamp when) {
  Rearm(connection, connection.resume_at, when);
}

// timers_ holds the earlier one of the two times of a connection.
void SignalingServerCore::Rearm(Connection& connection, Timestamp& slot, Timestamp when) {
  timers_.erase({std::min(connection.deadline, connection.resume_at), connection.self});
  slot = when;
  const Timestamp first = std::min(connection.deadline, connection.resume_at);
  if (first != Timestamp::Max()) timers_.emplace(first, connection.self);
}

SignalingServerCore::Connection* SignalingServerCore::Find(ConnectionId connection) {
  const auto found = connections_.find(connection);
  return found == connections_.end() ? nullptr : &found->second;
}

void SignalingServerCore::CheckConsistent() const {
  uint64_t hosts = 0;
  uint64_t clients = 0;
  size_t timers = 0;
  for (const auto& [id, connection] : connections_) {
    CHECK(connection.self == id);
    if (std::min(connection.deadline, connection.resume_at) != Timestamp::Max()) ++timers;
    CHECK((connection.state == State::kWaiting) == connection.holder.has_value());
    CHECK(connection.held.empty() || connection.state == State::kWaiting);
    CHECK(!connection.challenger || connections_.at(*connection.challenger).holder == id);
    CHECK(!connection.holder || connections_.at(*connection.holder).challenger == id);
    if (connection.state == State::kHost) {
      ++hosts;
      CHECK(hosts_.at(connection.id) == id);
      CHECK(clients_.count(connection.id) == 0);
    } else if (connection.state == State::kClient) {
      ++clients;
      CHECK(clients_.at(connection.id) == id);
    }
  }
  CHECK(hosts == hosts_.size() && hosts == metrics_.hosts);
  CHECK(clients == clients_.size() && clients == metrics_.clients);
  CHECK(connections_.size() == metrics_.connections);
  CHECK(connections_.size() == admission_.connection_count());
  CHECK(timers == timers_.size());
}

}  // namespace ming::signaling
