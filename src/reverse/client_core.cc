#include "ming/reverse/client_core.h"

#include <glog/logging.h>

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "ming/codec/text_fields.h"

namespace ming::reverse {
namespace {

using codec::ReverseConnId;
using codec::ReverseError;
using codec::ReverseReason;

constexpr Duration kLeastBusyDelay = std::chrono::seconds(5);
constexpr uint64_t kMaxHeartbeatMs = 3'600'000;
constexpr char kNotRt1[] =
    "the server does not speak RT1 (is this its port B? With a certificate it wants TLS)";
constexpr char kUnanswered[] = ", unanswered (is this its port B? With a certificate it wants TLS)";
constexpr char kDistrusted[] = " (--tls-ca: whom to trust, --tls-name: whom it is for)";
constexpr char kUnproved[] = ": it judges --token-file, --tls-cert and --id";
constexpr char kNotOffered[] = "the server asks for connections that were not offered";
constexpr char kNoAnswer[] = "the server does not answer (is this its port B?)";

// The server's heartbeat; none where it names nothing usable.
Duration HeartbeatOf(const codec::ReverseParams& params) {
  const auto text = params.Find("heartbeat");
  const auto number = text ? codec::ParseDecimal(*text, kMaxHeartbeatMs) : std::nullopt;
  return std::chrono::milliseconds(number.value_or(0));
}

// What both ends agree to; none where the server names nothing usable.
size_t AheadOf(const codec::ReverseParams& params, size_t offered) {
  const auto text = params.Find("ahead");
  const auto number = text ? codec::ParseDecimal(*text, kMaxAhead) : std::nullopt;
  return std::min<size_t>(number.value_or(0), offered);
}

std::string ErrorText(const codec::ReverseErr& err) {
  std::string text =
      err.code ? std::string(codec::ReverseErrorName(*err.code)) : "an unknown error";
  if (!err.text.empty()) text += " (" + err.text + ")";
  return text;
}

}  // namespace

ClientCore::ClientCore(const ClientCoreOptions& options, Random& random, const TokenKey* token)
    : options_(options), random_(random), token_(token), reconnect_(options.reconnect) {
  const Status status = options.Validate();
  CHECK(status.ok()) << status.ToString();
}

// The control connection.

void ClientCore::Start(Timestamp /*now*/) {
  CHECK(control_ == Control::kNew);
  Dial();
}

void ClientCore::Dial() {
  control_ = Control::kDialing;
  control_deadline_ = Timestamp::Max();
  reader_ = LineReader();
  events_.Push(client::DialControl{});
}

bool ClientCore::HasControl() const {
  return control_ == Control::kDialing || control_ == Control::kGreeting ||
         control_ == Control::kUp;
}

void ClientCore::HandleControlConnected(Timestamp now) {
  if (control_ != Control::kDialing) return;
  control_ = Control::kGreeting;
  control_deadline_ = now + options_.handshake_timeout;
  codec::ReverseControl line;
  line.params.Add("id", options_.id);
  if (!options_.labels.empty()) {
    std::string labels;
    for (const std::string& label : options_.labels) labels += (labels.empty() ? "" : ",") + label;
    line.params.Add("label", labels);
  }
  if (token_ != nullptr) SignControl(*token_, random_, options_.id, line.params);
  if (options_.udp) line.params.Add("udp", "1");
  if (options_.ahead > 0) {
    line.params.Add("ahead", std::to_string(options_.ahead));
    line.params.Add("reuse", "1");
  }
  events_.Push(client::SendControl{codec::SerializeReverseLine(line), true});
}

size_t ClientCore::HandleControlBytes(Timestamp now, ByteSpan bytes) {
  if (control_ != Control::kGreeting && control_ != Control::kUp) return 0;
  const LineReader::Step step = reader_.Take(bytes, codec::kMaxReverseLine);
  if (step.too_long) {
    SayBye(ReverseReason::kProtocol);
    LoseControl(now, Status(StatusCode::kMalformed, "the server sent a line that is too long"), {});
  } else if (step.line && control_ == Control::kGreeting) {
    HandleReply(now, *step.line);
  } else if (step.line) {
    HandleMessage(now, *step.line);
  }
  return step.consumed;
}

void ClientCore::HandleControlEnd(Timestamp now, const Status& why) {
  if (!HasControl()) return;
  if (why.code() == StatusCode::kPermissionDenied && !options_.reconnect.after_refusal) {
    return End(now, ClientEnd::kRefused, Status(why.code(), why.message() + kDistrusted));
  }
  const bool unanswered = control_ == Control::kGreeting && why.code() == StatusCode::kClosed;
  LoseControl(now, unanswered ? Status(why.code(), why.message() + kUnanswered) : why, {});
}

void ClientCore::HandleReply(Timestamp now, std::string_view line) {
  const auto reply = codec::ParseReverseReply(line);
  if (!reply.ok()) {
    return End(now, ClientEnd::kRefused, Status(StatusCode::kProtocolViolation, kNotRt1));
  }
  if (const auto* const err = std::get_if<codec::ReverseErr>(&*reply)) {
    return HandleRefusal(now, *err);
  }
  const codec::ReverseParams& params = std::get<codec::ReverseOk>(*reply).params;
  control_ = Control::kUp;
  control_deadline_ = Timestamp::Max();
  reconnect_.HandleUp(now);
  watch_.emplace(HeartbeatOf(params), now);
  ahead_limit_ = AheadOf(params, options_.ahead);
  reuse_ = ahead_limit_ > 0 && params.Find("reuse") == "1";
  ++session_;
  events_.Push(client::ControlUp{std::string(params.Find("session").value_or("-")),
                                 options_.udp && params.Find("udp") == "1", ahead_limit_});
}

void ClientCore::HandleRefusal(Timestamp now, const codec::ReverseErr& err) {
  const bool unproved = err.code == ReverseError::kAuth;
  const Status why(StatusCode::kPermissionDenied,
                   "the server refused: " + ErrorText(err) + (unproved ? kUnproved : ""));
  const bool for_good = err.code == ReverseError::kProto || err.code == ReverseError::kVersion ||
                        (unproved && !options_.reconnect.after_refusal);
  if (for_good) return End(now, ClientEnd::kRefused, why);
  LoseControl(now, why, err.code == ReverseError::kBusy ? kLeastBusyDelay : Duration::zero());
}

void ClientCore::HandleMessage(Timestamp now, std::string_view line) {
  watch_->NoteReceived(now);
  auto message = codec::ParseReverseMessage(line);
  if (message.ok() && std::holds_alternative<codec::ReverseAhead>(*message) && ahead_limit_ == 0) {
    message = Status(StatusCode::kUnsupported, kNotOffered);  // as to a client of version 1
  }
  if (!message.ok()) {
    const bool unknown = message.status().code() == StatusCode::kUnsupported;
    if (unknown && watch_->NoteUnknownVerb(now)) return;
    SayBye(ReverseReason::kProtocol);
    return LoseControl(now, message.status(), {});
  }
  if (const auto* const announced = std::get_if<codec::ReverseNewConn>(&*message)) {
    HandleNewConn(now, *announced);
  } else if (const auto* const ahead = std::get_if<codec::ReverseAhead>(&*message)) {
    HandleAhead(now, ahead->conn);
  } else if (const auto* const close = std::get_if<codec::ReverseClose>(&*message)) {
    HandleClose(now, *close);
  } else if (const auto* const ping = std::get_if<codec::ReversePing>(&*message)) {
    SendMessage(now, codec::ReversePong{ping->number});
  } else if (const auto* const bye = std::get_if<codec::ReverseBye>(&*message)) {
    HandleBye(now, bye->reason);
  }
  // A PONG has done its work by coming.
}

void ClientCore::HandleClose(Timestamp now, const codec::ReverseClose& close) {
  const Conn* const conn = conns_.Find(close.conn);
  // Of a relay it is a hint only: the data connection decides.
  if (conn != nullptr && conn->stage != Stage::kRelaying) Drop(now, *conn, close.reason);
}

void ClientCore::HandleBye(Timestamp now, ReverseReason reason) {
  const Status status(StatusCode::kClosed,
                      "the server said BYE " + std::string(codec::ReverseReasonName(reason)));
  if (reason == ReverseReason::kReplaced && !options_.reconnect.after_replace) {
    return End(now, ClientEnd::kReplaced, status);
  }
  if (reason == ReverseReason::kShutdown && !options_.reconnect.enabled) {
    return End(now, ClientEnd::kStopped, Status::Ok());
  }
  LoseControl(now, status, {});
}

void ClientCore::SayBye(ReverseReason why) {
  events_.Push(client::SendControl{codec::SerializeReverseLine(codec::ReverseBye{why}), true});
}

void ClientCore::SendMessage(Timestamp now, const codec::ReverseMessage& message) {
  if (control_ != Control::kUp) return;
  watch_->NoteSent(now);
  events_.Push(client::SendControl{codec::SerializeReverseLine(message), true});
}

void ClientCore::LoseControl(Timestamp now, const Status& why, Duration least_delay) {
  events_.Push(client::EndControl{});
  events_.Push(client::ControlDown{why});
  control_ = Control::kWaiting;
  watch_.reset();
  LeaveConns(now, options_.orphans);
  const auto delay = reconnect_.HandleLoss(now, least_delay, random_);
  if (!delay) return End(now, ClientEnd::kServerLost, why);
  control_deadline_ = now + *delay;
  events_.Push(client::ReconnectWait{*delay});
}

// Connections of callers.

void ClientCore::HandleNewConn(Timestamp now, const codec::ReverseNewConn& message) {
  if (conns_.Has(message.conn)) return;
  if (conns_.size() >= options_.max_conns) {
    return SendMessage(now, codec::ReverseClose{message.conn, ReverseReason::kLimit});
  }
  Conn conn;
  conn.id = message.conn;
  conn.since = now;
  if (!SetCaller(conn, message.params)) {
    return SendMessage(now, codec::ReverseClose{message.conn, ReverseReason::kDenied});
  }
  const bool dial_first = DialsFirst(conn);
  if (dial_first) conn.stage = Stage::kDialingTarget;
  events_.Push(client::ConnNew{conn.id, conn.source, conn.kind});
  const Conn& added = conns_.Add(std::move(conn));
  if (dial_first) {
    events_.Push(client::DialTarget{added.id, added.source, CallerKind::kStream});
  } else {
    events_.Push(client::DialServer{added.id});
  }
}

bool ClientCore::SetCaller(Conn& conn, const codec::ReverseParams& params) const {
  const bool udp = params.Find("proto") == "udp";
  if (udp && !options_.udp) return false;
  conn.kind = udp ? CallerKind::kDatagrams : CallerKind::kStream;
  conn.source = params.Find("src").value_or("-");
  return true;
}

void ClientCore::HandleAhead(Timestamp now, ReverseConnId id) {
  if (conns_.Has(id)) return;
  // The reply that brings a caller may be behind the line that asks for the next one.
  if (conns_.ahead_count() >= 2 * ahead_limit_ || conns_.size() >= options_.max_conns) {
    return SendMessage(now, codec::ReverseClose{id, ReverseReason::kLimit});
  }
  AddAhead(now, id);
  events_.Push(client::DialServer{id});
}

ClientCore::Conn& ClientCore::AddAhead(Timestamp now, ReverseConnId id) {
  Conn conn;
  conn.id = id;
  conn.since = now;
  conn.ahead = true;
  conn.has_caller = false;
  return conns_.Add(std::move(conn));
}

bool ClientCore::BeginCaller(Timestamp now, Conn& conn, const codec::ReverseParams& params) {
  if (!SetCaller(conn, params)) {
    Fail(now, conn, ReverseReason::kDenied);
    return false;
  }
  conns_.BeginCaller(conn);
  if (reuse_ && conn.kind == CallerKind::kStream) conn.reusable_in = session_;
  conn.since = now;
  events_.Push(client::ConnNew{conn.id, conn.source, conn.kind});
  return true;
}

void ClientCore::HandleLinkConnected(Timestamp now, ReverseConnId id) {
  Conn* const conn = conns_.Find(id);
  if (conn == nullptr || conn->stage != Stage::kDialingServer) return;
  conn->stage = Stage::kGreeting;
  // The reply to one ahead of need comes with its caller.
  if (conn->has_caller) conns_.SetDeadline(*conn, now + options_.handshake_timeout);
  codec::ReverseData line{id, {}};
  if (token_ != nullptr) SignData(*token_, id, line.params);
  events_.Push(client::SendLink{id, codec::SerializeReverseLine(line)});
}

size_t ClientCore::HandleLinkBytes(Timestamp now, ReverseConnId id, ByteSpan bytes) {
  Conn* const conn = conns_.Find(id);
  if (conn == nullptr || conn->stage != Stage::kGreeting) return 0;
  const LineReader::Step step = conn->reader.Take(bytes, codec::kMaxReverseLine);
  if (step.too_long) {
    Drop(now, *conn, ReverseReason::kProtocol);
  } else if (step.line) {
    HandleLinkReply(now, *conn, *step.line);
  }
  return step.consumed;
}

void ClientCore::HandleLinkReply(Timestamp now, Conn& conn, std::string_view line) {
  const auto reply = codec::ParseReverseReply(line);
  if (!reply.ok()) return Drop(now, conn, ReverseReason::kProtocol);
  if (const auto* const err = std::get_if<codec::ReverseErr>(&*reply)) {
    // The caller of a refused connection still waits, unless its id is spent.
    const bool limit = conn.has_caller && err->code == ReverseError::kLimit;
    return limit ? Fail(now, conn, ReverseReason::kLimit) : Drop(now, conn, ReverseReason::kDenied);
  }
  const codec::ReverseParams& params = std::get<codec::ReverseOk>(*reply).params;
  if (!conn.has_caller && !BeginCaller(now, conn, params)) return;
  conn.spent = true;
  conns_.SetDeadline(conn, Timestamp::Max());
  if (DialsFirst(conn)) return StartRelaying(now, conn);
  conn.stage = Stage::kDialingTarget;
  events_.Push(client::DialTarget{conn.id, conn.source, conn.kind});
}

void ClientCore::HandleLinkEnd(Timestamp now, ReverseConnId id) {
  const Conn* const conn = conns_.Find(id);
  if (conn == nullptr || conn->stage == Stage::kRelaying) return;
  Drop(now, *conn, ReverseReason::kReset);
}

void ClientCore::HandleTargetConnected(Timestamp now, ReverseConnId id) {
  Conn* const conn = conns_.Find(id);
  if (conn == nullptr || conn->stage != Stage::kDialingTarget) return;
  if (!DialsFirst(*conn)) return StartRelaying(now, *conn);
  conn->stage = Stage::kDialingServer;
  events_.Push(client::DialServer{id});
}

void ClientCore::HandleTargetFailed(Timestamp now, ReverseConnId id, ReverseReason why) {
  const Conn* const conn = conns_.Find(id);
  if (conn == nullptr || conn->stage == Stage::kRelaying) return;
  if (!DialsFirst(*conn) && conn->stage != Stage::kDialingTarget) return;
  Fail(now, *conn, why);
}

void ClientCore::HandleNoResources(Timestamp now, ReverseConnId id) {
  const Conn* const conn = conns_.Find(id);
  if (conn == nullptr || conn->stage == Stage::kRelaying) return;
  Fail(now, *conn, ReverseReason::kLimit);
}

void ClientCore::StartRelaying(Timestamp now, Conn& conn) {
  conns_.BeginRelay(conn);
  events_.Push(client::StartRelay{conn.id, conn.reusable_in != 0});
  events_.Push(client::ConnPaired{conn.id, now - conn.since, conn.ahead});
}

void ClientCore::WaitAhead(Timestamp now, ReverseConnId id) {
  AddAhead(now, id).stage = Stage::kGreeting;
  events_.Push(client::KeepLink{id});
  watch_->NoteSent(now);
  events_.Push(
      client::SendControl{codec::SerializeReverseLine(codec::ReverseReady{id, {}}), false});
}

void ClientCore::HandleRelayDone(Timestamp now, ReverseConnId id, ReverseReason why,
                                 bool has_link) {
  const Conn* const conn = conns_.Find(id);
  if (conn == nullptr || conn->stage != Stage::kRelaying) return;
  const bool is_ours = control_ == Control::kUp && conn->reusable_in == session_;
  Remove(now, *conn, conn->aborted_for.value_or(why));
  if (has_link && is_ours && conns_.ahead_count() < 2 * ahead_limit_) WaitAhead(now, id);
  CompleteEnd();
}

void ClientCore::Fail(Timestamp now, const Conn& conn, ReverseReason why) {
  SendMessage(now, codec::ReverseClose{conn.id, why});
  Drop(now, conn, why);
}

void ClientCore::Drop(Timestamp now, const Conn& conn, ReverseReason why) {
  events_.Push(client::DropConn{conn.id});
  Remove(now, conn, why);
}

void ClientCore::Remove(Timestamp now, const Conn& conn, ReverseReason why) {
  const Conn removed = conns_.Remove(conn.id);
  if (!removed.has_caller) return;
  events_.Push(client::ConnEnd{removed.id, why, now - removed.since, removed.spent});
}

void ClientCore::Abort(Conn& conn, ReverseReason why) {
  if (conn.aborted_for) return;
  conn.aborted_for = why;
  events_.Push(client::AbortRelay{conn.id});
}

void ClientCore::ExpireConn(Timestamp now, Conn& conn) {
  conns_.SetDeadline(conn, Timestamp::Max());
  if (conn.stage != Stage::kRelaying) {
    return Fail(now, conn, ReverseReason::kInternal);  // no reply to DATA
  }
  Abort(conn, control_ == Control::kEnded ? ReverseReason::kShutdown : ReverseReason::kControlLost);
}

void ClientCore::LeaveConns(Timestamp now, Orphans orphans) {
  for (const ReverseConnId id : conns_.ids()) {
    Conn& conn = *conns_.Find(id);
    if (conn.stage != Stage::kRelaying) {
      Drop(now, conn, ReverseReason::kControlLost);
    } else if (orphans == Orphans::kKill) {
      Abort(conn, ReverseReason::kControlLost);
    } else if (orphans == Orphans::kDrain) {
      conns_.SetDeadline(conn, std::min(conn.deadline, now + options_.drain_timeout));
    }
  }
}

// The end, and time.

void ClientCore::Stop(Timestamp now) {
  if (control_ == Control::kEnded) return;
  if (control_ == Control::kUp) SayBye(ReverseReason::kShutdown);
  End(now, ClientEnd::kStopped, Status::Ok());
}

void ClientCore::End(Timestamp now, ClientEnd end, const Status& why) {
  if (HasControl()) events_.Push(client::EndControl{});
  control_ = Control::kEnded;
  control_deadline_ = Timestamp::Max();
  watch_.reset();
  ended_ = client::Ended{end, why};
  LeaveConns(now, Orphans::kDrain);
  CompleteEnd();
}

void ClientCore::CompleteEnd() {
  if (!ended_ || conns_.size() > 0) return;
  events_.Push(*std::exchange(ended_, std::nullopt));
}

void ClientCore::HandleTimeout(Timestamp now) {
  while (Conn* const late = conns_.Late(now)) ExpireConn(now, *late);
  if (control_ == Control::kWaiting && now >= control_deadline_) return Dial();
  if (control_ == Control::kGreeting && now >= control_deadline_) {
    return LoseControl(now, Status(StatusCode::kTimeout, kNoAnswer), {});
  }
  if (control_ != Control::kUp) return;
  const ControlWatch::Due due = watch_->HandleTimeout(now);
  if (due == ControlWatch::Due::kLost) {
    LoseControl(now, Status(StatusCode::kTimeout, "nothing came from the server"), {});
  } else if (due == ControlWatch::Due::kPing) {
    SendMessage(now, codec::ReversePing{watch_->NextPing()});
  }
}

Timestamp ClientCore::NextTimeout() const {
  const Timestamp next = std::min(control_deadline_, conns_.NextTimeout());
  return watch_ ? std::min(next, watch_->NextTimeout()) : next;
}

bool ClientCore::IsConsistent() const {
  // Without control there are relays only.
  return (control_up() || conns_.size() == conns_.relay_count()) && conns_.IsConsistent() &&
         conns_.ahead_count() <= 2 * options_.ahead && watch_.has_value() == control_up() &&
         conns_.size() <= options_.max_conns;
}

}  // namespace ming::reverse
