#include "ming/net/reactor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "ming/net/fd_watch.h"
#include "ming/net/turn_end_hook.h"
#include "ming/net/work_token.h"

#include "reactor_fixture.h"

namespace ming::net {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;

class ReactorTest : public ReactorFixture {
 protected:
  static UniqueFd ReadyEventFd() { return UniqueFd(::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)); }

  // One more turn, by way of a posted task.
  void TurnOnce() {
    bool turned = false;
    reactor_.Post([&] { turned = true; });
    ASSERT_TRUE(RunUntil([&] { return turned; }));
  }
};

TEST_F(ReactorTest, AlarmsRunInOrderOfTimeThenOfArming) {
  std::vector<int> order;
  std::vector<std::unique_ptr<link::Alarm>> alarms;
  const std::array<int, 5> delays_ms = {3, 1, 2, 1, 0};
  for (size_t i = 0; i < delays_ms.size(); ++i) {
    alarms.push_back(reactor_.CreateAlarm([&order, i] { order.push_back(static_cast<int>(i)); }));
    alarms.back()->ArmAt(reactor_.Now() + milliseconds(delays_ms[i]));
  }
  reactor_.Run();
  EXPECT_THAT(order, ElementsAre(4, 1, 3, 2, 0));
}

TEST_F(ReactorTest, AlarmNeverRunsEarly) {
  const Timestamp when = reactor_.Now() + milliseconds(5);
  Timestamp ran_at;
  const auto alarm = reactor_.CreateAlarm([&] { ran_at = reactor_.Now(); });
  alarm->ArmAt(when);
  reactor_.Run();
  EXPECT_GE(ran_at, when);
}

Duration ProcessorTime() {
  rusage usage{};
  EXPECT_EQ(getrusage(RUSAGE_THREAD, &usage), 0);
  const auto sum = [](const timeval& a, const timeval& b) {
    return std::chrono::seconds(a.tv_sec + b.tv_sec) +
           std::chrono::microseconds(a.tv_usec + b.tv_usec);
  };
  return sum(usage.ru_utime, usage.ru_stime);
}

SpinOptions SpinAlways(Duration limit) {
  SpinOptions spin;
  spin.mode = SpinMode::kAlways;
  spin.limit = limit;
  return spin;
}

TEST_F(ReactorTest, SpinningAnswersTrafficAndKeepsTheTimeOfAlarms) {
  reactor_.SetSpin(SpinAlways(milliseconds(10)));
  const FdPair pair = ConnectedTcpPair();
  int seen = 0;
  FdWatch watch(reactor_, pair.second.get(), [&](uint32_t) {
    char byte = 0;
    ASSERT_EQ(::read(pair.second.get(), &byte, 1), 1);
    ++seen;
  });
  watch.SetEvents(EPOLLIN);
  for (int i = 1; i <= 20; ++i) {
    ASSERT_EQ(::write(pair.first.get(), "x", 1), 1);
    ASSERT_TRUE(RunUntil([&] { return seen == i; }));
  }
  const Timestamp when = reactor_.Now() + milliseconds(2);
  bool rang = false;
  const auto alarm = reactor_.CreateAlarm([&] { rang = true; });
  alarm->ArmAt(when);
  ASSERT_TRUE(RunUntil([&] { return rang; }));
  EXPECT_GE(reactor_.Now(), when);
  EXPECT_LT(reactor_.Now(), when + milliseconds(8)) << "it waited for the end of the window";
}

TEST_F(ReactorTest, SpinningLoopWithoutTrafficSleeps) {
  reactor_.SetSpin(SpinAlways(milliseconds(10)));
  const auto tick = reactor_.CreateAlarm([] {});
  const Duration before = ProcessorTime();
  const Timestamp end = reactor_.Now() + milliseconds(200);
  while (reactor_.Now() < end) {
    tick->ArmAt(reactor_.Now() + milliseconds(5));
    ASSERT_TRUE(RunUntil([&] { return !tick->armed(); }));
  }
  EXPECT_LT(ProcessorTime() - before, milliseconds(100));
}

TEST_F(ReactorTest, AlarmForThePastRunsInTheNextTurn) {
  std::vector<uint64_t> turns;
  std::unique_ptr<link::Alarm> alarm = reactor_.CreateAlarm([&] {
    turns.push_back(reactor_.turn());
    if (turns.size() < 3) alarm->ArmAt(Timestamp());
  });
  alarm->ArmAt(Timestamp());
  EXPECT_TRUE(turns.empty());
  reactor_.Run();
  EXPECT_THAT(turns, ElementsAre(1, 2, 3));
}

