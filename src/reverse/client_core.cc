#include "ming/reverse/client_core.h"

#include <glog/logging.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "ming/base/option_problems.h"
#include "ming/codec/text_fields.h"

namespace ming::reverse {
namespace {

using codec::ReverseConnId;
using codec::ReverseError;
using codec::ReverseReason;

// After a session of this length the delays begin anew.
constexpr Duration kLongSession = std::chrono::seconds(30);
constexpr Duration kLeastBusyDelay = std::chrono::seconds(5);
constexpr uint64_t kMaxHeartbeatMs = 3'600'000;
constexpr size_t kMaxDoublings = 30;
constexpr char kNotRt1[] =
    "the server does not speak RT1 (is this its port B? With a certificate it wants TLS)";
constexpr char kUnanswered[] = ", unanswered (is this its port B? With a certificate it wants TLS)";
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

Status ClientCoreOptions::Validate() const {
  using std::chrono::hours;
  using std::chrono::milliseconds;
  using std::chrono::minutes;
  OptionProblems problems;
  problems.Require(codec::IsReverseName(id), "id: 1 to 64 of A-Z a-z 0-9 . _ -");
  problems.Range("labels", labels.size(), 0, kMaxLabels);
  problems.Require(std::all_of(labels.begin(), labels.end(), codec::IsReverseName),
                   "label: 1 to 64 of A-Z a-z 0-9 . _ -");
  problems.Range("handshake-timeout", handshake_timeout, milliseconds(10), minutes(10));
  problems.Range("drain-timeout", drain_timeout, Duration::zero(), hours(24));
  problems.Range("max-conns", max_conns, 1, 1000000);
  problems.Range("ahead", ahead, 0, kMaxAhead);
  problems.Require(ahead == 0 || !dial_first,
                   "ahead: not with dial-first, which reaches the target before the server");
  problems.Range("retry-min", reconnect.least, milliseconds(10), hours(24));
  problems.Range("retry-max", reconnect.most, reconnect.least, hours(24));
  return problems.ToStatus();
}

ClientCore::ClientCore(const ClientCoreOptions& options, Random& random, const TokenKey* token)
    : options_(options), random_(random), token_(token) {
  const Status status = options.Validate();
  CHECK(status.ok()) << status.ToString();
}

void ClientCore::Start(Timestamp /*now*/) {
  CHECK(control_ == Control::kNew);
  Dial();
}

void ClientCore::Dial() {
  control_ = Control::kDialing;
  control_deadline_ = Timestamp::Max();
  reader_ = LineReader();
  events_.push_back(client::DialControl{});
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
  if (options_.ahead > 0) line.params.Add("ahead", std::to_string(options_.ahead));
  events_.push_back(client::SendControl{codec::SerializeReverseLine(line)});
}

size_t ClientCore::HandleControlBytes(Timestamp now, ByteSpan bytes) {
  if (control_ != Control::kGreeting && control_ != Control::kUp) return 0;
  LineReader::Step step = reader_.Take(bytes, codec::kMaxReverseLine);
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
  if (control_ != Control::kDialing && control_ != Control::kGreeting && control_ != Control::kUp) {
    return;
  }
  if (why.code() == StatusCode::kPermissionDenied && !options_.reconnect.after_refusal) {
    events_.push_back(client::EndControl{});
    return End(now, ClientEnd::kRefused, why);
  }
  const bool unanswered = control_ == Control::kGreeting && why.code() == StatusCode::kClosed;
  LoseControl(now, unanswered ? Status(why.code(), why.message() + kUnanswered) : why, {});
}

void ClientCore::HandleReply(Timestamp now, std::string_view line) {
  const auto reply = codec::ParseReverseReply(line);
  if (!reply.ok()) {
    events_.push_back(client::EndControl{});
    return End(now, ClientEnd::kRefused, Status(StatusCode::kProtocolViolation, kNotRt1));
  }
  if (const auto* const err = std::get_if<codec::ReverseErr>(&*reply)) {
    return HandleRefusal(now, *err);
  }
  const codec::ReverseParams& params = std::get<codec::ReverseOk>(*reply).params;
  control_ = Control::kUp;
  control_deadline_ = Timestamp::Max();
  up_since_ = now;
  watch_.emplace(HeartbeatOf(params), now);
  ahead_limit_ = AheadOf(params, options_.ahead);
  events_.push_back(client::ControlUp{std::string(params.Find("session").value_or("-")),
                                      options_.udp && params.Find("udp") == "1", ahead_limit_});
}

void ClientCore::HandleRefusal(Timestamp now, const codec::ReverseErr& err) {
  const Status why(StatusCode::kPermissionDenied, "the server refused: " + ErrorText(err));
  const bool for_good = err.code == ReverseError::kProto || err.code == ReverseError::kVersion ||
                        (err.code == ReverseError::kAuth && !options_.reconnect.after_refusal);
  if (for_good) {
    events_.push_back(client::EndControl{});
    return End(now, ClientEnd::kRefused, why);
  }
  LoseControl(now, why, err.code == ReverseError::kBusy ? kLeastBusyDelay : Duration::zero());
}

void ClientCore::HandleMessage(Timestamp now, std::string_view line) {
  watch_->NoteReceived(now);
  const auto message = codec::ParseReverseMessage(line);
  const bool uninvited =
      message.ok() && std::holds_alternative<codec::ReverseAhead>(*message) && ahead_limit_ == 0;
  if (!message.ok() || uninvited) {
    const bool unknown = uninvited || message.status().code() == StatusCode::kUnsupported;
    if (unknown && watch_->NoteUnknownVerb(now)) return;
    SayBye(ReverseReason::kProtocol);
    const Status unbidden(StatusCode::kProtocolViolation,
                          "the server asks for connections that were not offered");
    return LoseControl(now, uninvited ? unbidden : message.status(), {});
  }
  if (const auto* const announced = std::get_if<codec::ReverseNewConn>(&*message)) {
    HandleNewConn(now, *announced);
  } else if (const auto* const ahead = std::get_if<codec::ReverseAhead>(&*message)) {
    HandleAhead(now, ahead->conn);
  } else if (const auto* const close = std::get_if<codec::ReverseClose>(&*message)) {
    const auto conn = conns_.find(close->conn);
    if (conn != conns_.end() && conn->second.stage != Stage::kRelaying) {
      Drop(now, conn, close->reason);
    }
  } else if (const auto* const ping = std::get_if<codec::ReversePing>(&*message)) {
    SendMessage(now, codec::ReversePong{ping->number});
  } else if (const auto* const bye = std::get_if<codec::ReverseBye>(&*message)) {
    HandleBye(now, bye->reason);
  }
}

void ClientCore::HandleBye(Timestamp now, ReverseReason reason) {
  const Status status(StatusCode::kClosed,
                      "the server said BYE " + std::string(codec::ReverseReasonName(reason)));
  if (reason == ReverseReason::kReplaced && !options_.reconnect.after_replace) {
    events_.push_back(client::EndControl{});
    return End(now, ClientEnd::kReplaced, status);
  }
  if (reason == ReverseReason::kShutdown && !options_.reconnect.enabled) {
    events_.push_back(client::EndControl{});
    return End(now, ClientEnd::kStopped, Status::Ok());
  }
  LoseControl(now, status, {});
}

void ClientCore::HandleNewConn(Timestamp now, const codec::ReverseNewConn& message) {
  if (conns_.count(message.conn) != 0) return;
  if (conns_.size() >= options_.max_conns) {
    return SendMessage(now, codec::ReverseClose{message.conn, ReverseReason::kLimit});
  }
  Conn conn;
  conn.since = now;
  if (!SetCaller(conn, message.params)) {
    return SendMessage(now, codec::ReverseClose{message.conn, ReverseReason::kDenied});
  }
  const bool dial_first = DialsFirst(conn);
  if (dial_first) conn.stage = Stage::kDialingTarget;
  events_.push_back(client::ConnNew{message.conn, conn.source, conn.kind});
  const auto added = conns_.emplace(message.conn, std::move(conn)).first;
  if (dial_first) {
    events_.push_back(client::DialTarget{message.conn, added->second.source, CallerKind::kStream});
  } else {
    events_.push_back(client::DialServer{message.conn});
  }
}

bool ClientCore::SetCaller(Conn& conn, const codec::ReverseParams& params) const {
  const bool udp = params.Find("proto") == "udp";
  if (udp && !options_.udp) return false;
  conn.kind = udp ? CallerKind::kDatagrams : CallerKind::kStream;
  conn.source = params.Find("src").value_or("-");
  return true;
}

void ClientCore::HandleAhead(Timestamp now, ReverseConnId conn) {
  if (conns_.count(conn) != 0) return;
  // The reply that brings a caller may be behind the line that asks for the next one.
  if (aheads_ >= 2 * ahead_limit_ || conns_.size() >= options_.max_conns) {
    return SendMessage(now, codec::ReverseClose{conn, ReverseReason::kLimit});
  }
  Conn opened;
  opened.since = now;
  opened.ahead = true;
  opened.has_caller = false;
  ++aheads_;
  conns_.emplace(conn, std::move(opened));
  events_.push_back(client::DialServer{conn});
}

void ClientCore::BeginCaller(Timestamp now, Conns::iterator conn,
                             const codec::ReverseParams& params) {
  if (!SetCaller(conn->second, params)) return Fail(now, conn, ReverseReason::kDenied);
  conn->second.has_caller = true;
  conn->second.since = now;
  --aheads_;
  events_.push_back(client::ConnNew{conn->first, conn->second.source, conn->second.kind});
}

void ClientCore::HandleLinkConnected(Timestamp now, ReverseConnId conn) {
  const auto found = conns_.find(conn);
  if (found == conns_.end() || found->second.stage != Stage::kDialingServer) return;
  found->second.stage = Stage::kGreeting;
  // The reply to one ahead of need comes with its caller.
  if (found->second.has_caller) {
    SetDeadline(conn, found->second, now + options_.handshake_timeout);
  }
  codec::ReverseData line{conn, {}};
  if (token_ != nullptr) SignData(*token_, conn, line.params);
  events_.push_back(client::SendLink{conn, codec::SerializeReverseLine(line)});
}

size_t ClientCore::HandleLinkBytes(Timestamp now, ReverseConnId conn, ByteSpan bytes) {
  const auto found = conns_.find(conn);
  if (found == conns_.end() || found->second.stage != Stage::kGreeting) return 0;
  LineReader::Step step = found->second.reader.Take(bytes, codec::kMaxReverseLine);
  if (step.too_long) {
    Drop(now, found, ReverseReason::kProtocol);
  } else if (step.line) {
    HandleLinkReply(now, found, *step.line);
  }
  return step.consumed;
}

void ClientCore::HandleLinkReply(Timestamp now, Conns::iterator conn, std::string_view line) {
  const auto reply = codec::ParseReverseReply(line);
  if (!reply.ok()) return Drop(now, conn, ReverseReason::kProtocol);
  if (const auto* const err = std::get_if<codec::ReverseErr>(&*reply)) {
    // The caller of a refused connection still waits, unless its id is spent.
    if (conn->second.has_caller && err->code == ReverseError::kLimit)
      return Fail(now, conn, ReverseReason::kLimit);
    return Drop(now, conn, ReverseReason::kDenied);
  }
  if (!conn->second.has_caller) {
    const ReverseConnId id = conn->first;
    BeginCaller(now, conn, std::get<codec::ReverseOk>(*reply).params);
    if (conns_.count(id) == 0) return;  // refused
  }
  conn->second.spent = true;
  SetDeadline(conn->first, conn->second, Timestamp::Max());
  if (DialsFirst(conn->second)) return StartRelaying(now, conn);
  conn->second.stage = Stage::kDialingTarget;
  events_.push_back(client::DialTarget{conn->first, conn->second.source, conn->second.kind});
}

void ClientCore::HandleLinkEnd(Timestamp now, ReverseConnId conn) {
  const auto found = conns_.find(conn);
  if (found == conns_.end() || found->second.stage == Stage::kRelaying) return;
  Drop(now, found, ReverseReason::kReset);
}

void ClientCore::HandleTargetConnected(Timestamp now, ReverseConnId conn) {
  const auto found = conns_.find(conn);
  if (found == conns_.end() || found->second.stage != Stage::kDialingTarget) return;
  if (!DialsFirst(found->second)) return StartRelaying(now, found);
  found->second.stage = Stage::kDialingServer;
  events_.push_back(client::DialServer{conn});
}

void ClientCore::StartRelaying(Timestamp now, Conns::iterator conn) {
  conn->second.stage = Stage::kRelaying;
  ++relays_;
  events_.push_back(client::StartRelay{conn->first});
  events_.push_back(client::ConnPaired{conn->first, now - conn->second.since, conn->second.ahead});
}

void ClientCore::HandleTargetFailed(Timestamp now, ReverseConnId conn, ReverseReason why) {
  const auto found = conns_.find(conn);
  if (found == conns_.end() || found->second.stage == Stage::kRelaying) return;
  if (!DialsFirst(found->second) && found->second.stage != Stage::kDialingTarget) return;
  Fail(now, found, why);
}

void ClientCore::HandleNoResources(Timestamp now, ReverseConnId conn) {
  const auto found = conns_.find(conn);
  if (found == conns_.end() || found->second.stage == Stage::kRelaying) return;
  Fail(now, found, ReverseReason::kLimit);
}

void ClientCore::HandleRelayDone(Timestamp now, ReverseConnId conn, ReverseReason why) {
  const auto found = conns_.find(conn);
  if (found == conns_.end() || found->second.stage != Stage::kRelaying) return;
  Remove(now, found, found->second.aborted_for.value_or(why));
  CompleteEnd();
}

void ClientCore::Stop(Timestamp now) {
  if (control_ == Control::kEnded) return;
  if (control_ == Control::kUp) SayBye(ReverseReason::kShutdown);
  if (control_ != Control::kNew && control_ != Control::kWaiting) {
    events_.push_back(client::EndControl{});
  }
  End(now, ClientEnd::kStopped, Status::Ok());
}

void ClientCore::SayBye(ReverseReason why) {
  events_.push_back(client::SendControl{codec::SerializeReverseLine(codec::ReverseBye{why})});
}

void ClientCore::SendMessage(Timestamp now, const codec::ReverseMessage& message) {
  if (control_ != Control::kUp) return;
  watch_->NoteSent(now);
  events_.push_back(client::SendControl{codec::SerializeReverseLine(message)});
}

void ClientCore::SetDeadline(ReverseConnId id, Conn& conn, Timestamp deadline) {
  deadlines_.erase({conn.deadline, id});
  conn.deadline = deadline;
  if (deadline != Timestamp::Max()) deadlines_.emplace(deadline, id);
}

void ClientCore::Fail(Timestamp now, Conns::iterator conn, ReverseReason why) {
  SendMessage(now, codec::ReverseClose{conn->first, why});
  Drop(now, conn, why);
}

void ClientCore::Drop(Timestamp now, Conns::iterator conn, ReverseReason why) {
  events_.push_back(client::DropConn{conn->first});
  Remove(now, conn, why);
}

ClientCore::Conns::iterator ClientCore::Remove(Timestamp now, Conns::iterator conn,
                                               ReverseReason why) {
  if (conn->second.stage == Stage::kRelaying) --relays_;
  SetDeadline(conn->first, conn->second, Timestamp::Max());
  if (conn->second.has_caller) {
    events_.push_back(
        client::ConnEnd{conn->first, why, now - conn->second.since, conn->second.spent});
  } else {
    --aheads_;
  }
  return conns_.erase(conn);
}

void ClientCore::Abort(ReverseConnId id, Conn& conn, ReverseReason why) {
  if (conn.aborted_for) return;
  conn.aborted_for = why;
  events_.push_back(client::AbortRelay{id});
}

void ClientCore::LoseControl(Timestamp now, const Status& why, Duration least_delay) {
  const bool was_up = control_ == Control::kUp;
  events_.push_back(client::EndControl{});
  watch_.reset();
  events_.push_back(client::ControlDown{why});
  LeaveConns(now, options_.orphans);
  if (was_up && now - up_since_ >= kLongSession) failures_ = 0;
  const ReconnectOptions& reconnect = options_.reconnect;
  if (!reconnect.enabled || (reconnect.count != 0 && failures_ >= reconnect.count)) {
    return End(now, ClientEnd::kServerLost, why);
  }
  const Duration delay = std::max(NextDelay(), least_delay);
  control_ = Control::kWaiting;
  control_deadline_ = now + delay;
  events_.push_back(client::ReconnectWait{delay});
}

Duration ClientCore::NextDelay() {
  const auto doublings = static_cast<int>(std::min(failures_++, kMaxDoublings));
  const double least = static_cast<double>(options_.reconnect.least.count());
  const double most = static_cast<double>(options_.reconnect.most.count());
  const double nominal = std::min(most, std::ldexp(least, doublings));
  return Duration(static_cast<int64_t>(nominal * (0.8 + 0.4 * random_.Fraction())));
}

void ClientCore::LeaveConns(Timestamp now, Orphans orphans) {
  for (auto conn = conns_.begin(); conn != conns_.end();) {
    if (conn->second.stage != Stage::kRelaying) {
      events_.push_back(client::DropConn{conn->first});
      conn = Remove(now, conn, ReverseReason::kControlLost);
      continue;
    }
    if (orphans == Orphans::kKill) {
      Abort(conn->first, conn->second, ReverseReason::kControlLost);
    } else if (orphans == Orphans::kDrain) {
      SetDeadline(conn->first, conn->second,
                  std::min(conn->second.deadline, now + options_.drain_timeout));
    }
    ++conn;
  }
}

void ClientCore::End(Timestamp now, ClientEnd end, const Status& why) {
  control_ = Control::kEnded;
  control_deadline_ = Timestamp::Max();
  watch_.reset();
  ended_ = client::Ended{end, why};
  LeaveConns(now, Orphans::kDrain);
  CompleteEnd();
}

void ClientCore::CompleteEnd() {
  if (!ended_ || !conns_.empty()) return;
  events_.push_back(*ended_);
  ended_.reset();
}

void ClientCore::ExpireConn(Timestamp now, Conns::iterator conn) {
  SetDeadline(conn->first, conn->second, Timestamp::Max());
  if (conn->second.stage == Stage::kRelaying) {
    const bool stopping = control_ == Control::kEnded;
    return Abort(conn->first, conn->second,
                 stopping ? ReverseReason::kShutdown : ReverseReason::kControlLost);
  }
  Fail(now, conn, ReverseReason::kInternal);  // no reply to DATA
}

void ClientCore::HandleTimeout(Timestamp now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    ExpireConn(now, conns_.find(deadlines_.begin()->second));
  }
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
  Timestamp next = control_deadline_;
  if (watch_) next = std::min(next, watch_->NextTimeout());
  if (!deadlines_.empty()) next = std::min(next, deadlines_.begin()->first);
  return next;
}

std::optional<client::Event> ClientCore::PollEvent() {
  if (events_.empty()) return std::nullopt;
  client::Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

bool ClientCore::IsConsistent() const {
  size_t relays = 0;
  size_t limited = 0;
  size_t aheads = 0;
  for (const auto& [id, conn] : conns_) {
    if (!conn.has_caller) ++aheads;
    if (conn.stage == Stage::kRelaying) ++relays;
    if (conn.deadline != Timestamp::Max()) ++limited;
    if (control_ != Control::kUp && conn.stage != Stage::kRelaying) return false;
  }
  return relays == relays_ && aheads == aheads_ && aheads_ <= 2 * options_.ahead &&
         limited == deadlines_.size() && watch_.has_value() == control_up() &&
         conns_.size() <= options_.max_conns;
}

}  // namespace ming::reverse
