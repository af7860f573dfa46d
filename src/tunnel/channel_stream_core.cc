#include "ming/tunnel/channel_stream_core.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "ming/base/option_problems.h"

namespace ming::tunnel {
namespace {

template <typename... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <typename... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

// A window that is consumed within this may be what holds the sender back.
constexpr Duration kLongRoundTrip = std::chrono::milliseconds(600);

uint8_t Bit(ChannelStreamEvent event) {
  return static_cast<uint8_t>(1U << static_cast<unsigned>(event));
}

}  // namespace

Status Validate(const ChannelStreamOptions& options) {
  OptionProblems problems;
  problems.Include("channel terms", Validate(options.terms));
  problems.Require(options.receive_low_water < options.receive_high_water,
                   "the low-water mark is not below the high-water mark");
  problems.Require(options.receive_high_water <= options.receive_limit,
                   "the high-water mark is above the receive limit");
  problems.Require(options.close_grace > Duration::zero(), "the close grace is not positive");
  return problems.ToStatus();
}

ChannelStreamCore::ChannelStreamCore(const ChannelStreamOptions& options)
    : options_(options), growth_(options.window_budget) {
  const Status valid = Validate(options_);
  CHECK(valid.ok()) << valid.message();
  if (!uses_credit()) return;
  send_credit_ = options_.terms.credit->send;
  receive_credit_ = options_.terms.credit->receive;
}

void ChannelStreamCore::HandleMessage(Timestamp now, link::MessageKind kind, ByteBuffer message) {
  if (over_ || channel_ != Channel::kOpen) return;
  if (kind == link::MessageKind::kText && options_.terms.speaks_control()) {
    HandleControl(message);
  } else {
    HandleData(now, std::move(message));
  }
}

void ChannelStreamCore::HandleData(Timestamp now, ByteBuffer message) {
  if (in_ == Direction::kEnded) {
    return FailAndReset(StatusCode::kProtocolViolation, "data behind the end");
  }
  if (half_close() && is_opener() && !opened_) {
    return FailAndReset(StatusCode::kProtocolViolation, "data before open");
  }
  if (message.empty()) return;
  if (uses_credit()) {
    if (message.size() > receive_credit_) {
      return FailAndReset(StatusCode::kProtocolViolation, "more data than credit");
    }
    receive_credit_ -= static_cast<uint32_t>(message.size());
  } else if (message.size() > options_.receive_limit - received_.size()) {
    return FailAndReset(StatusCode::kResourceExhausted, "more data than the receive limit");
  }
  any_received_ = true;
  received_.Push(std::move(message));
  UpdatePause();
  RearmGrace(now);
  if (wants_readable_) Raise(ChannelStreamEvent::kReadable);
}

void ChannelStreamCore::HandleControl(ByteSpan message) {
  Result<codec::TunnelControl> control = codec::ParseTunnelControl(message);
  if (!control.ok()) {
    // A word of a later version is no error; anything else is not ours.
    if (control.status().code() == StatusCode::kUnsupported) return;
    return FailAndReset(control.status().code(), "control: " + control.status().message());
  }
  if (!half_close() && !std::holds_alternative<codec::TunnelCredit>(*control)) {
    return FailAndReset(StatusCode::kProtocolViolation, "half-close was not agreed");
  }
  std::visit(Overloaded{
                 [this](const codec::TunnelOpened& /*opened*/) { HandleOpened(); },
                 [this](const codec::TunnelRefused& refused) { HandleRefused(refused.reason); },
                 [this](const codec::TunnelEnd& /*end*/) { HandleEnd(); },
                 [this](const codec::TunnelReset& reset) {
                   Fail(Status(StatusCode::kUnavailable, "reset by the peer: " + reset.reason));
                 },
                 [this](const codec::TunnelCredit& credit) { HandleCredit(credit.bytes); },
             },
             *control);
}

void ChannelStreamCore::HandleOpened() {
  if (!is_opener() || opened_) {
    return FailAndReset(StatusCode::kProtocolViolation, "open at the wrong time");
  }
  opened_ = true;
}

void ChannelStreamCore::HandleRefused(const std::string& reason) {
  if (!is_opener() || opened_) {
    return FailAndReset(StatusCode::kProtocolViolation, "refuse at the wrong time");
  }
  Fail(Status(StatusCode::kUnavailable, "refused by the host: " + reason));
}

void ChannelStreamCore::HandleEnd() {
  if (in_ == Direction::kEnded || (is_opener() && !opened_)) {
    return FailAndReset(StatusCode::kProtocolViolation, "end at the wrong time");
  }
  EndInbound();
  CloseWhenBothEnded();
}

void ChannelStreamCore::HandleCredit(uint32_t bytes) {
  if (!uses_credit()) {
    return FailAndReset(StatusCode::kProtocolViolation, "credit was not agreed");
  }
  send_credit_ += bytes;
  if (wants_writable_) Raise(ChannelStreamEvent::kWritable);
}

void ChannelStreamCore::HandleChannelClosed(const Status& why) {
  if (std::exchange(channel_, Channel::kClosed) == Channel::kClosed) return;
  close_due_ = false;
  grace_deadline_ = Timestamp::Max();
  if (over_ || (in_ == Direction::kEnded && out_ == Direction::kEnded)) return;
  if (!why.ok()) return Fail(why);
  if (half_close()) {
    return Fail(Status(StatusCode::kUnavailable, "the peer closed the channel before the end"));
  }
  if (is_opener() && !any_received_) {
    // All that such a host can do to say that there is no target.
    return Fail(Status(StatusCode::kUnavailable, "the peer closed the channel before any byte"));
  }
  EndInbound();
}

void ChannelStreamCore::HandleTimeout(Timestamp now) {
  if (now < grace_deadline_) return;
  grace_deadline_ = Timestamp::Max();
  if (is_opener() && !any_received_) {
    return Fail(Status(StatusCode::kTimeout, "no answer after the end of our direction"));
  }
  EndInbound();
  CloseWhenBothEnded();
}

std::optional<ChannelAction> ChannelStreamCore::NextAction() {
  if (channel_ == Channel::kClosed) return std::nullopt;
  if (paused_ != pause_wanted_) {
    paused_ = pause_wanted_;
    return paused_ ? ChannelAction::kPause : ChannelAction::kResume;
  }
  if (has_control()) return ChannelAction::kSendControl;
  if (std::exchange(close_due_, false)) return ChannelAction::kClose;
  return std::nullopt;
}

std::optional<ChannelStreamEvent> ChannelStreamCore::PollEvent() {
  for (const ChannelStreamEvent event :
       {ChannelStreamEvent::kReadable, ChannelStreamEvent::kWritable,
        ChannelStreamEvent::kFailed}) {
    if ((events_ & Bit(event)) == 0) continue;
    events_ = static_cast<uint8_t>(events_ & ~Bit(event));
    return event;
  }
  return std::nullopt;
}

bool ChannelStreamCore::credit_is_due() const {
  if (!uses_credit() || over_ || in_ != Direction::kOpen) return false;
  // A quarter of the window at a time: few messages, and the peer never runs dry before the grant
  // could reach it.
  return owed_credit_ > 0 && owed_credit_ >= options_.terms.credit->receive / 4;
}

bool ChannelStreamCore::has_control() const {
  return farewell_ != Farewell::kNone || owes_open_ || credit_is_due() ||
         out_ == Direction::kEnding;
}

codec::TunnelControl ChannelStreamCore::control() const {
  DCHECK(has_control());
  if (farewell_ == Farewell::kReset) return codec::TunnelReset{farewell_reason_};
  if (farewell_ == Farewell::kRefuse) return codec::TunnelRefused{farewell_reason_};
  if (owes_open_) return codec::TunnelOpened{};
  if (credit_is_due()) return codec::TunnelCredit{owed_credit_};
  return codec::TunnelEnd{};
}

void ChannelStreamCore::HandleControlSent() {
  DCHECK(has_control());
  if (farewell_ != Farewell::kNone) {
    farewell_ = Farewell::kNone;
  } else if (owes_open_) {
    owes_open_ = false;
  } else if (credit_is_due()) {
    receive_credit_ += std::exchange(owed_credit_, 0);
  } else {
    out_ = Direction::kEnded;
    CloseWhenBothEnded();
  }
  if (wants_writable_ && !has_control()) Raise(ChannelStreamEvent::kWritable);
}

link::ReadChunk ChannelStreamCore::Peek(size_t max) {
  if (over_) return {};
  if (!received_.empty()) return {link::ReadState::kData, received_.Front().First(max)};
  if (in_ == Direction::kEnded) {
    end_shown_ = true;
    if (write_is_void() && wants_writable_) Raise(ChannelStreamEvent::kWritable);
    return {link::ReadState::kEnd, {}};
  }
  wants_readable_ = true;
  return {};
}

void ChannelStreamCore::Consume(Timestamp now, size_t count) {
  if (over_ || count == 0) return;
  received_.Consume(count);
  if (uses_credit()) {
    owed_credit_ += static_cast<uint32_t>(count);
    GrowWindow(now, count);
  }
  UpdatePause();
  RearmGrace(now);
}

// The sender is held back by the window on paths whose round trip is longer than a window takes to
// be consumed: up to the longest round trip that matters, the window doubles.
void ChannelStreamCore::GrowWindow(Timestamp now, size_t consumed) {
  const size_t announced = options_.terms.credit->receive;
  const size_t window = announced + growth_.taken();
  window_consumed_ += consumed;
  if (window_consumed_ < window) return;
  const bool fast = now - window_began_ < kLongRoundTrip;
  window_began_ = now;
  window_consumed_ = 0;
  if (!fast || in_ != Direction::kOpen) return;
  const size_t room = kMostGrowth * announced - std::min(kMostGrowth * announced, window);
  owed_credit_ += static_cast<uint32_t>(growth_.Take(std::min(window, room)));
}

size_t ChannelStreamCore::SendAllowance() {
  if (over_ || out_ != Direction::kOpen) return 0;
  size_t allowance = options_.terms.max_message_bytes;
  if (uses_credit() && send_credit_ < allowance) allowance = static_cast<size_t>(send_credit_);
  // Control goes first, or `end` and `open` would not stand where they belong.
  if (channel_ != Channel::kOpen || has_control()) allowance = 0;
  if (allowance == 0) wants_writable_ = true;
  return allowance;
}

void ChannelStreamCore::HandleSent(size_t count) {
  if (!uses_credit()) return;
  DCHECK_LE(count, send_credit_);
  send_credit_ -= count;
}

void ChannelStreamCore::HandleChannelReady() {
  if (wants_writable_) Raise(ChannelStreamEvent::kWritable);
}

bool ChannelStreamCore::write_is_void() const {
  return channel_ == Channel::kClosed && !over_ && end_shown_ && out_ == Direction::kOpen;
}

void ChannelStreamCore::HandleVoidWrite() {
  DCHECK(write_is_void());
  Fail(Status(StatusCode::kClosed, "the peer closed the channel"));
}

void ChannelStreamCore::CloseWrite(Timestamp now) {
  if (over_ || out_ != Direction::kOpen) return;
  wants_writable_ = false;
  if (half_close() && channel_ == Channel::kOpen) {
    out_ = Direction::kEnding;
    return;
  }
  out_ = Direction::kEnded;
  RearmGrace(now);
  CloseWhenBothEnded();
}

void ChannelStreamCore::Reset(const Status& why) {
  if (over_) return;
  // Both directions ended in order: there is nothing left to take back.
  if (in_ == Direction::kEnded && out_ == Direction::kEnded) return EndStream();
  SetFarewell(Farewell::kReset, why.message());
  EndStream();
}

void ChannelStreamCore::ConfirmOpen() {
  DCHECK(!is_opener() && !opened_);
  if (over_) return;
  opened_ = true;
  owes_open_ = half_close();
}

void ChannelStreamCore::Refuse(const Status& why) {
  DCHECK(!is_opener() && !opened_);
  if (over_) return;
  SetFarewell(Farewell::kRefuse, why.message());
  EndStream();
}

void ChannelStreamCore::EndInbound() {
  in_ = Direction::kEnded;
  pause_wanted_ = false;
  grace_deadline_ = Timestamp::Max();
  if (wants_readable_) Raise(ChannelStreamEvent::kReadable);
}

void ChannelStreamCore::FailAndReset(StatusCode code, std::string reason) {
  SetFarewell(Farewell::kReset, reason);
  Fail(Status(code, std::move(reason)));
}

void ChannelStreamCore::SetFarewell(Farewell farewell, const std::string& reason) {
  if (!half_close() || channel_ != Channel::kOpen) return;
  farewell_ = farewell;
  farewell_reason_ = reason;
}

void ChannelStreamCore::Fail(Status why) {
  if (over_) return;
  failure_ = std::move(why);
  EndStream();
  events_ = 0;
  Raise(ChannelStreamEvent::kFailed);
}

void ChannelStreamCore::EndStream() {
  over_ = true;
  growth_.GiveBack();
  received_.Clear();
  grace_deadline_ = Timestamp::Max();
  owes_open_ = false;
  if (out_ == Direction::kEnding) out_ = Direction::kEnded;
  pause_wanted_ = false;
  wants_readable_ = false;
  wants_writable_ = false;
  events_ = 0;
  if (channel_ == Channel::kOpen) {
    channel_ = Channel::kClosing;
    close_due_ = true;
  }
}

void ChannelStreamCore::CloseWhenBothEnded() {
  const bool ended = in_ == Direction::kEnded && out_ == Direction::kEnded;
  if (!ended || over_ || channel_ != Channel::kOpen) return;
  channel_ = Channel::kClosing;
  close_due_ = true;
}

void ChannelStreamCore::UpdatePause() {
  if (uses_credit() || in_ == Direction::kEnded) return;
  if (received_.size() > options_.receive_high_water) pause_wanted_ = true;
  if (received_.size() <= options_.receive_low_water) pause_wanted_ = false;
}

void ChannelStreamCore::RearmGrace(Timestamp now) {
  if (half_close() || out_ != Direction::kEnded || in_ == Direction::kEnded) return;
  // While bytes wait for our reader the peer may be held back by us.
  grace_deadline_ = received_.empty() ? now + options_.close_grace : Timestamp::Max();
}

void ChannelStreamCore::Raise(ChannelStreamEvent event) {
  events_ = static_cast<uint8_t>(events_ | Bit(event));
  if (event == ChannelStreamEvent::kReadable) wants_readable_ = false;
  if (event == ChannelStreamEvent::kWritable) wants_writable_ = false;
}

bool ChannelStreamCore::IsConsistent() const {
  if (uses_credit() && !over_ &&
      uint64_t{receive_credit_} + received_.size() + owed_credit_ !=
          options_.terms.credit->receive + growth_.taken()) {
    return false;
  }
  if (!uses_credit() && received_.size() > options_.receive_limit) return false;
  if (over_ && (!received_.empty() || wants_readable_ || wants_writable_)) return false;
  if (!failure_.ok() && !over_) return false;
  if (half_close() && grace_deadline_ != Timestamp::Max()) return false;
  if (!half_close() && farewell_ != Farewell::kNone) return false;
  return channel_ != Channel::kOpen || !close_due_;
}

}  // namespace ming::tunnel
