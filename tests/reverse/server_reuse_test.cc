#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ming/reverse/server_core.h"

#include "server_core_fixture.h"

namespace ming::reverse {
namespace {

using codec::ReverseReason;

// A client on link 1 with two data connections, on links 2 and 3, for callers to come and go.
class ServerReuseTest : public ServerCoreTest {
 protected:
  ServerReuseTest() {
    const auto events = Connect(1, "RT1 CONTROL ahead=8 reuse=1\n");
    EXPECT_NE(Line(events, "send 1 OK").find(" ahead=8 reuse=1"), std::string::npos);
    const std::string lines = Line(events, "send 1 AHEAD ");
    for (const uint64_t link : {uint64_t{2}, uint64_t{3}}) {
      conns_.push_back(lines.substr(13 + (link - 2) * 39, 32));
      EXPECT_TRUE(Connect(link, "RT1 DATA " + conns_.back() + "\n").empty());
    }
    EXPECT_EQ(core_->ahead_count(), 2u);
  }
  // The caller has gone, and left its data connection as a link of this number.
  std::vector<std::string> Leave(uint64_t caller, uint64_t kept) {
    core_->HandleRelayDone(now_, CallerId(caller), ReverseReason::kDone, LinkId(kept));
    return Events();
  }

  std::vector<std::string> conns_;
};

TEST_F(ServerCoreTest, UsesNothingAgainUnlessBothAgree) {
  EXPECT_EQ(Line(Connect(1, "RT1 CONTROL reuse=1\n"), "send 1 OK").find("reuse"), std::string::npos)
      << "nothing is opened ahead";
  Use({});
  EXPECT_EQ(Line(Connect(1, "RT1 CONTROL ahead=8\n"), "send 1 OK").find("reuse"),
            std::string::npos);
  for (int i = 0; i < 100; ++i) Say(1, "READY 0123456789abcdef0123456789abcdef\n");
  EXPECT_TRUE(Events().empty());
  Say(1, "READY 0123456789abcdef0123456789abcdef\n");
  EXPECT_TRUE(Has(Events(), "send 1 BYE protocol")) << "an unknown verb, as to any other server";
}

TEST_F(ServerReuseTest, WaitsForTheClientToBeDone) {
  EXPECT_TRUE(Has(Call(1), "relay 1 2 in pieces"));
  EXPECT_EQ(Leave(1, 9), std::vector<std::string>{"conn-end 1 done"});
  EXPECT_TRUE(Has(Call(2), "relay 2 3 in pieces"));
  EXPECT_FALSE(ConnOf(Call(3)).empty()) << "the client may be busy with the last bytes";
  EXPECT_EQ(core_->ahead_count(), 1u);
  Say(1, "READY " + conns_[0] + "\n");
  EXPECT_TRUE(Events().empty());
  EXPECT_TRUE(Has(Call(4), "relay 4 9 in pieces"));
}

TEST_F(ServerReuseTest, TheClientMayBeDoneFirst) {
  Call(1);
  Say(1, "READY " + conns_[0] + "\n");
  EXPECT_EQ(core_->ahead_count(), 1u);
  EXPECT_EQ(Leave(1, 9), std::vector<std::string>{"conn-end 1 done"});
  EXPECT_EQ(core_->ahead_count(), 2u);
  Call(2);
  EXPECT_TRUE(Has(Call(3), "relay 3 9 in pieces"));
}

// Two wait for the next callers, and what comes back is one of them.
TEST_F(ServerReuseTest, AsksForNoOtherInPlaceOfWhatComesBack) {
  EXPECT_NE(Line(Call(1), "send 1 AHEAD"), "");
  Leave(1, 9);
  Say(1, "READY " + conns_[0] + "\n");
  EXPECT_EQ(Line(Call(2), "send 1 AHEAD"), "");
  core_->HandleRelayDone(now_, CallerId(2), ReverseReason::kReset);
  EXPECT_EQ(Events(), std::vector<std::string>{"conn-end 2 reset"});
  EXPECT_NE(Line(Call(3), "send 1 AHEAD"), "") << "this one did not";
}

TEST_F(ServerReuseTest, OneThatBreaksMeanwhileIsForgotten) {
  Call(1);
  Leave(1, 9);
  core_->HandleLinkEnd(now_, LinkId(9));
  EXPECT_EQ(Events(), std::vector<std::string>{"end 9"});
  EXPECT_EQ(core_->ahead_count(), 1u);
  Say(1, "READY " + conns_[0] + "\n");
  EXPECT_TRUE(Events().empty());
  EXPECT_EQ(core_->ahead_count(), 1u);
}

TEST_F(ServerReuseTest, NothingIsSaidOnItBeforeItsCaller) {
  Call(1);
  Leave(1, 9);
  EXPECT_EQ(Say(9, "x"), 0u);
  EXPECT_EQ(Events(), (std::vector<std::string>{"send 9 ERR PROTO", "end 9"}));
}

TEST_F(ServerReuseTest, ACallerOfADeadOneIsAnnounced) {
  core_->HandleCaller(now_, CallerId(1), 0, "203.0.113.9:4000");
  std::optional<StartRelay> start;
  while (const auto event = core_->PollEvent()) {
    if (const auto* const found = std::get_if<StartRelay>(&*event)) start = *found;
  }
  ASSERT_TRUE(start);
  core_->HandleLinkDead(now_, *start);
  EXPECT_FALSE(ConnOf(Events()).empty());
}

TEST_F(ServerReuseTest, EndsWithTheControlConnection) {
  Call(1);
  Call(2);
  Leave(1, 9);
  core_->HandleLinkEnd(now_, LinkId(1));
  EXPECT_TRUE(Has(Events(), "send 9 ERR UNKNOWN"));
  EXPECT_EQ(core_->ahead_count(), 0u);
  EXPECT_EQ(Leave(2, 10),
            (std::vector<std::string>{"send 10 ERR UNKNOWN", "end 10", "conn-end 2 done"}));
}

TEST_F(ServerReuseTest, AStopEndsIt) {
  Call(1);
  core_->Stop(now_);
  Events();
  EXPECT_EQ(Leave(1, 9), (std::vector<std::string>{"send 9 ERR SHUTDOWN", "end 9",
                                                   "conn-end 1 done", "stopped"}));
}

}  // namespace
}  // namespace ming::reverse
