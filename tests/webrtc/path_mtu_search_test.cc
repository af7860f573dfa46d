#include "ming/webrtc/path_mtu_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace ming::webrtc {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr size_t kBase = 1163;
constexpr size_t kOverhead = 65;
constexpr size_t kNarrow = 4000 - kOverhead;
constexpr size_t kJumbo = 9000 - kOverhead;
constexpr size_t kRecord = 16347;
constexpr Duration kRoundTrip = milliseconds(20);

// A path that answers what it carries, one round trip later.
class PathMtuSearchTest : public ::testing::Test {
 protected:
  void Use(size_t limit, size_t first) { search_.HandleNewPath({kBase, limit, first, kOverhead}); }
  void SendBulk() {
    for (size_t sent = 0; sent < PathMtuSearch::kBulk; sent += search_.packet_size()) SendPacket();
  }
  void SendPacket() { search_.HandleSent(now_, search_.packet_size()); }
  void Poll() {
    while (const auto probe = search_.PollProbe()) {
      probes_.push_back(probe->size);
      if (probe->size > path_) continue;
      answer_ = *probe;
      answer_at_ = now_ + kRoundTrip;
    }
  }
  // The next thing that happens, an answer or a timeout; false: nothing ever.
  bool Step() {
    Poll();
    const Timestamp next = std::min(answer_at_, search_.NextTimeout());
    if (next == Timestamp::Max()) return false;
    now_ = std::max(now_, next);
    if (next == answer_at_) {
      answer_at_ = Timestamp::Max();
      search_.HandleAnswer(now_, answer_.id, answer_.size);
    } else {
      search_.HandleTimeout(now_);
    }
    Poll();
    return true;
  }
  void RunFor(Duration time) {
    const Timestamp end = now_ + time;
    Poll();
    while (std::min(answer_at_, search_.NextTimeout()) <= end && Step()) {
    }
    now_ = end;
  }
  void Find(size_t limit, size_t first) {
    Use(limit, first);
    SendBulk();
    RunFor(seconds(10));
    probes_.clear();
  }
  // A sender at work: a packet every ten milliseconds.
  void Work(Duration time) {
    for (const Timestamp end = now_ + time; now_ < end;) {
      SendPacket();
      RunFor(milliseconds(10));
    }
  }

  PathMtuSearch search_;
  Timestamp now_{seconds(100)};
  size_t path_ = kJumbo;
  std::vector<size_t> probes_;
  PathMtuSearch::Probe answer_;
  Timestamp answer_at_ = Timestamp::Max();
};

