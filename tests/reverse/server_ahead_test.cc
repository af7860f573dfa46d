#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "ming/reverse/server_core.h"

#include "server_core_fixture.h"

namespace ming::reverse {
namespace {

using codec::ReverseReason;
using std::chrono::seconds;

class ServerAheadTest : public ServerCoreTest {
 protected:
  // The ids of what the client is asked to open ahead of need.
  static std::vector<std::string> AskedOf(const std::vector<std::string>& lines) {
    std::vector<std::string> ids;
    for (const std::string& line : lines) {
      for (size_t at = line.find("AHEAD "); at != std::string::npos; at = line.find("AHEAD ", at)) {
        at += 6;
        ids.push_back(line.substr(at, 32));
      }
    }
    return ids;
  }
  // A client on link 1 with two data connections, on links 2 and 3, for callers to come.
  void ConnectAhead(const ServerCoreOptions& options = {}) {
    Use(options);
    const auto asked = AskedOf(Connect(1, "RT1 CONTROL ahead=8\n"));
    ASSERT_EQ(asked.size(), 2u);
    for (const uint64_t link : {uint64_t{2}, uint64_t{3}}) {
      EXPECT_TRUE(Connect(link, "RT1 DATA " + asked[link - 2] + "\n").empty())
          << "no reply before there is a caller";
    }
    ASSERT_EQ(core_->ahead_count(), 2u);
  }
};

TEST_F(ServerAheadTest, OpensNothingAheadUnlessBothAgree) {
  auto events = Connect(1, "RT1 CONTROL\n");
  EXPECT_EQ(Line(events, "send 1 OK").find("ahead"), std::string::npos);
  EXPECT_TRUE(AskedOf(events).empty());
  ServerCoreOptions options;
  options.ahead = 0;
  Use(options);
  events = Connect(1, "RT1 CONTROL ahead=8\n");
  EXPECT_EQ(Line(events, "send 1 OK").find("ahead"), std::string::npos);
  EXPECT_TRUE(AskedOf(events).empty());
  for (const char* nonsense : {"x", "-1", "1001", ""}) {
    Use({});
    EXPECT_TRUE(AskedOf(Connect(1, "RT1 CONTROL ahead=" + std::string(nonsense) + "\n")).empty());
  }
  Use({});
  EXPECT_NE(Line(Connect(1, "RT1 CONTROL ahead=1000\n"), "send 1 OK").find(" ahead=64"),
            std::string::npos);
}

TEST_F(ServerAheadTest, PairsACallerAtOnceWithWhatWasOpenedAhead) {
  ConnectAhead();
  const auto events = Call(1);
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[0], "conn-new 1");
  EXPECT_EQ(events[1], "send 2 OK src=203.0.113.9:4000");
  EXPECT_EQ(events[2], "relay 1 2");
  EXPECT_EQ(AskedOf(events).size(), 1u) << "the next one is asked for";
  EXPECT_EQ(core_->active_count(), 1u);
  core_->HandleRelayDone(now_, CallerId(1), ReverseReason::kDone);
  EXPECT_EQ(Events(), std::vector<std::string>{"conn-end 1 done"});
}

TEST_F(ServerAheadTest, AnnouncesWhomNothingWaitsFor) {
  ConnectAhead();
  Call(1);
  Call(2);
  const auto events = Call(3);
  const std::string conn = ConnOf(events);
  EXPECT_FALSE(conn.empty());
  EXPECT_TRUE(Has(Connect(9, "RT1 DATA " + conn + "\n"), "send 9 OK"));
  EXPECT_EQ(core_->active_count(), 3u);
}

TEST_F(ServerAheadTest, ACallerOfADeadLinkIsAnnounced) {
  ConnectAhead();
  core_->HandleCaller(now_, CallerId(1), 0, "203.0.113.9:4000");
  std::optional<StartRelay> start;
  while (!start) {
    const auto event = core_->PollEvent();
    ASSERT_TRUE(event);
    if (const auto* const found = std::get_if<StartRelay>(&*event)) start = *found;
  }
  core_->HandleLinkDead(now_, *start);
  const auto events = Events();
  const std::string conn = ConnOf(events);
  ASSERT_FALSE(conn.empty());
  EXPECT_NE(Line(events, "send 1 NEW_CONN").find(" src=203.0.113.9:4000 ttl=10000"),
            std::string::npos);
  EXPECT_EQ(core_->pending_count(), 1u);
  EXPECT_EQ(core_->active_count(), 0u);
  EXPECT_TRUE(Has(Connect(9, "RT1 DATA " + conn + "\n"), "relay 1 9"));
}

TEST_F(ServerAheadTest, ALinkThatDiesWaitingIsForgotten) {
  ConnectAhead();
  core_->HandleLinkEnd(now_, LinkId(2));
  EXPECT_EQ(Events(), std::vector<std::string>{"end 2"});
  EXPECT_TRUE(Has(Call(1), "relay 1 3"));
  EXPECT_FALSE(ConnOf(Call(2)).empty());
  EXPECT_FALSE(AskedOf(Pass(seconds(1))).empty()) << "asks again after a rest";
}

TEST_F(ServerAheadTest, AClientSaysNothingBeforeItsCaller) {
  ConnectAhead();
  EXPECT_EQ(Say(2, "x"), 0u);
  EXPECT_EQ(Events(), (std::vector<std::string>{"send 2 ERR PROTO", "end 2"}));
  EXPECT_EQ(core_->ahead_count(), 1u);
}

// The list of what was asked for keeps within what is asked for: Events() looks.
TEST_F(ServerAheadTest, OneThatNeverComesKeepsNoneOfTheOthers) {
  const auto first = AskedOf(Connect(1, "RT1 CONTROL ahead=8\n"));
  uint64_t link = 2;
  std::string next = first[1];
  for (uint64_t caller = 1; caller <= 200; ++caller) {
    EXPECT_TRUE(Connect(link++, "RT1 DATA " + next + "\n").empty());
    const auto asked = AskedOf(Call(caller));
    ASSERT_FALSE(asked.empty());
    next = asked.front();
    core_->HandleRelayDone(now_, CallerId(caller), ReverseReason::kDone);
    Events();
  }
  EXPECT_TRUE(Connect(link, "RT1 DATA " + first[0] + "\n").empty()) << "it may still come";
}

TEST_F(ServerAheadTest, WhatIsOpenedAheadEndsWithTheControlConnection) {
  ConnectAhead();
  const std::string late = AskedOf(Call(1)).front();
  core_->HandleLinkEnd(now_, LinkId(1));
  const auto events = Events();
  EXPECT_TRUE(Has(events, "send 3 ERR UNKNOWN")) << "the other one is a relay";
  EXPECT_TRUE(Has(events, "end 3"));
  EXPECT_EQ(core_->ahead_count(), 0u);
  EXPECT_TRUE(Has(Connect(9, "RT1 DATA " + late + "\n"), "rejected UNKNOWN"));
}

TEST_F(ServerAheadTest, AStopEndsWhatIsOpenedAhead) {
  ConnectAhead();
  core_->Stop(now_);
  const auto events = Events();
  EXPECT_TRUE(Has(events, "send 2 ERR SHUTDOWN"));
  EXPECT_TRUE(Has(events, "end 3"));
  EXPECT_TRUE(Has(events, "stopped"));
}

TEST_F(ServerAheadTest, WhatIsOpenedAheadStaysWithinTheRelays) {
  ServerCoreOptions options;
  options.max_relays = 3;
  ConnectAhead(options);
  EXPECT_EQ(AskedOf(Call(1)).size(), 1u);
  EXPECT_TRUE(AskedOf(Call(2)).empty()) << "two relays, and one on its way";
}

TEST_F(ServerAheadTest, AClientMayRefuseToOpenAhead) {
  const auto asked = AskedOf(Connect(1, "RT1 CONTROL ahead=8\n"));
  Say(1, "CLOSE " + asked[0] + " limit\n");
  EXPECT_TRUE(Events().empty());
  EXPECT_EQ(AskedOf(Pass(seconds(1))).size(), 1u);
  EXPECT_TRUE(AskedOf(Pass(seconds(10))).empty()) << "what does not come is forgotten";
  EXPECT_EQ(AskedOf(Pass(seconds(1))).size(), 2u);
  EXPECT_TRUE(Has(Connect(9, "RT1 DATA " + asked[1] + "\n"), "rejected UNKNOWN"));
}

TEST_F(ServerAheadTest, AnotherSessionDoesNotCloseWhatIsNotItsOwn) {
  ServerCoreOptions options;
  options.listeners = {{ClientSelector::Kind::kId, "a"}, {ClientSelector::Kind::kId, "b"}};
  Use(options);
  const auto asked = AskedOf(Connect(1, "RT1 CONTROL id=a ahead=8\n"));
  EXPECT_EQ(AskedOf(Connect(2, "RT1 CONTROL id=b\n")).size(), 0u);
  Say(2, "CLOSE " + asked[0] + " limit\n");
  EXPECT_TRUE(Connect(3, "RT1 DATA " + asked[0] + "\n").empty());
  EXPECT_EQ(core_->ahead_count(), 1u);
  EXPECT_FALSE(ConnOf(Call(1, 1)).empty()) << "and it serves its own callers only";
  EXPECT_TRUE(AskedOf(Connect(4, "RT1 CONTROL id=c ahead=8\n")).empty()) << "nobody calls it";
}

}  // namespace
}  // namespace ming::reverse
