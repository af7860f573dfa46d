#include "ming/support/fake_byte_stream.h"

#include <glog/logging.h>

#include <algorithm>

namespace ming::support {

FakeByteStream::FakeByteStream(link::TimerService& timers, const FakeByteStreamOptions& options)
    : options_(options), timers_(timers), alarm_(timers.CreateAlarm([this] { OnAlarm(); })) {}

FakeByteStream::Pair FakeByteStream::CreatePair(link::TimerService& timers,
                                                const FakeByteStreamOptions& options) {
  Pair pair(std::unique_ptr<FakeByteStream>(new FakeByteStream(timers, options)),
            std::unique_ptr<FakeByteStream>(new FakeByteStream(timers, options)));
  pair.first->peer_ = pair.second.get();
  pair.second->peer_ = pair.first.get();
  return pair;
}

FakeByteStream::~FakeByteStream() {
  if (peer_ == nullptr) return;
  // As a TCP socket: after CloseWrite the end is in order.
  if (!write_closed_ && !reset_) {
    peer_->FailFromPeer(Status(StatusCode::kUnavailable, "the peer was destroyed"));
  }
  peer_->peer_ = nullptr;
}

void FakeByteStream::SetObserver(Observer* observer) {
  observer_ = observer;
  Wake();
}

link::ReadChunk FakeByteStream::Peek(size_t max) {
  CHECK_GE(max, 1U);
  if (reset_ || failure_) return {};
  if (!inbox_.empty()) {
    owes_consume_ = true;
    const ByteSpan shown = inbox_.span().First(std::min(max, options_.read_chunk));
    const bool last = shown.size() == inbox_.size() && read_ended_;
    return {link::ReadState::kData, shown, options_.tells_end && last};
  }
  if (read_ended_) return {link::ReadState::kEnd, {}};
  wants_readable_ = true;
  return {};
}

void FakeByteStream::Consume(size_t count) {
  owes_consume_ = false;
  if (reset_ || failure_) return;
  CHECK_LE(count, inbox_.size());
  inbox_.RemovePrefix(count);
  if (peer_ != nullptr) peer_->Wake();
}

size_t FakeByteStream::WritableBytes() {
  if (reset_ || failure_ || write_closed_) return 0;
  if (peer_ == nullptr || peer_->reset_) return options_.write_chunk;  // nobody hears it
  const size_t used = peer_->inbox_.size();
  const size_t room = used < options_.capacity ? options_.capacity - used : 0;
  if (room == 0) wants_writable_ = true;
  return std::min(room, options_.write_chunk);
}

size_t FakeByteStream::Write(ByteSpan bytes) {
  const size_t count = std::min(bytes.size(), WritableBytes());
  if (peer_ != nullptr && !peer_->reset_) {
    peer_->inbox_.Append(bytes.First(count));
    peer_->max_buffered_ = std::max(peer_->max_buffered_, peer_->inbox_.size());
    peer_->Wake();
  }
  if (count < bytes.size()) {
    wants_writable_ = true;
    Wake();
  }
  return count;
}

void FakeByteStream::CloseWrite() {
  if (reset_ || failure_ || write_closed_) return;
  write_closed_ = true;
  if (peer_ == nullptr) return;
  peer_->read_ended_ = true;
  peer_->Wake();
}

void FakeByteStream::Reset(const Status& why) {
  if (std::exchange(reset_, true)) return;
  inbox_.Clear();
  alarm_->Cancel();
  if (peer_ != nullptr && !finished()) peer_->FailFromPeer(why);
}

void FakeByteStream::FailFromPeer(const Status& why) {
  if (reset_ || failure_ || finished()) return;
  failure_ = why.ok() ? Status(StatusCode::kUnavailable, "reset") : why;
  inbox_.Clear();
  Wake();
}

void FakeByteStream::Wake() {
  if (observer_ == nullptr || reset_ || failure_told_) return;
  const bool readable = wants_readable_ && (!inbox_.empty() || read_ended_);
  const bool room = peer_ == nullptr || peer_->inbox_.size() < options_.capacity;
  if (failure_ || readable || (wants_writable_ && room && !write_closed_)) {
    alarm_->ArmAt(timers_.Now());
  }
}

// The observer destroys us through DeferDelete only.
void FakeByteStream::OnAlarm() {
  if (failure_) {
    failure_told_ = true;
    if (observer_ != nullptr) observer_->OnStreamError(*failure_);
    return;
  }
  if (wants_readable_ && (!inbox_.empty() || read_ended_) && observer_ != nullptr) {
    wants_readable_ = false;
    observer_->OnReadable();
  }
  if (wants_writable_ && observer_ != nullptr && !reset_ && !failure_ && WritableBytes() > 0) {
    wants_writable_ = false;
    observer_->OnWritable();
  }
}

}  // namespace ming::support
