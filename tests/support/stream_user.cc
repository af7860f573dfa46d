#include "ming/support/stream_user.h"

#include <algorithm>
#include <utility>

namespace ming::support {

uint8_t StreamUser::PatternAt(uint64_t seed, uint64_t index) {
  return static_cast<uint8_t>(index * 131 + (index >> 8) * 7 + (index >> 16) * 3 + seed * 29);
}

StreamUser::StreamUser(link::TimerService& timers, std::unique_ptr<link::ByteStream> stream,
                       const StreamUserPlan& plan, uint64_t send_seed, uint64_t expect_seed)
    : plan_(plan),
      stream_(std::move(stream)),
      send_seed_(send_seed),
      expect_seed_(expect_seed),
      start_(timers.CreateAlarm([this] {
        Read();
        Write();
      })) {
  stream_->SetObserver(this);
  start_->ArmAt(timers.Now());
}

StreamUser::~StreamUser() { stream_->SetObserver(nullptr); }

void StreamUser::Read() {
  while (!done() && !read_end_) {
    size_t most = plan_.read_chunk;
    if (plan_.read_limit) {
      if (received_ >= *plan_.read_limit) return;
      most = static_cast<size_t>(std::min<uint64_t>(most, *plan_.read_limit - received_));
    }
    const link::ReadChunk chunk = stream_->Peek(most);
    if (chunk.state == link::ReadState::kWouldBlock) return;
    if (chunk.state == link::ReadState::kEnd) {
      read_end_ = true;
      return Write();
    }
    for (const uint8_t byte : chunk.bytes) {
      intact_ = intact_ && byte == PatternAt(expect_seed_, received_);
      ++received_;
    }
    stream_->Consume(chunk.bytes.size());
  }
}

void StreamUser::Write() {
  if (plan_.answer_after_end && !read_end_) return;
  while (!error_ && !reset_ && !write_closed_ && sent_ < plan_.send_bytes) {
    const size_t room = std::min(stream_->WritableBytes(), plan_.write_chunk);
    if (room == 0) return;
    const size_t count = static_cast<size_t>(std::min<uint64_t>(room, plan_.send_bytes - sent_));
    ByteBuffer bytes = ByteBuffer::Uninitialized(count);
    for (size_t i = 0; i < count; ++i) bytes.data()[i] = PatternAt(send_seed_, sent_ + i);
    const size_t taken = stream_->Write(bytes);
    sent_ += taken;
    if (taken < count) return;
  }
  EndIfDue();
}

void StreamUser::EndIfDue() {
  if (error_ || reset_ || write_closed_ || sent_ < plan_.send_bytes) return;
  switch (plan_.end) {
    case StreamUserPlan::End::kAfterReading:
      if (!read_end_) return;
      [[fallthrough]];
    case StreamUserPlan::End::kAfterSending:
      write_closed_ = true;
      return stream_->CloseWrite();
    case StreamUserPlan::End::kReset:
      return ResetNow();
    case StreamUserPlan::End::kNever:
      return;
  }
}

void StreamUser::LiftReadLimit() {
  plan_.read_limit.reset();
  Read();
}

void StreamUser::ResetNow() {
  if (done()) return;
  reset_ = true;
  stream_->Reset(Status(StatusCode::kUnavailable, "the application reset"));
}

void StreamUser::OnStreamError(const Status& why) { error_ = why; }

}  // namespace ming::support