TEST_F(ReactorTest, AlarmArmedAnewRunsOnceAtTheNewTime) {
  int runs = 0;
  const auto alarm = reactor_.CreateAlarm([&] { ++runs; });
  alarm->ArmAt(reactor_.Now() + std::chrono::hours(1));
  alarm->ArmAt(reactor_.Now() + milliseconds(1));
  reactor_.Run();
  EXPECT_EQ(runs, 1);
  EXPECT_FALSE(alarm->armed());
}

TEST_F(ReactorTest, AlarmForNeverIsDisarmed) {
  const auto alarm = reactor_.CreateAlarm([] { FAIL(); });
  alarm->ArmAt(reactor_.Now());
  alarm->ArmAt(Timestamp::Max());
  EXPECT_FALSE(alarm->armed());
  reactor_.Run();
}

TEST_F(ReactorTest, AlarmMayDestroyItselfAndAnother) {
  std::unique_ptr<link::Alarm> other = reactor_.CreateAlarm([] { FAIL() << "was destroyed"; });
  std::string seen;
  std::unique_ptr<link::Alarm> alarm = reactor_.CreateAlarm([&, text = std::string(100, 'x')] {
    other.reset();
    alarm.reset();
    seen = text;  // the captures are still there
  });
  alarm->ArmAt(reactor_.Now());
  other->ArmAt(reactor_.Now());
  reactor_.Run();
  EXPECT_EQ(seen, std::string(100, 'x'));
}

TEST_F(ReactorTest, ThousandsOfAlarmsAreArmedMovedAndCancelled) {
  constexpr size_t kCount = 20000;
  size_t runs = 0;
  std::vector<std::unique_ptr<link::Alarm>> alarms;
  for (size_t i = 0; i < kCount; ++i) {
    alarms.push_back(reactor_.CreateAlarm([&] { ++runs; }));
    alarms.back()->ArmAt(reactor_.Now() + std::chrono::hours(i % 7));
  }
  EXPECT_EQ(reactor_.alarm_count(), kCount);
  for (size_t i = 0; i < kCount; ++i) {
    if (i % 4 == 0) {
      alarms[i]->Cancel();
    } else {
      alarms[i]->ArmAt(reactor_.Now() + milliseconds(i % 5));
    }
  }
  reactor_.Run();
  EXPECT_EQ(runs, kCount - kCount / 4);
}

TEST_F(ReactorTest, RunReturnsWhenNothingIsLeft) {
  reactor_.Run();
  EXPECT_EQ(reactor_.turn(), 0u);
}

TEST_F(ReactorTest, RunWaitsForWorkElsewhere) {
  auto token = std::make_unique<WorkToken>(reactor_);
  bool ran = false;
  std::thread thread([&] {
    reactor_.Post([&] {
      ran = true;
      token.reset();
    });
  });
  reactor_.Run();
  thread.join();
  EXPECT_TRUE(ran);
}

TEST_F(ReactorTest, BackgroundWatchDoesNotKeepItRunning) {
  const UniqueFd fd(::eventfd(0, EFD_CLOEXEC));
  FdWatch watch(
      reactor_, fd.get(), [](uint32_t) {}, WatchKind::kBackground);
  watch.SetEvents(EPOLLIN);
  reactor_.Run();
  EXPECT_EQ(reactor_.watch_count(), 1u);
}

TEST_F(ReactorTest, StopEndsTheTurnAndTheRun) {
  const UniqueFd fd = ReadyEventFd();
  int calls = 0;
  FdWatch watch(reactor_, fd.get(), [&](uint32_t) {
    ++calls;
    reactor_.Stop();
  });
  watch.SetEvents(EPOLLIN);
  reactor_.Run();
  EXPECT_EQ(calls, 1);
  reactor_.Run();  // the stop was for one run
  EXPECT_EQ(calls, 2);
}

TEST_F(ReactorTest, StopBeforeRunEndsItAtOnce) {
  const auto alarm = reactor_.CreateAlarm([] {});
  alarm->ArmAt(reactor_.Now() + std::chrono::hours(1));
  reactor_.Stop();
  reactor_.Run();
  EXPECT_EQ(reactor_.turn(), 0u);
}

TEST_F(ReactorTest, RunUntilGivesUp) {
  const Timestamp start = reactor_.Now();
  EXPECT_FALSE(reactor_.RunUntil([] { return false; }, milliseconds(5)));
  EXPECT_GE(reactor_.Now() - start, milliseconds(5));
}

TEST_F(ReactorTest, RunUntilAsksBeforeTheFirstTurn) {
  EXPECT_TRUE(reactor_.RunUntil([] { return true; }, kLimit));
  EXPECT_EQ(reactor_.turn(), 0u);
}

