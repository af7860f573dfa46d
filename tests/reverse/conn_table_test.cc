#include "ming/reverse/conn_table.h"

#include <gtest/gtest.h>

#include <utility>

#include "ming/base/random.h"

namespace ming::reverse {
namespace {

using codec::ReverseConnId;
using std::chrono::seconds;
using Conn = ConnTable::Conn;

class ConnTableTest : public testing::Test {
 protected:
  void TearDown() override { EXPECT_TRUE(table_.IsConsistent()); }

  Conn& Add(bool has_caller = true) {
    Conn conn;
    conn.id = ReverseConnId::Draw(random_);
    conn.has_caller = has_caller;
    return table_.Add(std::move(conn));
  }

  SeededRandom random_{7};
  const Timestamp now_{seconds(1000)};
  ConnTable table_;
};

TEST_F(ConnTableTest, FindsWhatWasAddedUntilItIsRemoved) {
  Conn& conn = Add();
  const ReverseConnId id = conn.id;
  conn.source = "192.0.2.9:1";
  EXPECT_EQ(table_.Find(id), &conn);
  EXPECT_EQ(table_.Remove(id).source, "192.0.2.9:1");
  EXPECT_EQ(table_.Find(id), nullptr);
  EXPECT_FALSE(table_.Has(id));
}

TEST_F(ConnTableTest, CountsRelaysAndThoseWithoutACaller) {
  Conn& ahead = Add(false);
  Conn& called = Add();
  EXPECT_EQ(table_.ahead_count(), 1u);
  table_.BeginCaller(ahead);
  EXPECT_EQ(table_.ahead_count(), 0u);
  table_.BeginRelay(ahead);
  table_.BeginRelay(called);
  EXPECT_EQ(table_.relay_count(), 2u);
  table_.Remove(ahead.id);
  EXPECT_EQ(table_.relay_count(), 1u);
  EXPECT_EQ(table_.size(), 1u);
  table_.Remove(Add(false).id);
  EXPECT_EQ(table_.ahead_count(), 0u);
}

TEST_F(ConnTableTest, TheEarliestIsLateFirst) {
  Conn& first = Add();
  Conn& second = Add();
  EXPECT_EQ(table_.NextTimeout(), Timestamp::Max());
  table_.SetDeadline(first, now_ + seconds(9));
  table_.SetDeadline(second, now_ + seconds(5));
  table_.SetDeadline(first, now_ + seconds(4));
  EXPECT_EQ(table_.NextTimeout(), now_ + seconds(4));
  EXPECT_EQ(table_.Late(now_ + seconds(3)), nullptr);
  EXPECT_EQ(table_.Late(now_ + seconds(5)), &first);
  table_.SetDeadline(first, Timestamp::Max());
  EXPECT_EQ(table_.Late(now_ + seconds(5)), &second);
  table_.Remove(second.id);
  EXPECT_EQ(table_.NextTimeout(), Timestamp::Max());
}

}  // namespace
}  // namespace ming::reverse
