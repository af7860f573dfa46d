#include "ming/net/glib_bridge.h"

#include <glib.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <glib-unix.h>

#include "reactor_fixture.h"

namespace ming::net {
namespace {

using std::chrono::milliseconds;

class GlibBridgeTest : public ReactorFixture {
 protected:
  // GLib makes its default context, and a descriptor for it, once for the life of the process.
  static void SetUpTestSuite() { g_main_context_default(); }

  GlibBridge bridge_{reactor_};
};

// Owns one GLib source whose callback is a C++ function.
class Source {
 public:
  using Callback = std::function<void()>;

  static Source Timeout(GMainContext* context, unsigned delay_ms, Callback callback) {
    return Source(context, g_timeout_source_new(delay_ms), std::move(callback));
  }
  static Source Idle(GMainContext* context, Callback callback) {
    return Source(context, g_idle_source_new(), std::move(callback));
  }
  static Source Descriptor(GMainContext* context, int fd, Callback callback) {
    return Source(context, g_unix_fd_source_new(fd, G_IO_IN), std::move(callback), OnDescriptor);
  }
  Source(Source&& other) noexcept
      : source_(std::exchange(other.source_, nullptr)), callback_(std::move(other.callback_)) {}
  Source& operator=(Source&& other) noexcept {
    std::swap(source_, other.source_);
    std::swap(callback_, other.callback_);
    return *this;
  }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  ~Source() {
    if (source_ == nullptr) return;
    g_source_destroy(source_);
    g_source_unref(source_);
  }

 private:
  using DescriptorFunction = gboolean (*)(gint, GIOCondition, gpointer);

  Source(GMainContext* context, GSource* source, Callback callback,
         DescriptorFunction on_descriptor = nullptr)
      : source_(source), callback_(std::make_unique<Callback>(std::move(callback))) {
    const GSourceFunc function = on_descriptor == nullptr ? OnSource : G_SOURCE_FUNC(on_descriptor);
    g_source_set_callback(source_, function, callback_.get(), nullptr);
    g_source_attach(source_, context);
  }

  static gboolean OnSource(gpointer callback) {
    (*static_cast<Callback*>(callback))();
    return G_SOURCE_CONTINUE;
  }
  static gboolean OnDescriptor(gint, GIOCondition, gpointer callback) { return OnSource(callback); }

