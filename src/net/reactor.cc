#include "ming/net/reactor.h"

#include <glog/logging.h>
#include <sched.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <limits>
#include <utility>

#include "ming/base/checked_cast.h"
#include "ming/base/units.h"
#include "ming/net/fd_watch.h"
#include "ming/net/post_queue.h"
#include "ming/net/processor_count.h"
#include "ming/net/turn_end_hook.h"

namespace ming::net {
namespace {

constexpr size_t kScratchBytes = size_t{64} * 1024;
// Not a slot: the eventfd of the post queue.
constexpr uint64_t kWakeupData = std::numeric_limits<uint64_t>::max();

// What epoll_wait returned; a signal that ended it counts as nothing.
int Ready(int count) {
  PCHECK(count >= 0 || errno == EINTR) << "epoll_wait";
  return std::max(count, 0);
}

}  // namespace

class ReactorAlarm final : public link::Alarm, public AlarmHeap::Node {
 public:
  ReactorAlarm(Reactor& reactor, std::function<void()> callback)
      : reactor_(reactor), callback_(std::move(callback)) {
    ++reactor_.alarm_count_;
  }
  ~ReactorAlarm() override {
    reactor_.CheckThread();
    reactor_.alarms_.Cancel(*this);
    if (reactor_.firing_alarm_ == this) reactor_.firing_alarm_ = nullptr;
    --reactor_.alarm_count_;
  }
  ReactorAlarm(const ReactorAlarm&) = delete;
  ReactorAlarm& operator=(const ReactorAlarm&) = delete;

  void ArmAt(Timestamp when) override {
    reactor_.CheckThread();
    if (when == Timestamp::Max()) {
      Cancel();
    } else {
      // A time in the past counts as now: what is armed while alarms run never comes before those
      // that were already due, so that the round ends.
      reactor_.alarms_.Arm(*this, std::max(when, reactor_.Now()));
    }
  }
  void Cancel() override {
    reactor_.CheckThread();
    reactor_.alarms_.Cancel(*this);
  }
  bool armed() const override { return in_heap(); }

  // The callback may destroy the alarm, so it runs from a place of its own.
  void Fire() {
    Reactor& reactor = reactor_;
    std::function<void()> callback = std::move(callback_);
    reactor.firing_alarm_ = this;
    callback();
    if (std::exchange(reactor.firing_alarm_, nullptr) == this) callback_ = std::move(callback);
  }

 private:
  Reactor& reactor_;
  std::function<void()> callback_;
};

Reactor::Reactor()
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      posts_(std::make_unique<PostQueue>()),
      read_scratch_(ByteBuffer::Uninitialized(kScratchBytes)),
      datagram_scratch_(ByteBuffer::Uninitialized(kDatagramsPerCall * kScratchBytes)) {
  PCHECK(epoll_.valid()) << "epoll_create1";
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kWakeupData;
  PCHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, posts_->wakeup_fd(), &event) == 0);
  RefreshNow();
}

Reactor::~Reactor() {
  CheckThread();
  FreeDeferred();
  static_cast<void>(posts_->TakeAll());  // their captures may own watches and alarms
  DCHECK_EQ(watch_count_, 0u) << "watches outlive the Reactor";
  DCHECK_EQ(alarm_count_, 0u) << "alarms outlive the Reactor";
  DCHECK(std::all_of(requested_hooks_.begin(), requested_hooks_.end(), [](const TurnEndHook* hook) {
    return hook == nullptr;
  })) << "turn-end hooks outlive the Reactor";
}

std::unique_ptr<link::Alarm> Reactor::CreateAlarm(std::function<void()> callback) {
  CheckThread();
  return std::make_unique<ReactorAlarm>(*this, std::move(callback));
}

void Reactor::DeferDestroy(std::shared_ptr<void> object) {
  CheckThread();
  deferred_.push_back(std::move(object));
}

void Reactor::Run() {
  CheckThread();
  CHECK(!running_) << "Run inside a callback";
  running_ = true;
  RefreshNow();
  while (!stop_requested_ && HasWork()) Turn();
  stop_requested_ = false;
  running_ = false;
}

