#include "ming/reverse/pairing_table.h"

#include <gtest/gtest.h>

#include <vector>

#include "ming/base/random.h"

namespace ming::reverse {
namespace {

using codec::ReverseConnId;
using std::chrono::seconds;

constexpr LinkId kClient(1);
constexpr LinkId kOther(2);

class PairingTableTest : public testing::Test {
 protected:
  void TearDown() override { EXPECT_TRUE(table_.IsConsistent()); }

  // A caller who waits 10 s.
  void Call(uint64_t caller) {
    table_.Add(CallerId(caller), {0, CallerKind::kStream, "src", now_, now_ + seconds(10)});
  }
  ReverseConnId Announce(uint64_t caller, LinkId session) {
    const ReverseConnId conn = ReverseConnId::Draw(random_);
    table_.Announce(CallerId(caller), {conn, session});
    return conn;
  }

  SeededRandom random_{7};
  Timestamp now_{seconds(1000)};
  PairingTable table_;
};

TEST_F(PairingTableTest, FindsACallerByItsAnnouncement) {
  Call(1);
  Call(2);
  const ReverseConnId conn = Announce(2, kClient);
  EXPECT_EQ(table_.CallerOf(conn), CallerId(2));
  EXPECT_EQ(table_.announced_count(), 1u);
  EXPECT_EQ(table_.Remove(CallerId(2)).announcement->session, kClient);
  EXPECT_FALSE(table_.CallerOf(conn));
  EXPECT_TRUE(table_.Has(CallerId(1)));
  EXPECT_FALSE(table_.Has(CallerId(2)));
}

TEST_F(PairingTableTest, ARetiredIdPairsNobody) {
  for (uint64_t caller = 1; caller <= 3; ++caller) Call(caller);
  const ReverseConnId first = Announce(1, kClient);
  const ReverseConnId second = Announce(2, kOther);
  Announce(3, kClient);
  table_.RetireAllOf(kClient);
  EXPECT_FALSE(table_.CallerOf(first));
  EXPECT_EQ(table_.CallerOf(second), CallerId(2));
  EXPECT_EQ(table_.Unannounced(now_), (std::vector<CallerId>{CallerId(1), CallerId(3)}));
  table_.Retire(CallerId(2));
  EXPECT_EQ(table_.announced_count(), 0u);
  EXPECT_EQ(table_.size(), 3u);
}

TEST_F(PairingTableTest, AnnouncesThoseWhoStillHaveTime) {
  Call(1);
  now_ = now_ + seconds(5);
  Call(2);
  EXPECT_EQ(table_.Unannounced(now_ + seconds(5)),
            (std::vector<CallerId>{CallerId(1), CallerId(2)}));
  EXPECT_EQ(table_.Unannounced(now_ + seconds(6)), std::vector<CallerId>{CallerId(2)});
}

TEST_F(PairingTableTest, TheOldestIsLateFirst) {
  EXPECT_EQ(table_.NextTimeout(), Timestamp::Max());
  Call(1);
  now_ = now_ + seconds(5);
  Call(2);
  EXPECT_EQ(table_.NextTimeout(), now_ + seconds(5));
  EXPECT_FALSE(table_.Late(now_ + seconds(4)));
  EXPECT_EQ(table_.Late(now_ + seconds(10)), CallerId(1));
  table_.Remove(CallerId(1));
  EXPECT_EQ(table_.Late(now_ + seconds(10)), CallerId(2));
}

}  // namespace
}  // namespace ming::reverse
