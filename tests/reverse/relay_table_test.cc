#include "ming/reverse/relay_table.h"

#include <gtest/gtest.h>

#include <vector>

#include "ming/base/random.h"

namespace ming::reverse {
namespace {

using codec::ReverseConnId;
using codec::ReverseReason;
using std::chrono::seconds;

constexpr LinkId kClient(1);
constexpr LinkId kOther(2);

class RelayTableTest : public testing::Test {
 protected:
  void TearDown() override { EXPECT_TRUE(table_.IsConsistent()); }

  ReverseConnId Add(uint64_t caller, LinkId session) {
    RelayTable::Relay relay;
    relay.conn = ReverseConnId::Draw(random_);
    relay.session = session;
    relay.since = now_;
    table_.Add(CallerId(caller), relay);
    return relay.conn;
  }

  SeededRandom random_{7};
  const Timestamp now_{seconds(1000)};
  RelayTable table_;
};

TEST_F(RelayTableTest, ARelayIsThereUntilItIsRemoved) {
  const ReverseConnId conn = Add(1, kClient);
  EXPECT_TRUE(table_.IsRelayed(conn));
  const auto relay = table_.Remove(CallerId(1));
  ASSERT_TRUE(relay);
  EXPECT_EQ(relay->conn, conn);
  EXPECT_EQ(relay->since, now_);
  EXPECT_FALSE(table_.IsRelayed(conn));
  EXPECT_FALSE(table_.Remove(CallerId(1)));
}

TEST_F(RelayTableTest, AHintExplainsAResetOnly) {
  const ReverseConnId conn = Add(1, kClient);
  EXPECT_TRUE(table_.NoteClose(kClient, conn, ReverseReason::kTargetRefused));
  EXPECT_FALSE(table_.NoteClose(kClient, ReverseConnId::Draw(random_), ReverseReason::kDone));
  const auto relay = table_.Remove(CallerId(1));
  EXPECT_EQ(relay->EndReason(ReverseReason::kReset), ReverseReason::kTargetRefused);
  EXPECT_EQ(relay->EndReason(ReverseReason::kDone), ReverseReason::kDone);
}

TEST_F(RelayTableTest, AHintComesFromItsOwnClientOnly) {
  const ReverseConnId conn = Add(1, kClient);
  EXPECT_TRUE(table_.NoteClose(kOther, conn, ReverseReason::kTargetRefused)) << "it is relayed";
  EXPECT_EQ(table_.Remove(CallerId(1))->EndReason(ReverseReason::kReset), ReverseReason::kReset);
}

TEST_F(RelayTableTest, ItsClientMayBeDoneFirst) {
  const ReverseConnId mine = Add(1, kClient);
  const ReverseConnId others = Add(2, kClient);
  EXPECT_TRUE(table_.NoteReady(kClient, mine));
  EXPECT_TRUE(table_.NoteReady(kOther, others)) << "it is relayed";
  EXPECT_FALSE(table_.NoteReady(kClient, ReverseConnId::Draw(random_)));
  EXPECT_TRUE(table_.Remove(CallerId(1))->ready);
  EXPECT_FALSE(table_.Remove(CallerId(2))->ready);
}

TEST_F(RelayTableTest, IsAbortedOnceAndForTheFirstReason) {
  const ReverseConnId conn = Add(1, kClient);
  table_.NoteClose(kClient, conn, ReverseReason::kTargetRefused);
  EXPECT_TRUE(table_.Abort(CallerId(1), ReverseReason::kControlLost));
  EXPECT_FALSE(table_.Abort(CallerId(1), ReverseReason::kShutdown));
  EXPECT_EQ(table_.Remove(CallerId(1))->EndReason(ReverseReason::kReset),
            ReverseReason::kControlLost);
}

TEST_F(RelayTableTest, TheEarlierLimitHolds) {
  EXPECT_EQ(table_.NextTimeout(), Timestamp::Max());
  Add(1, kClient);
  Add(2, kOther);
  table_.Limit(CallerId(1), now_ + seconds(5));
  table_.LimitAll(now_ + seconds(7));
  table_.Limit(CallerId(1), now_ + seconds(9));
  EXPECT_EQ(table_.NextTimeout(), now_ + seconds(5));
  EXPECT_FALSE(table_.TakeLate(now_ + seconds(4)));
  EXPECT_EQ(table_.TakeLate(now_ + seconds(7)), CallerId(1));
  EXPECT_EQ(table_.TakeLate(now_ + seconds(7)), CallerId(2));
  EXPECT_FALSE(table_.TakeLate(now_ + seconds(7)));
  EXPECT_EQ(table_.size(), 2u) << "they end in their own time";
}

TEST_F(RelayTableTest, KnowsTheCallersOfAClient) {
  Add(1, kClient);
  Add(2, kOther);
  Add(3, kClient);
  EXPECT_EQ(table_.CallersOf(kClient), (std::vector<CallerId>{CallerId(1), CallerId(3)}));
}

TEST_F(RelayTableTest, ARemovedRelayHasNoDeadline) {
  Add(1, kClient);
  table_.Limit(CallerId(1), now_ + seconds(5));
  table_.Remove(CallerId(1));
  EXPECT_EQ(table_.NextTimeout(), Timestamp::Max());
}

}  // namespace
}  // namespace ming::reverse
