#include "ming/reverse/reconnect.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace ming::reverse {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ReconnectTest : public testing::Test {
 protected:
  // Expects a delay of 0.8 to 1.2 times `nominal`.
  void ExpectDelay(Reconnect& reconnect, Duration nominal) {
    const auto delay = reconnect.HandleLoss(now_, {}, random_);
    ASSERT_TRUE(delay);
    EXPECT_GE(*delay, nominal * 8 / 10);
    EXPECT_LE(*delay, nominal * 12 / 10);
  }

  SeededRandom random_{7};
  Timestamp now_{seconds(1000)};
};

TEST_F(ReconnectTest, DelaysDoubleUpToTheMost) {
  Reconnect reconnect{ReconnectOptions()};
  Duration nominal = milliseconds(500);
  for (int attempt = 0; attempt < 20; ++attempt) {
    ExpectDelay(reconnect, nominal);
    nominal = std::min<Duration>(nominal * 2, seconds(30));
  }
}

TEST_F(ReconnectTest, DelaysAreDrawnFromTheWholeRange) {
  ReconnectOptions options;
  options.most = options.least;
  Reconnect reconnect(options);
  Duration least = Duration::max();
  Duration most{};
  for (int attempt = 0; attempt < 200; ++attempt) {
    const Duration delay = *reconnect.HandleLoss(now_, {}, random_);
    least = std::min(least, delay);
    most = std::max(most, delay);
  }
  EXPECT_LT(least, milliseconds(420));
  EXPECT_GE(least, milliseconds(400));
  EXPECT_GT(most, milliseconds(580));
  EXPECT_LE(most, milliseconds(600));
}

TEST_F(ReconnectTest, BeginAnewAfterALongSessionOnly) {
  Reconnect reconnect{ReconnectOptions()};
  ExpectDelay(reconnect, milliseconds(500));
  reconnect.HandleUp(now_);
  now_ = now_ + milliseconds(29999);
  ExpectDelay(reconnect, seconds(1));
  now_ = now_ + seconds(100);  // without a session
  ExpectDelay(reconnect, seconds(2));
  reconnect.HandleUp(now_);
  now_ = now_ + seconds(30);
  ExpectDelay(reconnect, milliseconds(500));
}

TEST_F(ReconnectTest, WaitsNoLessThanItIsTold) {
  Reconnect reconnect{ReconnectOptions()};
  EXPECT_EQ(reconnect.HandleLoss(now_, seconds(5), random_), seconds(5));
}

TEST_F(ReconnectTest, GivesUpAfterSoManyAttempts) {
  ReconnectOptions options;
  options.count = 2;
  Reconnect reconnect(options);
  EXPECT_TRUE(reconnect.HandleLoss(now_, {}, random_));
  EXPECT_TRUE(reconnect.HandleLoss(now_, {}, random_));
  EXPECT_FALSE(reconnect.HandleLoss(now_, {}, random_));
}

TEST_F(ReconnectTest, NeverReturnsWhereItIsOff) {
  ReconnectOptions options;
  options.enabled = false;
  Reconnect reconnect(options);
  EXPECT_FALSE(reconnect.HandleLoss(now_, {}, random_));
}

}  // namespace
}  // namespace ming::reverse