  GSource* source_;
  std::unique_ptr<Callback> callback_;
};

void Drain(int fd) {
  uint64_t value = 0;
  ASSERT_EQ(::read(fd, &value, sizeof(value)), ssize_t{sizeof(value)});
}

void Signal(int fd) {
  const uint64_t one = 1;
  ASSERT_EQ(::write(fd, &one, sizeof(one)), ssize_t{sizeof(one)});
}

UniqueFd MakeEventFd() { return UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

TEST_F(GlibBridgeTest, TimeoutsFireAgainAndAgain) {
  int fired = 0;
  const Timestamp start = reactor_.Now();
  const Source source = Source::Timeout(bridge_.context(), 5, [&] { ++fired; });
  ASSERT_TRUE(RunUntil([&] { return fired == 3; }));
  EXPECT_GE(reactor_.Now() - start, milliseconds(13));
}

TEST_F(GlibBridgeTest, IdleSourcesRunWithoutStarvingTheLoop) {
  int idle_runs = 0;
  const Source source = Source::Idle(bridge_.context(), [&] { ++idle_runs; });
  bool alarm_ran = false;
  const auto alarm = reactor_.CreateAlarm([&] { alarm_ran = true; });
  alarm->ArmAt(reactor_.Now() + milliseconds(2));
  EXPECT_TRUE(RunUntil([&] { return alarm_ran && idle_runs > 3; }));
}

TEST_F(GlibBridgeTest, DescriptorsAreWatched) {
  const UniqueFd fd = MakeEventFd();
  int seen = 0;
  const Source source = Source::Descriptor(bridge_.context(), fd.get(), [&] {
    Drain(fd.get());
    ++seen;
  });
  EXPECT_LE(TurnsWithin(milliseconds(10)), 3u) << "nothing to do, but it runs";
  for (int i = 1; i <= 3; ++i) {
    Signal(fd.get());
    ASSERT_TRUE(RunUntil([&] { return seen == i; }));
  }
}

// GLib signals its own loop at each dispatch of a descriptor, which nobody sleeps in here.
TEST_F(GlibBridgeTest, DescriptorDispatchDoesNotCauseAnotherTurn) {
  const UniqueFd fd = MakeEventFd();
  int seen = 0;
  const Source source = Source::Descriptor(bridge_.context(), fd.get(), [&] {
    Drain(fd.get());
    ++seen;
  });
  // Lets the proof of what was registered pass, which has a turn of its own.
  TurnsWithin(milliseconds(30));
  Signal(fd.get());
  const uint64_t before = reactor_.turn();
  ASSERT_TRUE(RunUntil([&] { return seen == 1; }));
  EXPECT_EQ(reactor_.turn() - before, 1u);
  EXPECT_EQ(TurnsWithin(milliseconds(1)), 1u) << "that of the end of the time";
}

TEST_F(GlibBridgeTest, SourceAddedOutsideIsSeenAfterArm) {
  TurnsWithin(milliseconds(1));
  int fired = 0;
  const Source source = Source::Timeout(bridge_.context(), 1, [&] { ++fired; });
  bridge_.Arm();
  EXPECT_TRUE(RunUntil([&] { return fired > 0; }));
}

TEST_F(GlibBridgeTest, SourceAddedInACallbackIsSeen) {
  const UniqueFd fd = MakeEventFd();
  bool inner_ran = false;
  std::vector<Source> inner;
  const Source outer = Source::Timeout(bridge_.context(), 1, [&] {
    if (!inner.empty()) return;
    inner.push_back(Source::Descriptor(bridge_.context(), fd.get(), [&] {
      Drain(fd.get());
      inner_ran = true;
    }));
    Signal(fd.get());
  });
  EXPECT_TRUE(RunUntil([&] { return inner_ran; }));
}

TEST_F(GlibBridgeTest, SourceOfAnotherThreadWakesTheLoop) {
  TurnsWithin(milliseconds(1));
  bool ran = false;
  std::unique_ptr<Source> source;
  std::thread thread([&] {
    source = std::make_unique<Source>(Source::Idle(bridge_.context(), [&] { ran = true; }));
  });
  EXPECT_TRUE(RunUntil([&] { return ran; }));
  thread.join();
}

TEST_F(GlibBridgeTest, SourceThatIsGoneIsNoLongerWatched) {
  const UniqueFd fd = MakeEventFd();
  {
    const Source source = Source::Descriptor(bridge_.context(), fd.get(), [] { FAIL(); });
  }
  bridge_.Arm();
  Signal(fd.get());
  EXPECT_LE(TurnsWithin(milliseconds(10)), 4u);
}

TEST_F(GlibBridgeTest, ExcludedDescriptorRunsOnlyWhenToldTo) {
  const UniqueFd fd = MakeEventFd();
  int seen = 0;
  const Source source = Source::Descriptor(bridge_.context(), fd.get(), [&] {
    Drain(fd.get());
    ++seen;
  });
  bridge_.Exclude(fd.get());
  TurnsWithin(milliseconds(1));
  Signal(fd.get());
  EXPECT_LE(TurnsWithin(milliseconds(10)), 4u);
  EXPECT_EQ(seen, 0);
  // As somebody does who waits for the descriptor with a level-triggered watch.
  ASSERT_TRUE(RunUntil([&] {
    EXPECT_TRUE(bridge_.RunFor(fd.get()));
    return seen == 1;
  }));
  bridge_.Include(fd.get());
  Signal(fd.get());
  EXPECT_TRUE(RunUntil([&] { return seen == 2; }));
}

TEST_F(GlibBridgeTest, DescriptorOfNoSourceIsUnknown) {
  const UniqueFd fd = MakeEventFd();
  TurnsWithin(milliseconds(1));
  EXPECT_FALSE(bridge_.RunFor(fd.get()));
}

// In one callback a descriptor is closed and its number given to another file, with the same
// events: the query looks as before, but the kernel watches nothing.
TEST_F(GlibBridgeTest, ReusedDescriptorNumberIsWatchedAgain) {
  constexpr size_t kOthers = 200;  // more than one round proves
  std::vector<UniqueFd> fds;
  std::vector<Source> sources;
  size_t seen = 0;
  const auto watch = [&](size_t i) {
    return Source::Descriptor(bridge_.context(), fds[i].get(), [&, i] {
      Drain(fds[i].get());
      ++seen;
    });
  };
  for (size_t i = 0; i < kOthers; ++i) {
    fds.push_back(MakeEventFd());
    sources.push_back(watch(i));
  }
  bridge_.Arm();
  TurnsWithin(milliseconds(1));

  bool swapped = false;
  std::optional<Source> swapper = Source::Timeout(bridge_.context(), 1, [&] {
    swapped = true;
    for (size_t i = 0; i < kOthers; ++i) {
      sources[i] = Source::Timeout(bridge_.context(), 1000000, [] {});
      const int number = fds[i].get();
      fds[i].Close();
      fds[i] = MakeEventFd();
      ASSERT_EQ(fds[i].get(), number);
      sources[i] = watch(i);
    }
  });
  bridge_.Arm();
  ASSERT_TRUE(RunUntil([&] { return swapped; }));
  swapper.reset();  // nothing else wakes the bridge from here on
  Signal(fds.back().get());
  EXPECT_TRUE(RunUntil([&] { return seen == 1; }));
  for (auto& fd : fds) Signal(fd.get());
  EXPECT_TRUE(RunUntil([&] { return seen == 1 + kOthers; })) << seen;
}

TEST_F(GlibBridgeTest, TwoBridgesLiveSideBySide) {
  GlibBridge second(reactor_);
  int fired = 0;
  const Source a = Source::Timeout(bridge_.context(), 1, [&] { fired |= 1; });
  const Source b = Source::Timeout(second.context(), 1, [&] { fired |= 2; });
  EXPECT_TRUE(RunUntil([&] { return fired == 3; }));
}

}  // namespace
}  // namespace ming::net