bool Reactor::RunUntil(const std::function<bool()>& done, Duration timeout) {
  CheckThread();
  CHECK(!running_) << "RunUntil inside a callback";
  running_ = true;
  RefreshNow();
  bool timed_out = false;
  const auto deadline = CreateAlarm([&timed_out] { timed_out = true; });
  deadline->ArmAt(now_ + timeout);
  bool is_done = done();
  while (!is_done && !timed_out && !stop_requested_) {
    Turn();
    is_done = done();
  }
  stop_requested_ = false;
  running_ = false;
  return is_done;
}

void Reactor::Post(std::function<void()> task) { posts_->Push(std::move(task)); }

void Reactor::SetSpin(const SpinOptions& options) {
  CheckThread();
  spin_.reset();
  if (options.mode == SpinMode::kOff) return;
  const size_t processors = UsableProcessors();
  spin_.emplace(options, processors);
  VLOG(1) << "polls before it sleeps: up to " << FormatDuration(options.limit)
          << (options.mode == SpinMode::kAuto ? ", where it pays" : "") << "; " << processors
          << " processors";
}

MutableByteSpan Reactor::BorrowReadScratch(const void* user) {
  CheckThread();
  read_scratch_user_ = user;
  return read_scratch_.mutable_span();
}

void Reactor::CheckThread() const { DCHECK(posts_->IsLoopThread()) << "not the loop's thread"; }

bool Reactor::HasWork() const {
  return watch_count_ > background_watch_count_ || !alarms_.empty() || work_tokens_ > 0 ||
         !requested_hooks_.empty() || !deferred_.empty() || !posts_->empty();
}

Timestamp Reactor::ReadClock() const {
  return Timestamp(
      std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

void Reactor::RefreshNow() { now_ = ReadClock(); }

void Reactor::Turn() {
  const int count = Wait();
  RefreshNow();
  ++turn_;
  // Alarms armed by callbacks of this turn, even for now, wait for the next one.
  const uint64_t arm_limit = alarms_.arm_count();
  if (count > 0) had_traffic_ = true;
  DispatchEvents(count);
  RunPostedTasks();
  RunDueAlarms(arm_limit);
  RunTurnEndHooks();
  FreeDeferred();
}

int Reactor::Wait() {
  if (!requested_hooks_.empty() || !deferred_.empty()) return WaitAtMost(Duration::zero());
  if (!std::exchange(had_traffic_, false) || !spin_) return Sleep();
  RefreshNow();
  const Timestamp begin = now_;
  const Duration window = spin_->Window(begin);
  int count = window > Duration::zero() ? Poll(begin + window) : 0;
  if (count == 0) count = Sleep();
  RefreshNow();
  spin_->NoteWait(now_, {now_ - begin, window, count > 0});
  return count;
}

// Zero where nothing came until then.
int Reactor::Poll(Timestamp until) {
  until = std::min(until, alarms_.next_time());
  int count = 0;
  while (count == 0 && now_ < until) {
    count = WaitAtMost(Duration::zero());
    if (count > 0) break;
    const Timestamp before = now_;
    ::sched_yield();
    RefreshNow();
    spin_->NoteAway(now_, now_ - before);
  }
  return count;
}

int Reactor::Sleep() {
  const Timestamp next = alarms_.next_time();
  if (next == Timestamp::Max()) {
    return Ready(::epoll_wait(epoll_.get(), ready_.data(), static_cast<int>(ready_.size()), -1));
  }
  RefreshNow();
  return WaitAtMost(std::max(next - now_, Duration::zero()));
}

int Reactor::WaitAtMost(Duration duration) {
  const int size = static_cast<int>(ready_.size());
  if (has_pwait2_) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
    timespec timeout{};
    timeout.tv_sec = seconds.count();
    timeout.tv_nsec = (duration - seconds).count();
    const int count = ::epoll_pwait2(epoll_.get(), ready_.data(), size, &timeout, nullptr);
    // Linux before 5.11 does not have it; some container filters forbid what they do not know.
    if (count >= 0 || (errno != ENOSYS && errno != EPERM)) return Ready(count);
    has_pwait2_ = false;
  }
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(
      std::min<Duration>(duration, std::chrono::hours(24)));
  return Ready(
      ::epoll_wait(epoll_.get(), ready_.data(), size, static_cast<int>(milliseconds.count())));
}

void Reactor::DispatchEvents(int count) {
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = ready_[static_cast<size_t>(i)];
    if (event.data.u64 == kWakeupData) {
      woken_ = true;
      continue;
    }
    const auto slot = static_cast<uint32_t>(event.data.u64);
    // The watch may have gone, and its slot may have been given away, earlier in this batch.
    if (EpollDataOf(slot) != event.data.u64) continue;
    FdWatch* watch = slots_[slot].watch;
    if (watch == nullptr || watch->events_ == 0) continue;
    const uint32_t wanted = event.events & (watch->events_ | EPOLLERR | EPOLLHUP);
    if (wanted != 0) Dispatch(*watch, wanted);
  }
}

