#include "ming/reverse/line_link.h"

#include <utility>

namespace ming::reverse {
namespace {

constexpr size_t kPeekBytes = 4096;
// How long a peer that was told the end may take to read it.
constexpr Duration kLinger = std::chrono::seconds(1);

}  // namespace

LineLink::LineLink(link::TimerService& timers, std::unique_ptr<link::ByteStream> stream,
                   Observer& observer)
    : timers_(timers),
      stream_(std::move(stream)),
      observer_(observer),
      alarm_(timers.CreateAlarm([this] { OnAlarm(); })) {
  stream_->SetObserver(this);
  alarm_->ArmAt(timers_.Now());
}

LineLink::~LineLink() {
  if (stream_ != nullptr) stream_->SetObserver(nullptr);
}

LineLink::ReadResult LineLink::Read(const std::function<size_t(ByteSpan)>& take) {
  if (stream_ == nullptr || ending_) return ReadResult::kRefused;
  const link::ReadChunk chunk = stream_->Peek(kPeekBytes);
  if (chunk.state == link::ReadState::kWouldBlock) return ReadResult::kBlocked;
  if (chunk.state == link::ReadState::kEnd) return ReadResult::kEnded;
  const size_t taken = take(chunk.bytes);
  stream_->Consume(taken);
  return taken == 0 ? ReadResult::kRefused : ReadResult::kTaken;
}

void LineLink::ReadAgain() {
  if (stream_ == nullptr || ending_ || overflown_) return;
  looks_ = true;
  alarm_->ArmAt(timers_.Now());
}

void LineLink::Send(std::string_view text) {
  if (Enqueue(text)) Flush();
}

void LineLink::SendLater(std::string_view text) {
  if (Enqueue(text) && !alarm_->armed()) alarm_->ArmAt(timers_.Now());
}

// False: nothing more is sent.
bool LineLink::Enqueue(std::string_view text) {
  if (stream_ == nullptr || ending_ || overflown_) return false;
  if (queue_.size() + text.size() > kMaxQueuedLines) {
    overflown_ = true;
    alarm_->ArmAt(timers_.Now());
    return false;
  }
  queue_.Append(ByteSpan(text));
  return true;
}

void LineLink::End() {
  if (std::exchange(ending_, true)) return;
  alarm_->ArmAt(timers_.Now() + kLinger);
  Flush();
  Discard();
}

std::unique_ptr<link::ByteStream> LineLink::Release() {
  if (stream_ == nullptr || !queue_.empty()) return nullptr;
  stream_->SetObserver(nullptr);
  alarm_->Cancel();
  return std::move(stream_);
}

void LineLink::OnReadable() {
  if (!ending_) return observer_.OnLinkReadable();
  Discard();
}

void LineLink::OnWritable() { Flush(); }

void LineLink::OnStreamError(const Status& why) {
  if (closed_) return;
  alarm_->Cancel();
  timers_.DeferDelete(std::move(stream_));
  if (!ending_) return observer_.OnLinkFailed(why);
  closed_ = true;
  observer_.OnLinkClosed();
}

void LineLink::Flush() {
  if (stream_ == nullptr) return;
  if (!queue_.empty()) queue_.RemovePrefix(stream_->Write(queue_));
  if (queue_.empty() && ending_) stream_->CloseWrite();
}

// Bytes left unread would turn the end into a reset, which overtakes our last line.
void LineLink::Discard() {
  while (stream_ != nullptr && !closed_) {
    const link::ReadChunk chunk = stream_->Peek(kPeekBytes);
    if (chunk.state == link::ReadState::kWouldBlock) return;
    if (chunk.state == link::ReadState::kEnd) {
      alarm_->ArmAt(timers_.Now());
      return;
    }
    stream_->Consume(chunk.bytes.size());
  }
}

void LineLink::OnAlarm() {
  if (ending_) {
    if (std::exchange(closed_, true)) return;
    return observer_.OnLinkClosed();
  }
  if (overflown_) {
    stream_.reset();
    return observer_.OnLinkFailed(
        Status(StatusCode::kResourceExhausted, "the peer does not read its lines"));
  }
  Flush();
  if (std::exchange(looks_, false)) observer_.OnLinkReadable();
}

}  // namespace ming::reverse
