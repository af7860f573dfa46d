#include "ming/net/spin_policy.h"

#include <gtest/gtest.h>

#include <chrono>

namespace ming::net {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr size_t kProcessors = 2;

SpinOptions Options(SpinMode mode) {
  SpinOptions options;
  options.mode = mode;
  options.limit = microseconds(50);
  return options;
}

class SpinPolicyTest : public testing::Test {
 protected:
  Duration Window() const { return policy_.Window(now_); }
  // A wait after traffic, as the loop makes it.
  void Wait(Duration waited, bool traffic = true) {
    const Duration window = Window();
    now_ = now_ + waited;
    policy_.NoteWait(now_, {waited, window, traffic});
  }
  void WaitOften(Duration waited) {
    for (int i = 0; i < 20; ++i) Wait(waited);
  }
  // An answer that is near: a sleep adds the wake-ups of everybody on its way.
  void ExchangeOften() {
    for (int i = 0; i < 20; ++i) Wait(microseconds(Window() > Duration::zero() ? 20 : 100));
  }

  Timestamp now_{std::chrono::hours(1)};
  SpinPolicy policy_{Options(SpinMode::kAuto), kProcessors};
};

TEST_F(SpinPolicyTest, SleepsUntilWaitsProveShort) {
  EXPECT_EQ(Window(), Duration::zero());
  ExchangeOften();
  EXPECT_EQ(Window(), microseconds(50));
}

TEST_F(SpinPolicyTest, DoesNotPollWhereWaitsAreLong) {
  WaitOften(milliseconds(1));
  EXPECT_EQ(Window(), Duration::zero());
}

TEST_F(SpinPolicyTest, EveryOtherWaitShortIsEnough) {
  WaitOften(microseconds(20));
  for (int i = 0; i < 50; ++i) {
    Wait(milliseconds(1));
    Wait(microseconds(20));
    EXPECT_EQ(Window(), microseconds(50));
  }
}

TEST_F(SpinPolicyTest, GivesUpAndRestsEverLonger) {
  Duration rest = milliseconds(10);
  for (int i = 0; i < 5; ++i) {
    while (Window() == Duration::zero()) Wait(microseconds(100));
    ASSERT_GT(Window(), Duration::zero()) << i;
    while (Window() > Duration::zero()) Wait(microseconds(200));  // polling did not shorten them
    const Timestamp begin = now_;
    // The rest goes on however short the waits are.
    while (Window() == Duration::zero()) Wait(microseconds(20));
    EXPECT_GE(now_ - begin, rest) << i;
    EXPECT_LE(now_ - begin, rest + milliseconds(2)) << i;
    rest *= 2;
  }
}

TEST_F(SpinPolicyTest, SuccessForgetsEarlierRests) {
  for (int i = 0; i < 5; ++i) {
    while (Window() == Duration::zero()) Wait(microseconds(20));
    while (Window() > Duration::zero()) Wait(microseconds(200));
  }
  while (Window() == Duration::zero()) Wait(microseconds(20));
  WaitOften(microseconds(20));
  while (Window() > Duration::zero()) Wait(microseconds(200));
  now_ = now_ + milliseconds(10);
  WaitOften(microseconds(20));
  EXPECT_GT(Window(), Duration::zero());
}

TEST_F(SpinPolicyTest, RestsWhileOthersNeedTheProcessor) {
  WaitOften(microseconds(20));
  policy_.NoteAway(now_, microseconds(150));  // the other end of the exchange
  EXPECT_GT(Window(), Duration::zero());
  policy_.NoteAway(now_, milliseconds(3));
  EXPECT_EQ(Window(), Duration::zero());
}

TEST_F(SpinPolicyTest, TimersThatAreDueSoonSayNothing) {
  WaitOften(microseconds(20));
  for (int i = 0; i < 50; ++i) Wait(microseconds(10), /*traffic=*/false);
  EXPECT_GT(Window(), Duration::zero());
  for (int i = 0; i < 50; ++i) Wait(milliseconds(5), /*traffic=*/false);
  EXPECT_EQ(Window(), Duration::zero()) << "polling was in vain";
}

TEST_F(SpinPolicyTest, OneProcessorIsNeededByTheOtherEnd) {
  policy_ = SpinPolicy(Options(SpinMode::kAuto), 1);
  WaitOften(microseconds(20));
  EXPECT_EQ(Window(), Duration::zero());
}

TEST_F(SpinPolicyTest, OffIsOffAndAlwaysIsAlways) {
  policy_ = SpinPolicy(Options(SpinMode::kOff), kProcessors);
  WaitOften(microseconds(20));
  EXPECT_EQ(Window(), Duration::zero());
  policy_ = SpinPolicy(Options(SpinMode::kAlways), 1);
  EXPECT_EQ(Window(), microseconds(50));
  WaitOften(milliseconds(5));
  policy_.NoteAway(now_, milliseconds(5));
  EXPECT_EQ(Window(), microseconds(50));
}

}  // namespace
}  // namespace ming::net
