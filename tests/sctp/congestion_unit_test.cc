#include "ming/sctp/congestion_unit.h"

#include <gtest/gtest.h>

namespace ming::sctp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class CongestionUnitTest : public testing::Test {
 protected:
  CongestionUnitTest() { unit_.Reset(now_); }

  // A hundred chunks each 100 ms, of which `percent` are sent twice, on a path of this round trip.
  void Run(Duration duration, Duration rtt, int percent) {
    const Timestamp end = now_ + duration;
    for (; now_ < end; now_ = now_ + milliseconds(100)) {
      for (int i = 0; i < 100; ++i) {
        unit_.NoteChunk(tsn_++);
        if (i < percent) unit_.NoteChunk(tsn_ - 1);
      }
      unit_.Update(now_, rtt);
    }
  }

  Timestamp now_{seconds(1000)};
  uint32_t tsn_ = 0xFFFFFF00;  // wraps soon
  CongestionUnit unit_;
};

TEST_F(CongestionUnitTest, IsNormalOnACleanPath) {
  EXPECT_EQ(unit_.packets(), CongestionUnit::kNormal);
  Run(seconds(60), milliseconds(40), 0);
  EXPECT_EQ(unit_.packets(), CongestionUnit::kNormal);
}

TEST_F(CongestionUnitTest, IsEagerWhereLossesComeWithoutAQueue) {
  Run(milliseconds(500), milliseconds(40), 2);
  EXPECT_EQ(unit_.packets(), CongestionUnit::kNormal);  // a few may be chance
  Run(seconds(1), milliseconds(40), 2);
  EXPECT_EQ(unit_.packets(), CongestionUnit::kEager);
  Run(seconds(5), milliseconds(40), 0);
  EXPECT_EQ(unit_.packets(), CongestionUnit::kNormal);
}

TEST_F(CongestionUnitTest, IsNormalWhereLossesComeWithAQueue) {
  Run(seconds(1), milliseconds(20), 0);
  for (int i = 0; i < 20; ++i) {
    Run(milliseconds(500), milliseconds(36), 2);
    Run(seconds(1), milliseconds(20), 0);
    EXPECT_EQ(unit_.packets(), CongestionUnit::kNormal);
  }
}

TEST_F(CongestionUnitTest, IsEagerThoughTheRoundTripIsLongNowAndThen) {
  for (int i = 0; i < 10; ++i) {
    Run(milliseconds(900), milliseconds(40), 2);
    Run(milliseconds(100), milliseconds(60), 2);
  }
  EXPECT_EQ(unit_.packets(), CongestionUnit::kEager);
}

TEST_F(CongestionUnitTest, TakesNoiseOfTheClockForNoQueue) {
  for (int i = 0; i < 100; ++i) Run(milliseconds(100), milliseconds(1 + i % 3), 2);
  EXPECT_EQ(unit_.packets(), CongestionUnit::kEager);
}

TEST_F(CongestionUnitTest, IsCautiousWhereVeryMuchIsLost) {
  Run(seconds(10), milliseconds(40), 20);
  EXPECT_EQ(unit_.packets(), CongestionUnit::kCautious);
  Run(seconds(5), milliseconds(40), 2);
  EXPECT_EQ(unit_.packets(), CongestionUnit::kNormal);
  Run(seconds(50), milliseconds(40), 2);  // what was lost may have been too much for a policer
  EXPECT_EQ(unit_.packets(), CongestionUnit::kNormal);
  Run(seconds(15), milliseconds(40), 2);
  EXPECT_EQ(unit_.packets(), CongestionUnit::kEager);
}

TEST_F(CongestionUnitTest, ForgetsAShorterRouteInTime) {
  Run(seconds(10), milliseconds(20), 2);
  EXPECT_EQ(unit_.packets(), CongestionUnit::kEager);
  Run(seconds(30), milliseconds(80), 2);  // as if it were a queue
  EXPECT_EQ(unit_.packets(), CongestionUnit::kNormal);
  Run(seconds(60), milliseconds(80), 2);
  EXPECT_EQ(unit_.packets(), CongestionUnit::kEager);
}

TEST_F(CongestionUnitTest, SaysNothingAboutAFewChunks) {
  for (int i = 0; i < 100; ++i) {
    now_ = now_ + seconds(1);
    unit_.NoteChunk(7);
    EXPECT_FALSE(unit_.Update(now_, milliseconds(40)));
  }
}

TEST_F(CongestionUnitTest, LooksTenTimesASecond) {
  now_ = unit_.next_update();
  EXPECT_FALSE(unit_.Update(now_, milliseconds(40)));
  EXPECT_EQ(unit_.next_update(), now_ + milliseconds(100));
}

TEST_F(CongestionUnitTest, StartsAnewOnAnotherPath) {
  Run(seconds(10), milliseconds(40), 2);
  unit_.Reset(now_);
  EXPECT_EQ(unit_.packets(), CongestionUnit::kNormal);
}

}  // namespace
}  // namespace ming::sctp