TEST_F(ReactorTest, TimeStandsStillDuringATurn) {
  Timestamp first;
  Timestamp second;
  const UniqueFd fd = ReadyEventFd();
  std::optional<FdWatch> watch;
  const auto alarm = reactor_.CreateAlarm([&] { second = reactor_.Now(); });
  watch.emplace(reactor_, fd.get(), [&](uint32_t) {
    first = reactor_.Now();
    const auto started = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() == started) {
    }
    watch.reset();
  });
  watch->SetEvents(EPOLLIN);
  alarm->ArmAt(reactor_.Now());
  reactor_.Run();
  EXPECT_EQ(first, second);
}

// Two descriptors are ready in one batch; whichever runs first destroys the other's watch and makes
// a new one, which takes the slot over.
TEST_F(ReactorTest, EventOfAWatchThatIsGoneIsDropped) {
  const std::array<UniqueFd, 2> fds = {ReadyEventFd(), ReadyEventFd()};
  const UniqueFd quiet(::eventfd(0, EFD_CLOEXEC));
  std::array<std::unique_ptr<FdWatch>, 2> watches;
  std::unique_ptr<FdWatch> successor;
  int calls = 0;
  for (size_t i = 0; i < 2; ++i) {
    watches[i] = std::make_unique<FdWatch>(reactor_, fds[i].get(), [&, i](uint32_t) {
      ++calls;
      watches[1 - i].reset();
      successor = std::make_unique<FdWatch>(reactor_, quiet.get(),
                                            [](uint32_t) { FAIL() << "another watch's event"; });
      successor->SetEvents(EPOLLIN | EPOLLOUT | EPOLLET);
      successor->SetEvents(EPOLLIN);
      watches[i]->SetEvents(0);
    });
    watches[i]->SetEvents(EPOLLIN);
  }
  TurnOnce();
  EXPECT_EQ(calls, 1);
}

TEST_F(ReactorTest, EventThatIsNoLongerWantedIsDropped) {
  const std::array<UniqueFd, 2> fds = {ReadyEventFd(), ReadyEventFd()};
  std::array<std::unique_ptr<FdWatch>, 2> watches;
  int calls = 0;
  for (size_t i = 0; i < 2; ++i) {
    watches[i] = std::make_unique<FdWatch>(reactor_, fds[i].get(), [&](uint32_t) {
      ++calls;
      for (auto& watch : watches) watch->SetEvents(0);
    });
    watches[i]->SetEvents(EPOLLIN);
  }
  TurnOnce();
  EXPECT_EQ(calls, 1);
}

TEST_F(ReactorTest, EventsAreThoseWantedNow) {
  const std::array<UniqueFd, 2> fds = {ReadyEventFd(), ReadyEventFd()};
  std::array<std::unique_ptr<FdWatch>, 2> watches;
  std::vector<uint32_t> seen;
  for (size_t i = 0; i < 2; ++i) {
    watches[i] = std::make_unique<FdWatch>(reactor_, fds[i].get(), [&](uint32_t events) {
      seen.push_back(events);
      for (auto& watch : watches) watch->SetEvents(seen.size() == 2 ? 0 : uint32_t{EPOLLOUT});
    });
    watches[i]->SetEvents(EPOLLIN | EPOLLOUT);
  }
  TurnOnce();
  EXPECT_THAT(seen, ElementsAre(EPOLLIN | EPOLLOUT, EPOLLOUT));
}

TEST_F(ReactorTest, WatchMayDestroyItself) {
  const UniqueFd fd = ReadyEventFd();
  std::string seen;
  std::unique_ptr<FdWatch> watch =
      std::make_unique<FdWatch>(reactor_, fd.get(), [&, text = std::string(100, 'x')](uint32_t) {
        watch.reset();
        seen = text;  // the captures are still there
      });
  watch->SetEvents(EPOLLIN);
  reactor_.Run();
  EXPECT_EQ(seen, std::string(100, 'x'));
}

TEST_F(ReactorTest, WatchWithoutEventsHearsNoHangUp) {
  FdPair pair = ConnectedTcpPair();
  FdWatch watch(reactor_, pair.first.get(), [](uint32_t) { FAIL(); });
  watch.SetEvents(EPOLLIN);
  watch.SetEvents(0);
  pair.second.Close();
  EXPECT_LE(TurnsWithin(milliseconds(20)), 2u);
}