// The callback may destroy the watch, so it runs from a place of its own.
void Reactor::Dispatch(FdWatch& watch, uint32_t events) {
  FdWatch::Callback callback = std::move(watch.callback_);
  dispatching_watch_ = &watch;
  callback(events);
  if (std::exchange(dispatching_watch_, nullptr) == &watch) watch.callback_ = std::move(callback);
}

void Reactor::RunPostedTasks() {
  if (!std::exchange(woken_, false)) return;
  for (auto& task : posts_->TakeAll()) {
    task();
    task = nullptr;  // frees its captures before the next one runs
  }
}

void Reactor::RunDueAlarms(uint64_t arm_limit) {
  while (AlarmHeap::Node* node = alarms_.PopDue(now_, arm_limit)) {
    static_cast<ReactorAlarm*>(node)->Fire();
  }
}

void Reactor::RunTurnEndHooks() {
  running_hooks_.swap(requested_hooks_);
  for (size_t i = 0; i < running_hooks_.size(); ++i) {
    TurnEndHook* hook = running_hooks_[i];
    if (hook == nullptr) continue;  // destroyed since it asked
    hook->position_.reset();
    running_hooks_[i] = nullptr;
    // The callback may destroy the hook, so it runs from a place of its own.
    std::function<void()> callback = std::move(hook->callback_);
    running_hook_ = hook;
    callback();
    if (std::exchange(running_hook_, nullptr) == hook) hook->callback_ = std::move(callback);
  }
  running_hooks_.clear();
}

void Reactor::RequestHook(TurnEndHook& hook) {
  CheckThread();
  if (hook.requested()) return;
  hook.position_ = requested_hooks_.size();
  requested_hooks_.push_back(&hook);
}

void Reactor::RemoveHook(TurnEndHook& hook) {
  CheckThread();
  if (running_hook_ == &hook) running_hook_ = nullptr;
  if (!hook.requested()) return;
  const size_t position = *hook.position_;
  for (auto* list : {&running_hooks_, &requested_hooks_}) {
    if (position < list->size() && (*list)[position] == &hook) (*list)[position] = nullptr;
  }
}

void Reactor::FreeDeferred() {
  // What the destructors defer in turn dies in the next round.
  while (!deferred_.empty()) {
    auto doomed = std::exchange(deferred_, {});
    for (auto& object : doomed) object.reset();
  }
}

uint32_t Reactor::AddWatch(FdWatch* watch) {
  CheckThread();
  ++watch_count_;
  if (free_slots_.empty()) {
    free_slots_.push_back(base::CheckedCast<uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  slots_[slot].watch = watch;
  return slot;
}

void Reactor::RemoveWatch(uint32_t slot) {
  CheckThread();
  --watch_count_;
  if (dispatching_watch_ == slots_[slot].watch) dispatching_watch_ = nullptr;
  slots_[slot].watch = nullptr;
  ++slots_[slot].generation;
  free_slots_.push_back(slot);
}

uint64_t Reactor::EpollDataOf(uint32_t slot) const {
  return (uint64_t{slots_[slot].generation} << 32) | slot;
}

}  // namespace ming::net
