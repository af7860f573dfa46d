#include "ming/reverse/datagram_joint.h"

#include <utility>

namespace ming::reverse {
namespace {

using codec::ReverseReason;

constexpr size_t kReadBytes = size_t{64} << 10;

}  // namespace

DatagramJoint::DatagramJoint(link::TimerService& timers, std::unique_ptr<link::ByteStream> stream,
                             const UdpOptions& options, DatagramCallback on_datagram,
                             DoneCallback on_done)
    : timers_(timers),
      stream_(std::move(stream)),
      options_(options),
      on_datagram_(std::move(on_datagram)),
      on_done_(std::move(on_done)),
      alarm_(timers.CreateAlarm([this] { OnAlarm(); })),
      last_active_(timers.Now()) {
  stream_->SetObserver(this);
  alarm_->ArmAt(timers_.Now());
}

DatagramJoint::~DatagramJoint() {
  if (stream_ != nullptr) stream_->SetObserver(nullptr);
}

bool DatagramJoint::Send(ByteSpan datagram) {
  if (finished_ || queue_.size() + datagram.size() > options_.max_queued_bytes) return false;
  codec::AppendDatagramFrame(datagram, queue_);
  counts_.a_to_b += datagram.size();
  last_active_ = timers_.Now();
  Flush();
  return true;
}

void DatagramJoint::Abort(const Status& why) {
  if (finished_) return;
  stream_->SetObserver(nullptr);
  stream_->Reset(why);
  Finish(ReverseReason::kReset);
}

void DatagramJoint::OnStreamError(const Status& /*why*/) { Finish(ReverseReason::kReset); }

void DatagramJoint::Read() {
  while (!finished_) {
    const link::ReadChunk chunk = stream_->Peek(kReadBytes);
    if (chunk.state == link::ReadState::kWouldBlock) return;
    if (chunk.state == link::ReadState::kEnd) {
      stream_->CloseWrite();
      return Finish(reader_.has_partial() ? ReverseReason::kProtocol : ReverseReason::kDone);
    }
    reader_.Add(chunk.bytes);
    stream_->Consume(chunk.bytes.size());
    last_active_ = timers_.Now();
    if (!HandOut()) return Abort(Status(StatusCode::kMalformed, "no frame of a datagram"));
  }
}

bool DatagramJoint::HandOut() {
  while (!finished_) {
    const Result<std::optional<ByteSpan>> next = reader_.Next();
    if (!next.ok()) return false;
    if (!next->has_value()) return true;
    counts_.b_to_a += (*next)->size();
    on_datagram_(**next);
  }
  return true;
}

void DatagramJoint::Flush() {
  if (!finished_ && !queue_.empty()) queue_.RemovePrefix(stream_->Write(queue_));
}

void DatagramJoint::OnAlarm() {
  if (finished_) {
    if (!std::exchange(done_, true)) on_done_(*finished_);
    return;
  }
  if (!std::exchange(started_, true)) Read();
  if (finished_) return;
  const Timestamp idle_at = last_active_ + options_.idle_timeout;
  if (timers_.Now() < idle_at) return alarm_->ArmAt(idle_at);
  stream_->CloseWrite();
  Finish(ReverseReason::kDone);
}

void DatagramJoint::Finish(ReverseReason why) {
  if (finished_) return;
  finished_ = why;
  alarm_->ArmAt(timers_.Now());
}

}  // namespace ming::reverse
