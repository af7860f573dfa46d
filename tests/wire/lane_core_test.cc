#include "ming/wire/lane_core.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ming::wire {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

class LaneCoreTest : public ::testing::Test {
 protected:
  void Set(const char* words) { ASSERT_TRUE(ApplySettings(words, lane_.impairment()).ok()); }

  // A frame whose first two bytes are its number.
  static std::vector<uint8_t> Frame(size_t number, size_t size) {
    std::vector<uint8_t> frame(size);
    frame[0] = static_cast<uint8_t>(number >> 8);
    frame[1] = static_cast<uint8_t>(number);
    return frame;
  }
  void Send(size_t number, size_t size = 100) { lane_.HandleFrame(now_, Frame(number, size)); }

  // The numbers of the frames that are due by now.
  std::vector<size_t> Arrived() {
    std::vector<size_t> numbers;
    while (const auto frame = lane_.PollFrame(now_)) {
      numbers.push_back(size_t{frame->data()[0]} << 8 | frame->data()[1]);
    }
    return numbers;
  }
  // Sends `count` frames a millisecond apart; the numbers of those that arrived, in their order.
  std::vector<size_t> SendMany(size_t count) {
    std::vector<size_t> numbers;
    for (size_t i = 0; i < count; ++i) {
      Send(i);
      Append(numbers, Arrived());
      now_ = now_ + milliseconds(1);
    }
    now_ = now_ + seconds(60);
    Append(numbers, Arrived());
    EXPECT_EQ(lane_.NextTimeout(), Timestamp::Max());
    return numbers;
  }
  static void Append(std::vector<size_t>& to, const std::vector<size_t>& more) {
    to.insert(to.end(), more.begin(), more.end());
  }

  SeededRandom random_{1};
  LaneCore lane_{random_};
  Timestamp now_{seconds(1000)};
};

TEST_F(LaneCoreTest, CarriesAtOnceWithoutAnImpairment) {
  Send(1);
  Send(2);
  EXPECT_EQ(lane_.NextTimeout(), now_);
  EXPECT_EQ(Arrived(), (std::vector<size_t>{1, 2}));
  EXPECT_EQ(lane_.NextTimeout(), Timestamp::Max());
  EXPECT_EQ(lane_.counters().carried, 2U);
  EXPECT_EQ(lane_.counters().carried_bytes, 200U);
}

TEST_F(LaneCoreTest, DelaysEveryFrame) {
  Set("delay=25ms");
  Send(1);
  EXPECT_EQ(lane_.NextTimeout(), now_ + milliseconds(25));
  now_ = now_ + milliseconds(25) - Duration(1);
  EXPECT_TRUE(Arrived().empty());
  now_ = now_ + Duration(1);
  EXPECT_EQ(Arrived(), (std::vector<size_t>{1}));
}

TEST_F(LaneCoreTest, KeepsTheOrderUnderJitter) {
  Set("delay=20ms jitter=20ms");
  const auto numbers = SendMany(1000);
  ASSERT_EQ(numbers.size(), 1000U);
  EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
}

TEST_F(LaneCoreTest, SpreadsDelaysOverTheJitter) {
  Set("delay=20ms jitter=20ms");
  Duration least = seconds(1);
  Duration most(0);
  for (size_t i = 0; i < 1000; ++i) {
    Send(i);
    const Duration delay = lane_.NextTimeout() - now_;
    least = std::min(least, delay);
    most = std::max(most, delay);
    now_ = now_ + seconds(1);
    EXPECT_EQ(Arrived().size(), 1U);
  }
  EXPECT_LT(least, milliseconds(1));
  EXPECT_GT(most, milliseconds(39));
  EXPECT_LE(most, milliseconds(40));
}

TEST_F(LaneCoreTest, LosesTheAskedShare) {
  Set("loss=2%");
  EXPECT_NEAR(static_cast<double>(SendMany(20000).size()), 19600, 100);
  EXPECT_EQ(lane_.counters().lost + lane_.counters().carried, 20000U);
}

TEST_F(LaneCoreTest, LosesEverythingWhenAsked) {
  Set("loss=100%");
  EXPECT_TRUE(SendMany(1000).empty());
}

TEST_F(LaneCoreTest, LosesInRunsOfTheAskedLength) {
  Set("burst-start=1% burst-length=10");
  const auto numbers = SendMany(50000);
  size_t runs = 0;
  for (size_t i = 1; i < numbers.size(); ++i) runs += numbers[i] != numbers[i - 1] + 1 ? 1U : 0U;
  const double lost = 50000 - static_cast<double>(numbers.size());
  EXPECT_NEAR(lost / static_cast<double>(runs), 10, 1.5);
  EXPECT_NEAR(lost / 50000, 0.09, 0.015);  // 10 of every 100 + 10
}