TEST_F(ReactorTest, TasksOfAnotherThreadRunInOrder) {
  constexpr int kCount = 10000;
  std::vector<int> ran;
  std::thread thread([&] {
    for (int i = 0; i < kCount; ++i) {
      reactor_.Post([&ran, i] { ran.push_back(i); });
    }
  });
  EXPECT_TRUE(RunUntil([&] { return ran.size() == kCount; }));
  thread.join();
  EXPECT_TRUE(std::is_sorted(ran.begin(), ran.end()));
}

TEST_F(ReactorTest, TaskPostedByATaskRunsInALaterTurn) {
  std::vector<uint64_t> turns;
  reactor_.Post([&] {
    turns.push_back(reactor_.turn());
    reactor_.Post([&] { turns.push_back(reactor_.turn()); });
  });
  reactor_.Run();
  EXPECT_THAT(turns, ElementsAre(1, 2));
}

TEST_F(ReactorTest, TaskThatNeverRanIsFreed) {
  auto captured = std::make_shared<int>(1);
  const std::weak_ptr<int> weak = captured;
  {
    Reactor other;
    other.Post([captured = std::move(captured)] { FAIL(); });
  }
  EXPECT_TRUE(weak.expired());
}

// An object hands itself over in its own callback and lives until the turn ends.
class SelfDeleter {
 public:
  SelfDeleter(Reactor& reactor, std::vector<std::string>& log)
      : reactor_(reactor), log_(log), alarm_(reactor.CreateAlarm([this] { OnAlarm(); })) {
    alarm_->ArmAt(reactor_.Now());
  }
  ~SelfDeleter() { log_.emplace_back("freed"); }
  SelfDeleter(const SelfDeleter&) = delete;
  SelfDeleter& operator=(const SelfDeleter&) = delete;

  static void Own(std::unique_ptr<SelfDeleter> self) {
    SelfDeleter& object = *self;
    object.self_ = std::move(self);
  }

 private:
  void OnAlarm() {
    reactor_.DeferDelete(std::move(self_));
    log_.emplace_back("still here");
  }

  Reactor& reactor_;
  std::vector<std::string>& log_;
  std::unique_ptr<link::Alarm> alarm_;
  std::unique_ptr<SelfDeleter> self_;
};

TEST_F(ReactorTest, DeferredObjectDiesWhenTheTurnEnds) {
  std::vector<std::string> log;
  SelfDeleter::Own(std::make_unique<SelfDeleter>(reactor_, log));
  reactor_.Run();
  EXPECT_THAT(log, ElementsAre("still here", "freed"));
  EXPECT_EQ(reactor_.turn(), 1u);
}

TEST_F(ReactorTest, HookRunsOnceATurnBeforeDeferredObjectsDie) {
  std::vector<std::string> log;
  TurnEndHook hook(reactor_, [&] { log.emplace_back("hook"); });
  reactor_.Post([&] {
    reactor_.DeferDestroy(
        std::shared_ptr<void>(nullptr, [&](void*) { log.emplace_back("freed"); }));
    hook.Request();
    hook.Request();
    log.emplace_back("task");
  });
  reactor_.Run();
  EXPECT_THAT(log, ElementsAre("task", "hook", "freed"));
}

TEST_F(ReactorTest, HookThatAsksAgainRunsInTheNextTurn) {
  std::vector<uint64_t> turns;
  std::unique_ptr<TurnEndHook> hook = std::make_unique<TurnEndHook>(reactor_, [&] {
    turns.push_back(reactor_.turn());
    if (turns.size() < 3) hook->Request();
  });
  hook->Request();
  reactor_.Run();
  EXPECT_THAT(turns, ElementsAre(1, 2, 3));
}

TEST_F(ReactorTest, HookThatIsGoneDoesNotRun) {
  auto first = std::make_unique<TurnEndHook>(reactor_, [] { FAIL(); });
  auto second = std::make_unique<TurnEndHook>(reactor_, [] { FAIL(); });
  TurnEndHook killer(reactor_, [&] { second.reset(); });
  first->Request();
  killer.Request();
  second->Request();
  first.reset();
  reactor_.Run();
}

TEST_F(ReactorTest, HookMayDestroyItself) {
  std::string seen;
  std::unique_ptr<TurnEndHook> hook =
      std::make_unique<TurnEndHook>(reactor_, [&, text = std::string(100, 'x')] {
        hook.reset();
        seen = text;  // the captures are still there
      });
  hook->Request();
  reactor_.Run();
  EXPECT_EQ(seen, std::string(100, 'x'));
}

#ifndef NDEBUG
TEST_F(ReactorTest, OtherThreadsAreCaught) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(std::thread([this] { reactor_.DeferDestroy(nullptr); }).join(),
               "not the loop's thread");
}
#endif

}  // namespace
}  // namespace ming::net
