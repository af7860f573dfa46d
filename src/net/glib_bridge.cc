#include "ming/net/glib_bridge.h"

#include <glib.h>
#include <glog/logging.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "ming/base/checked_cast.h"
#include "ming/net/fd_watch.h"
#include "ming/net/turn_end_hook.h"
#include "ming/net/unique_fd.h"

namespace ming::net {
namespace {

// Registrations that one round proves by a system call each, and the time between two rounds: an
// engine runs for every datagram, and that must not cost a proof of everything it watches.
constexpr size_t kProvesPerRound = 64;
constexpr Duration kRoundInterval = std::chrono::milliseconds(10);

uint32_t ToEpoll(gushort poll_events) {
  uint32_t events = 0;
  if ((poll_events & G_IO_IN) != 0) events |= EPOLLIN;
  if ((poll_events & G_IO_OUT) != 0) events |= EPOLLOUT;
  if ((poll_events & G_IO_PRI) != 0) events |= EPOLLPRI;
  return events;
}

gushort ToPoll(uint32_t epoll_events) {
  unsigned events = 0;
  if ((epoll_events & EPOLLIN) != 0) events |= G_IO_IN;
  if ((epoll_events & EPOLLOUT) != 0) events |= G_IO_OUT;
  if ((epoll_events & EPOLLPRI) != 0) events |= G_IO_PRI;
  if ((epoll_events & EPOLLERR) != 0) events |= G_IO_ERR;
  if ((epoll_events & EPOLLHUP) != 0) events |= G_IO_HUP;
  return base::CheckedCast<gushort>(events);
}

}  // namespace

// Mirrors the context's descriptors into an epoll of its own, which the Reactor watches.
class GlibBridge::Pump {
 public:
  explicit Pump(Reactor& reactor);
  ~Pump();
  Pump(const Pump&) = delete;
  Pump& operator=(const Pump&) = delete;

  GMainContext* context() const { return context_; }
  void RequestArm();
  void Exclude(int fd);
  void Include(int fd);
  bool RunFor(int fd);

 private:
  struct Registration {
    int fd;
    uint32_t events;
    uint64_t proven_in;  // the epoch in which the kernel confirmed it
  };

  void Arm();
  int Query();
  void FindWakeup();
  void TakeWakeup();
  void SyncRegistrations();
  Registration Sync(const GPollFD& poll, const Registration* previous);
  bool Control(int operation, int fd, uint32_t events);
  void Run();
  void CollectReady();
  std::vector<GPollFD>::iterator FindPoll(int fd);
  bool IsExcluded(int fd) const;

