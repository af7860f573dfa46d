#include "ming/tunnel/copy_relay.h"

#include <glog/logging.h>

#include <algorithm>

namespace ming::tunnel {

CopyRelay::CopyRelay(link::TimerService& timers, link::ByteStream& a, link::ByteStream& b,
                     const RelayOptions& options, Observer& observer)
    : timers_(timers),
      a_(*this, a),
      b_(*this, b),
      options_(options),
      observer_(observer),
      alarm_(timers.CreateAlarm([this] { OnAlarm(); })) {}

CopyRelay::~CopyRelay() {
  if (state_ == State::kRunning) Unobserve();
}

void CopyRelay::Start() {
  CHECK(state_ == State::kNew);
  state_ = State::kRunning;
  last_active_ = timers_.Now();
  a_.stream().SetObserver(&a_);
  b_.stream().SetObserver(&b_);
  ArmAlarm(timers_.Now());
}

void CopyRelay::Abort(const Status& why) {
  if (state_ == State::kAborted || state_ == State::kDone) return;
  Unobserve();
  a_.stream().Reset(why);
  b_.stream().Reset(why);
  state_ = State::kAborted;
  aborted_for_ = why;
  ArmAlarm(timers_.Now());
}

void CopyRelay::OnReadable(End& end) {
  Advance(&end == &a_ ? Way::kAToB : Way::kBToA);
  Conclude();
}

void CopyRelay::OnWritable(End& end) {
  Advance(&end == &a_ ? Way::kBToA : Way::kAToB);
  Conclude();
}

void CopyRelay::OnStreamError(End& end, const Status& why) {
  End& other = &end == &a_ ? b_ : a_;
  other.stream().Reset(why);
  Finish(why);
}

void CopyRelay::OnAlarm() {
  alarm_at_ = Timestamp::Max();
  if (state_ == State::kAborted) return Finish(aborted_for_);
  if (state_ != State::kRunning) return;
  const Timestamp now = timers_.Now();
  if (a_to_b_ == Progress::kYielded) Advance(Way::kAToB);
  if (b_to_a_ == Progress::kYielded) Advance(Way::kBToA);
  const std::optional<Duration> limit = IdleLimit();
  if (limit && now >= last_active_ + *limit) {
    const Status why(StatusCode::kTimeout, "no byte moved for the idle time-out");
    a_.stream().Reset(why);
    b_.stream().Reset(why);
    return Finish(why);
  }
  Conclude();
}

void CopyRelay::Advance(Way way) {
  Progress& progress = way == Way::kAToB ? a_to_b_ : b_to_a_;
  if (progress != Progress::kEnded) progress = Pump(way);
}

CopyRelay::Progress CopyRelay::Pump(Way way) {
  link::ByteStream& from = source(way);
  link::ByteStream& to = sink(way);
  size_t budget = options_.turn_budget;
  while (budget > 0) {
    const size_t room = std::min(to.WritableBytes(), budget);
    // An end needs no room in the sink, but a stalled sink is not worth a read: it calls when it
    // moves.
    if (room == 0) return Progress::kBlocked;
    const link::ReadChunk chunk = from.Peek(room);
    if (chunk.state == link::ReadState::kWouldBlock) return Progress::kBlocked;
    if (chunk.state == link::ReadState::kEnd) return EndSink(way);
    const size_t moved = chunk.end_follows ? to.WriteLast(chunk.bytes) : to.Write(chunk.bytes);
    from.Consume(moved);
    NoteMoved(way, moved);
    if (moved < chunk.bytes.size()) return Progress::kBlocked;
    if (chunk.end_follows) return Progress::kEnded;
    budget -= moved;
  }
  return Progress::kYielded;
}

void CopyRelay::NoteMoved(Way way, size_t bytes) {
  if (bytes == 0) return;
  (way == Way::kAToB ? counts_.a_to_b : counts_.b_to_a) += bytes;
  last_active_ = timers_.Now();
}

CopyRelay::Progress CopyRelay::EndSink(Way way) {
  sink(way).CloseWrite();
  last_active_ = timers_.Now();  // the end is a sign of life, too
  return Progress::kEnded;
}

std::optional<Duration> CopyRelay::IdleLimit() const {
  const bool half_closed = (a_to_b_ == Progress::kEnded) != (b_to_a_ == Progress::kEnded);
  if (!half_closed || !options_.half_close_timeout) return options_.idle_timeout;
  if (!options_.idle_timeout) return options_.half_close_timeout;
  return std::min(*options_.idle_timeout, *options_.half_close_timeout);
}

void CopyRelay::Conclude() {
  if (a_to_b_ == Progress::kEnded && b_to_a_ == Progress::kEnded) return Finish(Status::Ok());
  if (a_to_b_ == Progress::kYielded || b_to_a_ == Progress::kYielded) {
    ArmAlarm(timers_.Now());
  } else if (const std::optional<Duration> limit = IdleLimit()) {
    ArmAlarm(last_active_ + *limit);
  }
}

void CopyRelay::Finish(const Status& why) {
  if (state_ == State::kRunning) Unobserve();
  state_ = State::kDone;
  alarm_->Cancel();
  observer_.OnRelayDone(why, counts_);
}

// An alarm that comes early finds out: moving bytes does not move it every time.
void CopyRelay::ArmAlarm(Timestamp when) {
  if (alarm_at_ <= when) return;
  alarm_at_ = when;
  alarm_->ArmAt(when);
}

void CopyRelay::Unobserve() {
  a_.stream().SetObserver(nullptr);
  b_.stream().SetObserver(nullptr);
}

}  // namespace ming::tunnel
