#include "ming/reverse/session_table.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace ming::reverse {
namespace {

using Kind = ClientSelector::Kind;
using std::chrono::seconds;

constexpr Timestamp kNow{seconds(1000)};

ClientHello Hello(uint64_t link, const std::string& id, std::vector<std::string> labels = {}) {
  ClientHello hello;
  hello.link = LinkId(link);
  hello.id = id;
  hello.labels = std::move(labels);
  return hello;
}

SessionTable::Session& Add(SessionTable& table, ClientHello hello) {
  return table.Add({std::move(hello), "0011223344556677", ControlWatch(seconds(15), kNow)});
}

// The id of who serves the next caller.
std::string ChooseId(SessionTable& table, size_t listener, CallerKind kind = CallerKind::kStream) {
  const SessionTable::Session* const chosen = table.Choose(listener, kind);
  return chosen == nullptr ? "" : chosen->client.id;
}

TEST(SessionTableTest, ThereIsOnePlaceWhereNoListenerNamesAClient) {
  SessionTable table(std::vector<ClientSelector>(2));
  EXPECT_EQ(table.FindPlaceOf("a"), nullptr);
  Add(table, Hello(1, "a"));
  ASSERT_NE(table.FindPlaceOf("b"), nullptr);
  EXPECT_EQ(table.FindPlaceOf("b")->client.id, "a");
  EXPECT_TRUE(table.IsConsistent());
  table.Remove(LinkId(1));
  EXPECT_EQ(table.FindPlaceOf("b"), nullptr);
}

TEST(SessionTableTest, ThereIsAPlaceForEachIdWhereAListenerNamesOne) {
  SessionTable table({{Kind::kId, "a"}, {}});
  Add(table, Hello(1, "a"));
  EXPECT_EQ(table.FindPlaceOf("b"), nullptr);
  EXPECT_NE(table.FindPlaceOf("a"), nullptr);
}

TEST(SessionTableTest, AListenerChoosesByIdOrLabel) {
  SessionTable table({{Kind::kId, "a"}, {Kind::kLabel, "web"}});
  Add(table, Hello(1, "web", {"a"}));
  EXPECT_EQ(ChooseId(table, 0) + ChooseId(table, 1), "") << "an id is no label";
  Add(table, Hello(2, "a"));
  Add(table, Hello(3, "c", {"db", "web"}));
  EXPECT_EQ(ChooseId(table, 0), "a");
  EXPECT_EQ(ChooseId(table, 1), "c");
  EXPECT_TRUE(table.IsWanted(Hello(4, "x", {"web"})));
  EXPECT_FALSE(table.IsWanted(Hello(4, "x", {"a"})));
}

TEST(SessionTableTest, TheLeastBusyServesAndTheFirstOfSeveral) {
  SessionTable table({{Kind::kLabel, "web"}});
  SessionTable::Session& first = Add(table, Hello(1, "first", {"web"}));
  SessionTable::Session& second = Add(table, Hello(2, "second", {"web"}));
  EXPECT_EQ(ChooseId(table, 0), "first");
  ++first.callers;
  EXPECT_EQ(ChooseId(table, 0), "second");
  ++second.callers;
  EXPECT_EQ(table.caller_count(), 2u);
  table.ReleaseCaller(LinkId(2));
  EXPECT_EQ(ChooseId(table, 0), "second");
  table.ReleaseCaller(LinkId(99));  // its session has ended
}

TEST(SessionTableTest, DatagramsGoToThoseWhoCarryThem) {
  SessionTable table({{Kind::kLabel, "web"}});
  Add(table, Hello(1, "streams", {"web"}));
  EXPECT_EQ(ChooseId(table, 0, CallerKind::kDatagrams), "");
  ClientHello both = Hello(2, "both", {"web"});
  both.udp = true;
  Add(table, both);
  EXPECT_EQ(ChooseId(table, 0, CallerKind::kDatagrams), "both");
}

TEST(SessionTableTest, WakesForTheFirstHeartbeat) {
  SessionTable table(std::vector<ClientSelector>(1));
  EXPECT_EQ(table.NextTimeout(), Timestamp::Max());
  Add(table, Hello(1, "a"));
  EXPECT_EQ(table.NextTimeout(), kNow + seconds(15));
}

}  // namespace
}  // namespace ming::reverse
