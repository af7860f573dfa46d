#include "ming/reverse/joint.h"

#include <utility>

namespace ming::reverse {
namespace {

using codec::ReverseReason;

// For the last bytes of a caller to leave, where nothing else limits it.
constexpr Duration kFlushLimit = std::chrono::minutes(1);

}  // namespace

Joint::Joint(link::TimerService& timers, Ends ends, const tunnel::RelayOptions& options,
             DoneCallback on_done)
    : timers_(timers),
      ends_(std::move(ends)),
      flush_limit_(options.half_close_timeout.value_or(kFlushLimit)),
      on_done_(std::move(on_done)),
      relay_(tunnel::CreateRelay(timers, *ends_.a, *ends_.b, options, *this)) {
  relay_->Start();
}

Joint::~Joint() {
  if (flush_alarm_ == nullptr) return;
  for (link::ByteStream* const end : {ends_.a.get(), ends_.b.get()}) end->SetObserver(nullptr);
}

void Joint::Abort(const Status& why) {
  if (flush_alarm_ == nullptr) return relay_->Abort(why);
  for (link::ByteStream* const end : {ends_.a.get(), ends_.b.get()}) end->Reset(why);
  flush_alarm_->ArmAt(timers_.Now());
}

std::unique_ptr<link::ByteStream> Joint::ReleaseConnection() {
  return ends_.pieces != nullptr ? ends_.pieces->Release() : nullptr;
}

void Joint::OnRelayDone(const Status& why, const tunnel::RelayCounts& /*counts*/) {
  if (!why.ok()) {
    // A time-out of the kernel's, which has an errno, is a lost peer.
    const bool idle = why.code() == StatusCode::kTimeout && why.detail() == 0;
    return on_done_(idle ? ReverseReason::kIdle : ReverseReason::kReset);
  }
  if (IsFlushed()) return on_done_(ReverseReason::kDone);
  flush_alarm_ = timers_.CreateAlarm([this] { EndFlush(ReverseReason::kReset); });
  flush_alarm_->ArmAt(timers_.Now() + flush_limit_);
  for (link::ByteStream* const end : {ends_.a.get(), ends_.b.get()}) {
    if (!end->IsFlushed()) end->SetObserver(this);
  }
}

void Joint::OnWritable() {
  if (IsFlushed()) EndFlush(ReverseReason::kDone);
}

void Joint::OnStreamError(const Status& /*why*/) { EndFlush(ReverseReason::kReset); }

void Joint::EndFlush(ReverseReason why) {
  flush_alarm_.reset();
  for (link::ByteStream* const end : {ends_.a.get(), ends_.b.get()}) end->SetObserver(nullptr);
  on_done_(why);
}

}  // namespace ming::reverse
