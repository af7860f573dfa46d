#include "ming/signaling/signaling_client_core.h"

#include <glog/logging.h>

#include <string_view>
#include <utility>

#include "ming/base/utf8.h"
#include "ming/signaling/introduction.h"
#include "ming/signaling/signaling_server_options.h"

namespace ming::signaling {
namespace {

constexpr size_t kMaxIdLength = 128;
constexpr size_t kMaxErrorText = 1024;
// The server closes with it whom it refused (RFC 6455, section 7.4.1: policy violation).
constexpr uint16_t kPolicyViolation = 1008;

bool StartsWith(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

bool EndsWith(std::string_view text, std::string_view suffix) {
  return text.size() >= suffix.size() && text.substr(text.size() - suffix.size()) == suffix;
}

// "target host 'x' not found", as the original's server says it, too; with an ID between the
// quotes.
bool IsTargetNotFound(std::string_view text) {
  return StartsWith(text, "target host '") && !StartsWith(text, "target host ''") &&
         EndsWith(text, "' not found");
}

}  // namespace

std::vector<std::string> Validate(const SignalingClientCoreOptions& options) {
  const auto is_backoff = [](const BackoffOptions& backoff) {
    return backoff.initial > Duration::zero() && backoff.maximum >= backoff.initial;
  };
  std::vector<std::string> problems;
  const std::string bad_id = WhyBadId(options.id, kMaxIdLength);
  if (!bad_id.empty()) {
    problems.push_back("bad ID '" + PrintableText(options.id, 64) + "': " + bad_id);
  }
  if (!is_backoff(options.backoff) || !is_backoff(options.urgent_backoff)) {
    problems.emplace_back("the delays between attempts must be positive, the first the shortest");
  }
  if (options.check_interval <= Duration::zero() || options.check_limit <= Duration::zero() ||
      options.longest_check_limit < options.check_limit) {
    problems.emplace_back("the times of a check must be positive, the longest limit the longest");
  }
  if (options.settle_time < Duration::zero()) {
    problems.emplace_back("the settle time must not be negative");
  }
  if (options.max_message_size < 1024 || options.max_message_size > (size_t{1} << 20)) {
    problems.emplace_back("the largest message must be 1 KiB to 1 MiB");
  }
  return problems;
}

SignalingClientCore::SignalingClientCore(const SignalingClientCoreOptions& options, Random& random)
    : options_(options),
      random_(random),
      resume_secret_(RandomUuid(random)),
      backoff_(options.backoff),
      urgent_backoff_(options.urgent_backoff),
      check_limit_(options.check_limit) {
  CHECK(Validate(options).empty()) << Validate(options).front();
}

void SignalingClientCore::Start(Timestamp /*now*/) {
  CHECK(state_ == State::kIdle) << "started twice";
  Open();
}

void SignalingClientCore::Open() {
  state_ = State::kConnecting;
  deadline_ = Timestamp::Max();
  events_.Push(OpenConnection{});
}

void SignalingClientCore::HandleConnected(Timestamp now) {
  if (state_ != State::kConnecting) return;
  state_ = State::kConnected;
  last_error_.clear();
  deadline_ = now + options_.settle_time;
  if (urgency_ == SignalingUrgency::kUrgent) check_at_ = now + options_.check_interval;
  const codec::SignalingMessage first = options_.role == SignalingRole::kHost
                                            ? MakeHostRegistration(options_.id, resume_secret_)
                                            : MakeClientIntroduction(options_.id, resume_secret_);
  events_.Push(SendToServer{codec::SerializeSignalingMessage(first)});
  events_.Push(SignalingConnected{});
}

void SignalingClientCore::HandleDisconnected(Timestamp now, const Status& why,
                                             std::optional<uint16_t> close_code) {
  Status reason = why.ok() ? Status(StatusCode::kUnavailable, "the signaling server closed") : why;
  if (state_ == State::kConnecting) {
    Lose(now, reason,
         reason.code() == StatusCode::kPermissionDenied ? Cause::kRefused : Cause::kLost);
    return;
  }
  if (state_ != State::kConnected) return;
  const bool refused = close_code == kPolicyViolation;
  if (refused) {
    reason = Status(StatusCode::kPermissionDenied,
                    "the signaling server refused us" +
                        (last_error_.empty() ? std::string() : ": " + last_error_));
  }
  Lose(now, reason, refused ? Cause::kRefused : Cause::kLost);
}

// After the first success nothing is final: the server may have been restarted with other settings,
// or somebody borrows our ID.
void SignalingClientCore::Lose(Timestamp now, const Status& why, Cause cause) {
  check_at_ = Timestamp::Max();
  answer_deadline_ = Timestamp::Max();
  if (cause != Cause::kLost && !ever_accepted_) {
    state_ = State::kGivenUp;
    deadline_ = Timestamp::Max();
    const bool taken = cause == Cause::kIdTaken;
    events_.Push(
        SignalingDisconnected{why, taken ? SignalingLoss::kIdTaken : SignalingLoss::kFatal});
    return;
  }
  state_ = State::kWaiting;
  Backoff& backoff = urgency_ == SignalingUrgency::kUrgent ? urgent_backoff_ : backoff_;
  deadline_ = now + backoff.Next(random_);
  events_.Push(SignalingDisconnected{why, SignalingLoss::kRetrying});
}

void SignalingClientCore::Replace(Timestamp now, const Status& why) {
  events_.Push(DropConnection{});
  Lose(now, why, Cause::kLost);
  Open();
}

void SignalingClientCore::SetUrgency(Timestamp now, SignalingUrgency urgency) {
  if (std::exchange(urgency_, urgency) == urgency) return;
  check_at_ = Timestamp::Max();
  if (urgency == SignalingUrgency::kCalm) return;
  urgent_backoff_.Reset();
  if (state_ == State::kConnected) Check(now);
  if (state_ == State::kWaiting) {
    deadline_ = std::min(deadline_, now + urgent_backoff_.Next(random_));
  }
}

void SignalingClientCore::HandleNetworkChanged(Timestamp now, LocalAddress of_connection) {
  ResetBackoff();
  switch (state_) {
    case State::kConnected:
      if (of_connection == LocalAddress::kStillThere) return Check(now);
      return Replace(now, Status(StatusCode::kUnavailable, "our address is gone"));
    case State::kConnecting:
      events_.Push(DropConnection{});
      return Open();
    case State::kWaiting:
      return Open();
    case State::kIdle:
    case State::kGivenUp:
      return;
  }
}

void SignalingClientCore::Check(Timestamp now) {
  check_at_ = Timestamp::Max();
  if (answer_deadline_ != Timestamp::Max()) return;
  answer_deadline_ = now + check_limit_;
  events_.Push(CheckConnection{});
}

void SignalingClientCore::HandlePong(Timestamp now) {
  if (state_ == State::kConnected) NoteHeard(now);
}

void SignalingClientCore::NoteHeard(Timestamp now) {
  answer_deadline_ = Timestamp::Max();
  check_limit_ = options_.check_limit;
  if (urgency_ == SignalingUrgency::kUrgent) check_at_ = now + options_.check_interval;
}

void SignalingClientCore::ResetBackoff() {
  backoff_.Reset();
  urgent_backoff_.Reset();
}

void SignalingClientCore::HandleMessage(Timestamp now, ByteSpan wire) {
  if (state_ != State::kConnected) return;
  NoteHeard(now);
  codec::SignalingLimits limits;
  limits.max_bytes = options_.max_message_size;
  auto message = codec::ParseSignalingMessage(wire.AsText(), limits);
  if (!message.ok()) {
    VLOG(1) << "signaling: " << message.status().ToString();
    return;
  }
  if (message->type == codec::SignalingType::kError) {
    HandleErrorMessage(now, *message);
    return;
  }
  // Somebody knows us by our ID.
  NoteAccepted();
  events_.Push(SignalingArrived{*std::move(message)});
}

void SignalingClientCore::HandleErrorMessage(Timestamp now,
                                             const codec::SignalingMessage& message) {
  const std::string text = PrintableText(codec::ParseErrorPayload(message.payload), kMaxErrorText);
  if (!message.sender_id.empty()) {  // of a peer, not of the server
    events_.Push(SignalingErrorText{text, message.sender_id, false});
    return;
  }
  last_error_ = text;
  // The original's server closes without a code behind this one, so the text has to do.
  if (IsTaken(text)) {
    events_.Push(DropConnection{});
    Lose(now, Status(StatusCode::kPermissionDenied, text), Cause::kIdTaken);
    return;
  }
  events_.Push(SignalingErrorText{text, std::string(), IsTargetNotFound(text)});
}

bool SignalingClientCore::IsTaken(const std::string& text) const {
  return EndsWith(text, " with ID '" + PrintableText(options_.id, 256) + "' already registered");
}

void SignalingClientCore::NoteAccepted() {
  ever_accepted_ = true;
  ResetBackoff();
  deadline_ = Timestamp::Max();
}

Status SignalingClientCore::Send(codec::SignalingMessage message) {
  if (state_ != State::kConnected) {
    return {StatusCode::kUnavailable, "there is no connection to the signaling server"};
  }
  message.sender_id = options_.id;
  std::string text = codec::SerializeSignalingMessage(message);
  if (text.size() > options_.max_message_size) {
    return {StatusCode::kInvalidArgument,
            "a signaling message of " + std::to_string(text.size()) + " bytes is too long"};
  }
  events_.Push(SendToServer{std::move(text)});
  return Status::Ok();
}

void SignalingClientCore::HandleTimeout(Timestamp now) {
  if (now >= answer_deadline_) {
    check_limit_ = std::min(2 * check_limit_, options_.longest_check_limit);
    Replace(now, Status(StatusCode::kTimeout, "the signaling server does not answer"));
  }
  if (now >= check_at_) Check(now);
  if (now < deadline_) return;
  deadline_ = Timestamp::Max();
  if (state_ == State::kConnected) {
    NoteAccepted();
  } else if (state_ == State::kWaiting) {
    Open();
  }
}

std::optional<SignalingClientEvent> SignalingClientCore::PollEvent() { return events_.Poll(); }

}  // namespace ming::signaling