TEST_F(PathMtuSearchTest, AnIdleConnectionIsNotSearched) {
  Use(kJumbo, kJumbo);
  for (int i = 0; i < 10'000; ++i) search_.HandleSent(now_, 100);
  EXPECT_EQ(search_.NextTimeout(), Timestamp::Max());
  SendBulk();
  EXPECT_EQ(search_.NextTimeout(), now_);
}

TEST_F(PathMtuSearchTest, NothingIsSearchedThatHoldsNoTwoParts) {
  Use(2 * kBase - 1, 2 * kBase - 1);
  SendBulk();
  EXPECT_FALSE(Step());
  EXPECT_EQ(search_.packet_size(), kBase);
}

TEST_F(PathMtuSearchTest, WhatTheLinkTakesIsFoundWithTwoProbes) {
  Use(kJumbo, kJumbo);
  SendBulk();
  RunFor(seconds(10));
  EXPECT_THAT(probes_, ElementsAre(kBase, kJumbo));
  EXPECT_EQ(search_.packet_size(), kJumbo);
}

TEST_F(PathMtuSearchTest, ANarrowRouterIsFoundByHalving) {
  path_ = kNarrow;
  Use(kJumbo, kJumbo);
  SendBulk();
  RunFor(seconds(30));
  EXPECT_EQ(search_.packet_size(), kNarrow);
  EXPECT_LE(probes_.size(), 1U + 3 * 3 + 2);
  EXPECT_EQ(std::count(probes_.begin(), probes_.end(), kJumbo), PathMtuSearch::kMaxProbes);
}

TEST_F(PathMtuSearchTest, BelowTwoPartsTheBaseStays) {
  path_ = 2 * kBase - 1;
  Use(kJumbo, 2 * kBase - 1);
  SendBulk();
  RunFor(seconds(30));
  EXPECT_EQ(search_.packet_size(), kBase);
  EXPECT_LE(probes_.size(), 1U + 3 * 4);
  EXPECT_GE(*std::min_element(probes_.begin() + 1, probes_.end()), 2 * kBase);
}

TEST_F(PathMtuSearchTest, EachUsualSizeIsFound) {
  for (const size_t mtu : {3000U, 4000U, 4464U, 6000U, 8000U, 8896U, 9000U}) {
    path_ = mtu - kOverhead + 3;
    Find(kRecord, kRecord);
    RunFor(seconds(30));
    EXPECT_EQ(search_.packet_size(), mtu - kOverhead);
  }
}

// What a router once said is tried first, but is no limit.
TEST_F(PathMtuSearchTest, TheRouteIsOnlyAHint) {
  Use(kJumbo, kNarrow);
  SendBulk();
  RunFor(seconds(10));
  ASSERT_GT(probes_.size(), 2U);
  EXPECT_EQ(probes_[1], kNarrow);
  EXPECT_EQ(search_.packet_size(), kJumbo);
}

TEST_F(PathMtuSearchTest, WaitsLongerForEachProbe) {
  path_ = 0;
  Use(kJumbo, kJumbo);
  SendBulk();
  ASSERT_TRUE(Step());
  const Timestamp begun = now_;
  for (const int waits : {1, 3, 7}) {
    EXPECT_EQ(search_.NextTimeout(), begun + waits * PathMtuSearch::kFirstWait);
    ASSERT_TRUE(Step());
  }
  EXPECT_THAT(probes_, ElementsAre(kBase, kBase, kBase));
  EXPECT_EQ(search_.NextTimeout(), now_ + PathMtuSearch::kErrorInterval);
}

TEST_F(PathMtuSearchTest, WaitsThreeRoundTrips) {
  Use(kJumbo, kJumbo);
  search_.SetRoundTrip(milliseconds(70));
  SendBulk();
  ASSERT_TRUE(Step());
  EXPECT_EQ(search_.NextTimeout(), now_ + milliseconds(210));
}

TEST_F(PathMtuSearchTest, APathWithoutAnswersIsTriedAgainLater) {
  path_ = 0;
  Use(kJumbo, kJumbo);
  SendBulk();
  RunFor(seconds(8));
  EXPECT_THAT(probes_, SizeIs(PathMtuSearch::kMaxProbes));
  path_ = kJumbo;
  RunFor(PathMtuSearch::kErrorInterval);
  EXPECT_EQ(search_.packet_size(), kJumbo);
}

TEST_F(PathMtuSearchTest, LostProbesAreSentAgain) {
  Use(kJumbo, kJumbo);
  SendBulk();
  ASSERT_TRUE(Step());  // asks for the base
  ASSERT_TRUE(Step());  // and gets it
  answer_at_ = Timestamp::Max();
  ASSERT_TRUE(Step());  // the first large one is lost
  EXPECT_THAT(probes_, ElementsAre(kBase, kJumbo, kJumbo));
  RunFor(seconds(1));
  EXPECT_EQ(search_.packet_size(), kJumbo);
}

TEST_F(PathMtuSearchTest, ForgedAndLateAnswersCountNothing) {
  Use(kJumbo, kJumbo);
  search_.HandleAnswer(now_, 0, 0);
  search_.HandleAnswer(now_, 1, kJumbo);
  SendBulk();
  ASSERT_TRUE(Step());
  search_.HandleAnswer(now_, answer_.id, kJumbo);
  search_.HandleAnswer(now_, answer_.id + 1, kBase);
  EXPECT_EQ(search_.packet_size(), kBase);
  const PathMtuSearch::Probe old = answer_;
  Use(kJumbo, kJumbo);
  SendBulk();
  search_.HandleTimeout(now_);
  search_.HandleAnswer(now_, old.id, old.size);
  Poll();
  EXPECT_EQ(search_.packet_size(), kBase);
  EXPECT_THAT(probes_, Each(kBase));
}

TEST_F(PathMtuSearchTest, ABlackHoleIsLeftWithinASecond) {
  Find(kJumbo, kJumbo);
  Work(seconds(2));
  ASSERT_EQ(search_.packet_size(), kJumbo);
  path_ = kNarrow;
  Work(PathMtuSearch::kConfirmInterval + 7 * PathMtuSearch::kLeastWait + milliseconds(50));
  EXPECT_EQ(search_.packet_size(), kBase);
  Work(seconds(10));
  EXPECT_EQ(search_.packet_size(), kNarrow);
}

TEST_F(PathMtuSearchTest, ConfirmsOnlyWhileLargePacketsLeave) {
  Find(kJumbo, kJumbo);
  search_.HandleSent(now_, 1000);
  RunFor(minutes(1));
  EXPECT_THAT(probes_, IsEmpty());
  SendPacket();
  RunFor(seconds(5));
  EXPECT_THAT(probes_, ElementsAre(kJumbo));
  Work(seconds(2));
  EXPECT_THAT(probes_, Each(kJumbo));
  EXPECT_LE(probes_.size(), 6U);
}

TEST_F(PathMtuSearchTest, OneLostConfirmationIsNoBlackHole) {
  Find(kJumbo, kJumbo);
  path_ = kNarrow;
  SendPacket();
  ASSERT_TRUE(Step());
  path_ = kJumbo;
  RunFor(seconds(1));
  EXPECT_EQ(search_.packet_size(), kJumbo);
}

TEST_F(PathMtuSearchTest, WhatTheLinkRefusesIsLeftAtOnce) {
  Find(kJumbo, kJumbo);
  search_.HandleTooLarge(now_);
  EXPECT_EQ(search_.packet_size(), kBase);
  path_ = kNarrow;
  RunFor(seconds(10));
  EXPECT_EQ(search_.packet_size(), kNarrow);
}

TEST_F(PathMtuSearchTest, ARefusedProbeIsNotRepeated) {
  path_ = kNarrow;
  Use(kJumbo, kJumbo);
  SendBulk();
  ASSERT_TRUE(Step());
  ASSERT_TRUE(Step());
  ASSERT_EQ(probes_.back(), kJumbo);
  search_.HandleTooLarge(now_);
  Poll();
  EXPECT_LT(probes_.back(), kJumbo);
  RunFor(seconds(10));
  EXPECT_EQ(std::count(probes_.begin(), probes_.end(), kJumbo), 1);
  EXPECT_EQ(search_.packet_size(), kNarrow);
}

TEST_F(PathMtuSearchTest, SearchesAgainAfterAWhile) {
  path_ = kNarrow;
  Find(kJumbo, kJumbo);
  ASSERT_EQ(search_.packet_size(), kNarrow);
  path_ = kJumbo;
  RunFor(PathMtuSearch::kRaiseInterval - minutes(1));
  EXPECT_THAT(probes_, IsEmpty());
  RunFor(minutes(2));
  EXPECT_EQ(search_.packet_size(), kJumbo);
}

TEST_F(PathMtuSearchTest, ANewPathBeginsWithTheBase) {
  Find(kJumbo, kJumbo);
  ASSERT_EQ(search_.packet_size(), kJumbo);
  Use(kNarrow, kNarrow);
  EXPECT_EQ(search_.packet_size(), kBase);
  EXPECT_EQ(search_.NextTimeout(), Timestamp::Max());
  SendBulk();
  RunFor(seconds(1));
  EXPECT_EQ(search_.packet_size(), kNarrow);
}

}  // namespace
}  // namespace ming::webrtc
