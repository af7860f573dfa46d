#include "ming/base/log_gate.h"

#include <gtest/gtest.h>

namespace ming {
namespace {

using std::chrono::milliseconds;

class LogGateTest : public testing::Test {
 protected:
  int PassOf(int lines) {
    int passed = 0;
    for (int i = 0; i < lines; ++i) passed += gate_.Pass(now_) ? 1 : 0;
    return passed;
  }

  Timestamp now_ = Timestamp() + std::chrono::hours(1);
  LogGate gate_{{2.0, 5.0}};
};

TEST_F(LogGateTest, PassesABurst) {
  EXPECT_EQ(PassOf(5), 5);
  EXPECT_EQ(gate_.TakeHeldBack(), "");
}

TEST_F(LogGateTest, HoldsBackWhatIsMore) { EXPECT_EQ(PassOf(1000), 5); }

TEST_F(LogGateTest, PassesSoManyASecondAfterwards) {
  PassOf(1000);
  now_ = now_ + milliseconds(400);
  EXPECT_EQ(PassOf(10), 0);
  now_ = now_ + milliseconds(100);
  EXPECT_EQ(PassOf(10), 1);
  now_ = now_ + std::chrono::hours(1);
  EXPECT_EQ(PassOf(10), 5);
}

TEST_F(LogGateTest, TellsHowManyWereHeldBack) {
  PassOf(12);
  EXPECT_EQ(gate_.TakeHeldBack(), " (7 like it were not logged)");
  EXPECT_EQ(gate_.TakeHeldBack(), "");
}

TEST_F(LogGateTest, AnEarlierTimeAddsNothing) {
  PassOf(5);
  now_ = now_ - milliseconds(900);
  EXPECT_EQ(PassOf(1), 0);
}

}  // namespace
}  // namespace ming