  Reactor& reactor_;
  GMainContext* const context_;
  const UniqueFd epoll_;
  std::vector<GPollFD> polls_;  // of the last query, sorted by descriptor, as GLib gives it
  std::vector<int> excluded_;   // few
  std::vector<int> readable_;   // those of RunFor, until Run
  gint max_priority_ = 0;
  int wakeup_fd_ = -1;                       // GLib's own, by which it ends a poll
  bool armed_ = false;                       // prepared and queried; check is next
  std::vector<Registration> registrations_;  // sorted by descriptor
  std::vector<Registration> synced_;         // those of the Arm before, to use their memory again
  // Grows when engine code ran. That code may have closed a descriptor and got the same number for
  // another file: nothing shows in the query, but the kernel dropped the registration.
  uint64_t epoch_ = 1;
  size_t proves_left_ = 0;
  bool has_unproven_ = false;
  Timestamp next_round_at_;
  // A round of proofs goes on where the one before ran out, so that none is left out for ever.
  int round_start_ = 0;
  std::optional<int> next_round_start_;
  FdWatch watch_;
  std::unique_ptr<link::Alarm> deadline_;
  std::unique_ptr<link::Alarm> recheck_;
  TurnEndHook arm_hook_;
};

GlibBridge::Pump::Pump(Reactor& reactor)
    : reactor_(reactor),
      context_(g_main_context_new()),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      watch_(reactor, epoll_.get(), [this](uint32_t) { Run(); }),
      deadline_(reactor.CreateAlarm([this] { Run(); })),
      recheck_(reactor.CreateAlarm([this] { arm_hook_.Request(); })),
      arm_hook_(reactor, [this] { Arm(); }) {
  PCHECK(epoll_.valid()) << "epoll_create1";
  CHECK(g_main_context_acquire(context_)) << "the context is new and nobody else's";
  g_main_context_push_thread_default(context_);
  FindWakeup();
  watch_.SetEvents(EPOLLIN);
  arm_hook_.Request();
}

GlibBridge::Pump::~Pump() {
  g_main_context_pop_thread_default(context_);
  g_main_context_release(context_);
  g_main_context_unref(context_);
}

void GlibBridge::Pump::RequestArm() {
  ++epoch_;
  arm_hook_.Request();
}

void GlibBridge::Pump::Arm() {
  g_main_context_prepare(context_, &max_priority_);
  const int timeout_ms = Query();
  armed_ = true;
  SyncRegistrations();
  if (!readable_.empty()) {
    deadline_->ArmAt(reactor_.Now());
  } else if (timeout_ms < 0) {
    deadline_->Cancel();
  } else {
    deadline_->ArmAt(reactor_.Now() + std::chrono::milliseconds(timeout_ms));
  }
}

// Returns milliseconds until the context wants to run; -1: no such time.
int GlibBridge::Pump::Query() {
  gint timeout_ms = -1;
  for (;;) {
    const auto capacity = base::CheckedCast<gint>(polls_.size());
    const gint count =
        g_main_context_query(context_, max_priority_, &timeout_ms, polls_.data(), capacity);
    polls_.resize(base::CheckedCast<size_t>(count));
    if (count <= capacity) return timeout_ms;
  }
}

// A context without sources polls nothing else.
void GlibBridge::Pump::FindWakeup() {
  g_main_context_prepare(context_, &max_priority_);
  static_cast<void>(Query());
  CHECK_EQ(polls_.size(), 1u) << "a new context has no source";
  wakeup_fd_ = polls_.front().fd;
}

// GLib wakes its own loop whenever it dispatches a descriptor. All sources are looked at after this
// anyway, so that the signal would only cost a turn; what is signaled later is seen.
void GlibBridge::Pump::TakeWakeup() {
  uint64_t count = 0;
  // EAGAIN: there was none.
  static_cast<void>(!::read(wakeup_fd_, &count, sizeof(count)));
}

void GlibBridge::Pump::SyncRegistrations() {
  synced_.clear();
  const Timestamp now = reactor_.Now();
  const bool is_round = now >= next_round_at_;
  proves_left_ = is_round ? kProvesPerRound : 0;
  has_unproven_ = false;
  next_round_start_.reset();
  auto previous = registrations_.begin();
  for (const GPollFD& poll : polls_) {
    if (IsExcluded(poll.fd)) continue;
    for (; previous != registrations_.end() && previous->fd < poll.fd; ++previous) {
      Control(EPOLL_CTL_DEL, previous->fd, 0);
    }
    const bool known = previous != registrations_.end() && previous->fd == poll.fd;
    synced_.push_back(Sync(poll, known ? &*previous++ : nullptr));
  }
  for (; previous != registrations_.end(); ++previous) Control(EPOLL_CTL_DEL, previous->fd, 0);
  registrations_.swap(synced_);
  round_start_ = next_round_start_.value_or(0);
  if (is_round && proves_left_ != kProvesPerRound) next_round_at_ = now + kRoundInterval;
  if (has_unproven_) recheck_->ArmAt(std::max(now, next_round_at_));
}

GlibBridge::Pump::Registration GlibBridge::Pump::Sync(const GPollFD& poll,
                                                      const Registration* previous) {
  const uint32_t events = ToEpoll(poll.events);
  const bool unchanged = previous != nullptr && previous->events == events;
  if (unchanged && previous->proven_in == epoch_) return *previous;
  if (unchanged) {
    const bool is_in_round = poll.fd >= round_start_;
    if (!is_in_round || proves_left_ == 0) {
      has_unproven_ = true;
      if (is_in_round && !next_round_start_) next_round_start_ = poll.fd;
      return *previous;
    }
    --proves_left_;
  }
  const int first = previous != nullptr ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  const int second = previous != nullptr ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  if (!Control(first, poll.fd, events) && !Control(second, poll.fd, events)) {
    PLOG_EVERY_N(WARNING, 100) << "GLib polls a descriptor that epoll refuses";
  }
  return {poll.fd, events, epoch_};
}

bool GlibBridge::Pump::Control(int operation, int fd, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  // A removal fails where the descriptor was closed, which removed it as well.
  return ::epoll_ctl(epoll_.get(), operation, fd, &event) == 0;
}

void GlibBridge::Pump::Run() {
  if (!armed_) return;  // ran in this turn already
  armed_ = false;
  CollectReady();
  if (g_main_context_check(context_, max_priority_, polls_.data(),
                           base::CheckedCast<gint>(polls_.size())) != FALSE) {
    ++epoch_;
    g_main_context_dispatch(context_);
    TakeWakeup();
  }
  arm_hook_.Request();
}

void GlibBridge::Pump::CollectReady() {
  std::array<epoll_event, 256> ready{};
  const int count = ::epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()), 0);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = ready[static_cast<size_t>(i)];
    const auto poll = FindPoll(event.data.fd);
    if (poll != polls_.end()) poll->revents = ToPoll(event.events);
  }
  for (const int fd : std::exchange(readable_, {})) {
    const auto poll = FindPoll(fd);
    if (poll != polls_.end()) poll->revents = G_IO_IN;
  }
}

std::vector<GPollFD>::iterator GlibBridge::Pump::FindPoll(int fd) {
  const auto poll =
      std::lower_bound(polls_.begin(), polls_.end(), fd,
                       [](const GPollFD& entry, int wanted) { return entry.fd < wanted; });
  return poll != polls_.end() && poll->fd == fd ? poll : polls_.end();
}

bool GlibBridge::Pump::IsExcluded(int fd) const {
  return std::find(excluded_.begin(), excluded_.end(), fd) != excluded_.end();
}

void GlibBridge::Pump::Exclude(int fd) {
  excluded_.push_back(fd);
  RequestArm();
}

void GlibBridge::Pump::Include(int fd) {
  const auto found = std::find(excluded_.begin(), excluded_.end(), fd);
  if (found != excluded_.end()) excluded_.erase(found);
  RequestArm();
}

bool GlibBridge::Pump::RunFor(int fd) {
  const auto poll = FindPoll(fd);
  if (poll == polls_.end() || (poll->events & G_IO_IN) == 0) return false;
  // Arming again would put it off to the turn after.
  if (readable_.empty()) deadline_->ArmAt(reactor_.Now());
  readable_.push_back(fd);
  return true;
}

GlibBridge::GlibBridge(Reactor& reactor) : pump_(std::make_unique<Pump>(reactor)) {}
GlibBridge::~GlibBridge() = default;
GMainContext* GlibBridge::context() const { return pump_->context(); }
void GlibBridge::Arm() { pump_->RequestArm(); }
void GlibBridge::Exclude(int fd) { pump_->Exclude(fd); }
void GlibBridge::Include(int fd) { pump_->Include(fd); }
bool GlibBridge::RunFor(int fd) { return pump_->RunFor(fd); }

}  // namespace ming::net
