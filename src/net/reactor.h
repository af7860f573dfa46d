// Reactor: the one loop that owns every descriptor and timer of a process. Epoll, level-triggered
// but for watches that ask for edges.
//
// A turn: wait (see SetSpin); freeze the time; run the callbacks of ready descriptors, then the
// posted tasks, then the alarms that are due, then the turn-end hooks; free what was handed to
// DeferDestroy.
//
// Everything here belongs to the thread that made the Reactor, except Post. Debug builds check it.
#ifndef MING_NET_REACTOR_H_
#define MING_NET_REACTOR_H_

#include <sys/epoll.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "ming/base/bytes.h"
#include "ming/link/timer_service.h"
#include "ming/net/alarm_heap.h"
#include "ming/net/spin_policy.h"
#include "ming/net/unique_fd.h"

namespace ming::net {

class FdWatch;
class PostQueue;
class ReactorAlarm;
class TurnEndHook;

// What one stream, or one socket of datagrams, may read in one turn before it lets the others run.
// Of a stream two reads: to fetch what belongs to it into the caches, and to wake its sender, is
// paid for once; more would keep a small request of another one waiting.
inline constexpr size_t kStreamBytesPerTurn = size_t{128} * 1024;
inline constexpr size_t kDatagramBytesPerTurn = size_t{64} * 1024;
inline constexpr size_t kDatagramsPerTurn = 64;
// What fits into Reactor::datagram_scratch(), of the largest size.
inline constexpr size_t kDatagramsPerCall = 8;

class Reactor final : public link::TimerService {
 public:
  Reactor();
  // Everything that is registered is gone by now; debug builds check it.
  ~Reactor() override;
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  Timestamp Now() const override { return now_; }
  Timestamp ReadClock() const override;
  // Alarms of the same time run in the order they were armed. The alarm dies before the Reactor.
  std::unique_ptr<link::Alarm> CreateAlarm(std::function<void()> callback) override;
  void DeferDestroy(std::shared_ptr<void> object) override;

  // Turns until Stop, or until nothing is left that could ever cause a callback: no watch (other
  // than background ones), armed alarm, posted task, turn-end request or WorkToken. Not from inside
  // a callback.
  void Run();
  // Run returns when the current turn ends. Before Run: the next Run returns at once.
  void Stop() { stop_requested_ = true; }
  // Turns until done() is true (asked after every turn, and once before), and returns true; false
  // after `timeout`, or on Stop. For tests and short drivers.
  bool RunUntil(const std::function<bool()>& done, Duration timeout);

  // Runs `task` in the loop, in the order of the calls. The only method other threads may call; the
  // Reactor outlives them. A task that was not run when the Reactor dies is destroyed unrun.
  void Post(std::function<void()> task);

  // Whether the loop polls for a moment before it sleeps; off until then. Between two polls it
  // offers its processor to others. What has no traffic never polls.
  void SetSpin(const SpinOptions& options);

  // Turns so far. A budget of bytes or datagrams starts anew with each.
  uint64_t turn() const { return turn_; }

  // What exists now, for leak checks. Alarms count whether armed or not.
  size_t watch_count() const { return watch_count_; }
  size_t alarm_count() const { return alarm_count_; }

  // 64 KiB for whoever reads next from a stream; what it holds is valid until the next call.
  // `user` names the reader, so that it can tell whether its bytes are still there.
  MutableByteSpan BorrowReadScratch(const void* user);
  const void* read_scratch_user() const { return read_scratch_user_; }
  // 64 KiB for each of kDatagramsPerCall datagrams, apart from the other so that their receiver may
  // read from streams. Memory that no datagram reached costs nothing.
  MutableByteSpan datagram_scratch() { return datagram_scratch_.mutable_span(); }

 private:
  friend class FdWatch;
  friend class ReactorAlarm;
  friend class TurnEndHook;
  friend class WorkToken;

  struct WatchSlot {
    FdWatch* watch = nullptr;
    uint32_t generation = 0;
  };

  void CheckThread() const;
  bool HasWork() const;
  void RefreshNow();
  void Turn();
  int Wait();
  int Poll(Timestamp until);
  int Sleep();
  int WaitAtMost(Duration duration);
  void DispatchEvents(int count);
  void Dispatch(FdWatch& watch, uint32_t events);
  void RunPostedTasks();
  void RunDueAlarms(uint64_t arm_limit);
  void RunTurnEndHooks();
  void FreeDeferred();

  void RequestHook(TurnEndHook& hook);
  void RemoveHook(TurnEndHook& hook);
  uint32_t AddWatch(FdWatch* watch);
  void RemoveWatch(uint32_t slot);
  uint64_t EpollDataOf(uint32_t slot) const;

  UniqueFd epoll_;
  std::unique_ptr<PostQueue> posts_;
  Timestamp now_;
  uint64_t turn_ = 0;
  bool running_ = false;
  bool stop_requested_ = false;
  bool has_pwait2_ = true;

  std::optional<SpinPolicy> spin_;
  bool had_traffic_ = false;  // since the last wait

  std::array<epoll_event, 256> ready_{};
  bool woken_ = false;  // posted tasks wait
  std::vector<WatchSlot> slots_;
  std::vector<uint32_t> free_slots_;
  FdWatch* dispatching_watch_ = nullptr;
  size_t watch_count_ = 0;
  size_t background_watch_count_ = 0;
  size_t work_tokens_ = 0;

  AlarmHeap alarms_;
  ReactorAlarm* firing_alarm_ = nullptr;
  size_t alarm_count_ = 0;

  std::vector<TurnEndHook*> requested_hooks_;
  std::vector<TurnEndHook*> running_hooks_;
  TurnEndHook* running_hook_ = nullptr;
  std::vector<std::shared_ptr<void>> deferred_;

  ByteBuffer read_scratch_;
  const void* read_scratch_user_ = nullptr;
  ByteBuffer datagram_scratch_;
};

}  // namespace ming::net

#endif  // MING_NET_REACTOR_H_
