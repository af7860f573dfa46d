#include "ming/tunnel/channel_stream.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "ming/codec/tunnel_control.h"

namespace ming::tunnel {

ChannelStream::ChannelStream(link::TimerService& timers,
                             std::unique_ptr<link::MessageChannel> channel,
                             const ChannelStreamOptions& options, CloseObserver* close_observer)
    : timers_(timers),
      channel_(std::move(channel)),
      core_(options),
      close_observer_(close_observer),
      alarm_(timers.CreateAlarm([this] { OnAlarm(); })) {
  channel_->SetObserver(this);
}

ChannelStream::~ChannelStream() { channel_->SetObserver(nullptr); }

link::ReadChunk ChannelStream::Peek(size_t max) {
  const link::ReadChunk chunk = core_.Peek(max);
  if (chunk.state == link::ReadState::kEnd) SettleInCall();
  return chunk;
}

void ChannelStream::Consume(size_t count) {
  core_.Consume(timers_.Now(), count);
  SettleInCall();
}

size_t ChannelStream::WritableBytes() {
  // One byte is enough for the writer to try, and to learn that the peer is gone.
  if (core_.write_is_void()) return 1;
  if (send_blocked_) {
    core_.HandleChannelBlocked();
    return 0;
  }
  const size_t allowance = core_.SendAllowance();
  if (allowance == 0) return 0;
  const size_t room = channel_->SendableBytes();
  if (room > 0) return WholeSteps(std::min(allowance, room));
  send_blocked_ = true;
  core_.HandleChannelBlocked();
  return 0;
}

// Less than one step goes as it is: waiting for more would make it late.
size_t ChannelStream::WholeSteps(size_t bytes) const {
  const size_t step = channel_->message_step();
  return bytes > step ? bytes - bytes % step : bytes;
}

size_t ChannelStream::Write(ByteSpan bytes) {
  if (core_.write_is_void() && !bytes.empty()) {
    core_.HandleVoidWrite();
    SettleInCall();
    return 0;
  }
  size_t written = 0;
  while (written < bytes.size() && !send_blocked_) {
    const size_t allowance = std::min(core_.SendAllowance(), channel_->max_message_size());
    const ByteSpan message = bytes.Skip(written).First(allowance);
    if (message.empty()) return written;
    switch (channel_->Send(link::MessageKind::kBinary, message)) {
      case link::SendResult::kAccepted:
        core_.HandleSent(message.size());
        written += message.size();
        break;
      case link::SendResult::kWouldBlock:
      case link::SendResult::kClosed:  // OnChannelClosed is under way
        send_blocked_ = true;
        break;
      case link::SendResult::kTooLarge:
        FailUnsendable();
        return written;
    }
  }
  if (written < bytes.size()) core_.HandleChannelBlocked();
  return written;
}

void ChannelStream::CloseWrite() {
  core_.CloseWrite(timers_.Now());
  SettleInCall();
}

void ChannelStream::Reset(const Status& why) {
  core_.Reset(why);
  SettleInCall();
}

void ChannelStream::ConfirmOpen() {
  core_.ConfirmOpen();
  SettleInCall();
}

void ChannelStream::Refuse(const Status& why) {
  core_.Refuse(why);
  SettleInCall();
}

void ChannelStream::OnMessage(link::MessageKind kind, ByteBuffer message) {
  core_.HandleMessage(timers_.Now(), kind, std::move(message));
  Settle();
}

void ChannelStream::OnSendReady() {
  send_blocked_ = false;
  RunActions();
  if (!send_blocked_) core_.HandleChannelReady();
  Settle();
}

void ChannelStream::OnChannelClosed(const Status& why) {
  if (std::exchange(channel_closed_, true)) return;
  send_blocked_ = false;
  core_.HandleChannelClosed(why);
  Settle();
  if (close_observer_ != nullptr) close_observer_->OnChannelStreamClosed(why);
}

void ChannelStream::OnAlarm() {
  alarm_at_ = Timestamp::Max();
  core_.HandleTimeout(timers_.Now());
  Settle();
}

void ChannelStream::SettleInCall() {
  RunActions();
  if (settling_) return;  // the loop in Settle tells the observer
  ArmAlarm(core_.has_events() ? timers_.Now() : core_.NextTimeout());
}

void ChannelStream::Settle() {
  RunActions();
  if (std::exchange(settling_, true)) return;
  while (const std::optional<ChannelStreamEvent> event = core_.PollEvent()) Notify(*event);
  settling_ = false;
  ArmAlarm(core_.NextTimeout());
}

void ChannelStream::RunActions() {
  while (const std::optional<ChannelAction> action = core_.NextAction()) {
    switch (*action) {
      case ChannelAction::kPause:
        channel_->PauseReceiving();
        break;
      case ChannelAction::kResume:
        channel_->ResumeReceiving();
        break;
      case ChannelAction::kSendControl:
        if (!SendControl()) return;
        break;
      case ChannelAction::kClose:
        channel_->Close();
        break;
    }
  }
}

bool ChannelStream::SendControl() {
  if (send_blocked_) return false;
  const ByteBuffer text = codec::SerializeTunnelControl(core_.control());
  switch (channel_->Send(link::MessageKind::kText, text)) {
    case link::SendResult::kAccepted:
      core_.HandleControlSent();
      return true;
    case link::SendResult::kWouldBlock:
    case link::SendResult::kClosed:  // OnChannelClosed is under way
      send_blocked_ = true;
      return false;
    case link::SendResult::kTooLarge:
      FailUnsendable();
      return false;
  }
  return false;
}

// A peer that agreed to our messages and takes none of their size cannot be served.
void ChannelStream::FailUnsendable() {
  channel_->Close();
  core_.HandleChannelClosed(
      Status(StatusCode::kUnsupported, "the peer's message size limit is too small"));
  SettleInCall();
}

void ChannelStream::Notify(ChannelStreamEvent event) {
  if (observer_ == nullptr) return;
  switch (event) {
    case ChannelStreamEvent::kReadable:
      return observer_->OnReadable();
    case ChannelStreamEvent::kWritable:
      return observer_->OnWritable();
    case ChannelStreamEvent::kFailed:
      return observer_->OnStreamError(core_.failure());
  }
}

void ChannelStream::ArmAlarm(Timestamp when) {
  if (when == alarm_at_) return;
  alarm_at_ = when;
  alarm_->ArmAt(when);
}

}  // namespace ming::tunnel