TEST_F(LaneCoreTest, EndsARunThatIsSwitchedOff) {
  Set("burst-start=100% burst-length=1000000");
  Send(1);
  Set("burst-start=0%");
  Send(2);
  EXPECT_EQ(Arrived(), (std::vector<size_t>{2}));
}

TEST_F(LaneCoreTest, LetsLaterFramesOvertakeAHeldOne) {
  Set("delay=10ms reorder=100% reorder-by=5ms");
  Send(1);
  Set("reorder=0%");
  Send(2);
  now_ = now_ + milliseconds(14);
  Send(3);
  EXPECT_EQ(Arrived(), (std::vector<size_t>{2}));
  now_ = now_ + milliseconds(10);
  EXPECT_EQ(Arrived(), (std::vector<size_t>{1, 3}));
  EXPECT_EQ(lane_.counters().reordered, 1U);
}

TEST_F(LaneCoreTest, ReordersTheAskedShareAndLosesNone) {
  Set("delay=10ms reorder=10% reorder-by=4ms");
  auto numbers = SendMany(10000);
  EXPECT_NEAR(static_cast<double>(lane_.counters().reordered), 1000, 100);
  EXPECT_FALSE(std::is_sorted(numbers.begin(), numbers.end()));
  std::sort(numbers.begin(), numbers.end());
  for (size_t i = 0; i < 10000; ++i) ASSERT_EQ(numbers[i], i);
}

TEST_F(LaneCoreTest, Duplicates) {
  Set("duplicate=5%");
  const auto numbers = SendMany(10000);
  EXPECT_NEAR(static_cast<double>(numbers.size()), 10500, 75);
  EXPECT_EQ(lane_.counters().duplicated, numbers.size() - 10000);
}

TEST_F(LaneCoreTest, SerializesAtTheRate) {
  Set("rate=8Mbit queue=10kB");  // a byte each microsecond
  Send(1, 1000);
  Send(2, 500);
  EXPECT_EQ(lane_.NextTimeout(), now_ + microseconds(1000));
  now_ = now_ + microseconds(1499);
  EXPECT_EQ(Arrived(), (std::vector<size_t>{1}));
  now_ = now_ + microseconds(1);
  EXPECT_EQ(Arrived(), (std::vector<size_t>{2}));
}

TEST_F(LaneCoreTest, DropsWhatTheQueueDoesNotTake) {
  Set("rate=8Mbit queue=3kB");
  for (size_t i = 0; i < 10; ++i) Send(i, 1000);
  EXPECT_EQ(lane_.counters().queue_full, 6U);
  now_ = now_ + milliseconds(4);
  EXPECT_EQ(Arrived(), (std::vector<size_t>{0, 1, 2, 3}));
  Send(10, 1000);
  EXPECT_EQ(lane_.NextTimeout(), now_ + milliseconds(1));
}

TEST_F(LaneCoreTest, DropsLargePackets) {
  Set("drop-larger=1280B");
  Send(1, 1280 + LaneCore::kEthernetHeader);
  Send(2, 1281 + LaneCore::kEthernetHeader);
  EXPECT_EQ(Arrived(), (std::vector<size_t>{1}));
  EXPECT_EQ(lane_.counters().too_large, 1U);
}

TEST_F(LaneCoreTest, HoldsNoMoreThanItsLimit) {
  Set("delay=10s");
  const size_t size = size_t{1} << 20;
  const size_t fit = LaneCore::kMaxHeld / size;
  for (size_t i = 0; i < fit; ++i) Send(i, size);
  EXPECT_EQ(lane_.counters().queue_full, 0U);
  Send(fit, 100);
  EXPECT_EQ(lane_.counters().queue_full, 1U);
  now_ = now_ + seconds(10);
  EXPECT_EQ(Arrived().size(), fit);
}

TEST_F(LaneCoreTest, LeavesFramesInFlightTheirTime) {
  Set("delay=10ms");
  Send(1);
  Set("delay=0 loss=100%");
  Send(2);
  now_ = now_ + milliseconds(10);
  EXPECT_EQ(Arrived(), (std::vector<size_t>{1}));
}

TEST_F(LaneCoreTest, RepeatsItselfWithTheSameSeed) {
  Set("delay=5ms jitter=5ms loss=5% reorder=5% duplicate=5%");
  SeededRandom same(1);
  LaneCore twin(same);
  twin.impairment() = lane_.impairment();
  for (size_t i = 0; i < 500; ++i) {
    Send(i);
    twin.HandleFrame(now_, Frame(i, 100));
    EXPECT_EQ(lane_.NextTimeout(), twin.NextTimeout());
    now_ = now_ + milliseconds(1);
    while (const auto frame = twin.PollFrame(now_))
      EXPECT_EQ(lane_.PollFrame(now_)->span(), *frame);
    EXPECT_FALSE(lane_.PollFrame(now_).has_value());
  }
}

}  // namespace
}  // namespace ming::wire
