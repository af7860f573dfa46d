#include "ming/net/signal_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <vector>

#include "reactor_fixture.h"

namespace ming::net {
namespace {

class SignalWatchTest : public ReactorFixture {};

TEST_F(SignalWatchTest, SignalsArriveInTheLoop) {
  std::vector<int> seen;
  SignalWatch watch(reactor_, {SIGTERM, SIGHUP}, [&](int signal) { seen.push_back(signal); });
  ASSERT_EQ(::kill(::getpid(), SIGTERM), 0);
  ASSERT_EQ(::kill(::getpid(), SIGHUP), 0);
  EXPECT_TRUE(RunUntil([&] { return seen.size() == 2; }));
  EXPECT_THAT(seen, testing::UnorderedElementsAre(SIGTERM, SIGHUP));
}

TEST_F(SignalWatchTest, DoesNotKeepTheLoopRunning) {
  SignalWatch watch(reactor_, {SIGTERM}, [](int) {});
  reactor_.Run();
  EXPECT_EQ(reactor_.turn(), 0u);
}

TEST_F(SignalWatchTest, MayDestroyItself) {
  std::unique_ptr<SignalWatch> watch;
  bool seen = false;
  watch = std::make_unique<SignalWatch>(reactor_, std::initializer_list<int>{SIGTERM}, [&](int) {
    watch.reset();
    seen = true;
  });
  ASSERT_EQ(::kill(::getpid(), SIGTERM), 0);
  EXPECT_TRUE(RunUntil([&] { return seen; }));
}

TEST_F(SignalWatchTest, RestoresTheMask) {
  {
    SignalWatch watch(reactor_, {SIGUSR1}, [](int) {});
  }
  sigset_t mask;
  ASSERT_EQ(::pthread_sigmask(SIG_SETMASK, nullptr, &mask), 0);
  EXPECT_EQ(sigismember(&mask, SIGUSR1), 0);
}

}  // namespace
}  // namespace ming::net
