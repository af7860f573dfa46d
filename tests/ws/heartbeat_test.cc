#include "ming/ws/heartbeat.h"

#include <gtest/gtest.h>

namespace ming::ws {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr HeartbeatRule kRule{seconds(54), seconds(60)};
constexpr Timestamp kStart(seconds(100));

TEST(HeartbeatTest, PingsAfterTheIntervalAndGivesUpAfterTheTimeout) {
  Heartbeat heartbeat(kStart);
  EXPECT_EQ(heartbeat.NextTimeout(kRule), kStart + seconds(54));
  EXPECT_EQ(heartbeat.HandleTimeout(kRule, kStart + seconds(53)), HeartbeatAction::kNothing);
  EXPECT_EQ(heartbeat.HandleTimeout(kRule, kStart + seconds(54)), HeartbeatAction::kPing);
  EXPECT_EQ(heartbeat.HandleTimeout(kRule, kStart + seconds(54)), HeartbeatAction::kNothing);
  EXPECT_EQ(heartbeat.NextTimeout(kRule), kStart + seconds(60));
  EXPECT_EQ(heartbeat.HandleTimeout(kRule, kStart + seconds(60)), HeartbeatAction::kGiveUp);
}

TEST(HeartbeatTest, AnAnswerStartsTheTimeAnew) {
  Heartbeat heartbeat(kStart);
  EXPECT_EQ(heartbeat.HandleTimeout(kRule, kStart + seconds(54)), HeartbeatAction::kPing);
  heartbeat.NoteHeard(kStart + seconds(55));
  EXPECT_EQ(heartbeat.NextTimeout(kRule), kStart + seconds(108));
  EXPECT_EQ(heartbeat.HandleTimeout(kRule, kStart + seconds(108)), HeartbeatAction::kPing);
  EXPECT_EQ(heartbeat.HandleTimeout(kRule, kStart + seconds(115)), HeartbeatAction::kGiveUp);
}

TEST(HeartbeatTest, NeverWithoutAnInterval) {
  Heartbeat heartbeat(kStart);
  const HeartbeatRule off{};
  EXPECT_EQ(heartbeat.NextTimeout(off), Timestamp::Max());
  EXPECT_EQ(heartbeat.HandleTimeout(off, kStart + seconds(1000)), HeartbeatAction::kNothing);
}

TEST(HeartbeatTest, RoundsUpToWholeSeconds) {
  EXPECT_EQ(RoundUpToSecond(Timestamp(seconds(5))), Timestamp(seconds(5)));
  EXPECT_EQ(RoundUpToSecond(Timestamp(milliseconds(5001))), Timestamp(seconds(6)));
  EXPECT_EQ(RoundUpToSecond(Timestamp::Max()), Timestamp::Max());
}

}  // namespace
}  // namespace ming::ws
