#include "ming/reverse/server_core.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server_core_fixture.h"

namespace ming::reverse {
namespace {

using codec::ReverseReason;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_F(ServerCoreTest, AnswersAClientWithItsSettings) {
  const auto events = Connect(1, "RT1 CONTROL id=home\n");
  const std::string ok = Line(events, "send 1 OK session=");
  EXPECT_NE(ok.find(" pair-timeout=10000 heartbeat=15000"), std::string::npos) << ok;
  EXPECT_EQ(ok.find(' ', 18) - 18, 16u) << ok;
  EXPECT_TRUE(Has(events, "client-up home"));
}

TEST_F(ServerCoreTest, PairsACallerWithItsDataConnection) {
  Connect(1, "RT1 CONTROL\n");
  auto events = Call(1);
  const std::string announced = Line(events, "send 1 NEW_CONN ");
  EXPECT_NE(announced.find(" src=203.0.113.9:4000 ttl=10000"), std::string::npos) << announced;
  const std::string conn = ConnOf(events);
  events = Connect(2, "RT1 DATA " + conn + "\n");
  EXPECT_EQ(events, (std::vector<std::string>{"send 2 OK", "relay 1 2"}));
  core_->HandleRelayDone(now_, CallerId(1), ReverseReason::kDone);
  EXPECT_EQ(Events(), std::vector<std::string>{"conn-end 1 done"});
  EXPECT_EQ(core_->active_count() + core_->pending_count(), 0u);
}

TEST_F(ServerCoreTest, TakesNoRawByteBehindTheDataLine) {
  Connect(1, "RT1 CONTROL\n");
  const std::string conn = ConnOf(Call(1));
  core_->HandleLink(now_, LinkId(2), "192.0.2.1");
  const std::string line = "RT1 DATA " + conn + "\n";
  EXPECT_EQ(Say(2, line + "raw bytes\n"), line.size());
  EXPECT_EQ(Say(2, "raw bytes\n"), 0u);
}

TEST_F(ServerCoreTest, ReadsAFirstLineByteByByte) {
  core_->HandleLink(now_, LinkId(1), "192.0.2.1");
  for (const char c : std::string("RT1 CONTROL id=a\r\n")) Say(1, std::string(1, c));
  EXPECT_TRUE(Has(Events(), "client-up a"));
}

TEST_F(ServerCoreTest, LetsACallerWaitForAClient) {
  EXPECT_EQ(Call(1), std::vector<std::string>{"conn-new 1"});
  EXPECT_TRUE(Pass(seconds(4)).empty());
  const auto events = Connect(1, "RT1 CONTROL\n");
  EXPECT_NE(Line(events, "send 1 NEW_CONN").find("ttl=6000"), std::string::npos);
}

TEST_F(ServerCoreTest, AnnouncesNothingInTheLastSecond) {
  Call(1);
  Pass(milliseconds(9001));
  EXPECT_EQ(Line(Connect(1, "RT1 CONTROL\n"), "send 1 NEW_CONN"), "");
  EXPECT_TRUE(Has(Pass(milliseconds(999)), "conn-end 1 pair-timeout"));
}

TEST_F(ServerCoreTest, ResetsACallerAtItsDeadline) {
  Call(1);
  EXPECT_EQ(core_->NextTimeout(), now_ + seconds(10));
  EXPECT_TRUE(Pass(milliseconds(9999)).empty());
  EXPECT_EQ(Pass(milliseconds(1)),
            (std::vector<std::string>{"reset 1", "conn-end 1 pair-timeout"}));
  EXPECT_EQ(core_->NextTimeout(), Timestamp::Max());
}

TEST_F(ServerCoreTest, TellsTheClientOfAMissedDeadline) {
  Connect(1, "RT1 CONTROL\n");
  const std::string conn = ConnOf(Call(1));
  const auto events = Pass(seconds(10));
  EXPECT_TRUE(Has(events, "send 1 CLOSE " + conn + " pair-timeout"));
  EXPECT_TRUE(Has(Connect(2, "RT1 DATA " + conn + "\n"), "send 2 ERR UNKNOWN"));
}

TEST_F(ServerCoreTest, TellsTakenFromUnknown) {
  Connect(1, "RT1 CONTROL\n");
  const std::string conn = ConnOf(Call(1));
  Connect(2, "RT1 DATA " + conn + "\n");
  EXPECT_TRUE(Has(Connect(3, "RT1 DATA " + conn + "\n"), "send 3 ERR TAKEN"));
  core_->HandleRelayDone(now_, CallerId(1), ReverseReason::kDone);
  EXPECT_TRUE(Has(Connect(4, "RT1 DATA " + conn + "\n"), "send 4 ERR UNKNOWN"));
  EXPECT_TRUE(Has(Connect(5, "RT1 DATA 0123456789abcdef0123456789abcdef\n"), "send 5 ERR UNKNOWN"));
}

TEST_F(ServerCoreTest, ChecksTheSessionOfADataConnection) {
  const auto up = Connect(1, "RT1 CONTROL\n");
  const std::string session = Line(up, "send 1 OK session=").substr(18, 16);
  const std::string conn = ConnOf(Call(1));
  EXPECT_TRUE(
      Has(Connect(2, "RT1 DATA " + conn + " session=0000000000000000\n"), "send 2 ERR UNKNOWN"));
  EXPECT_TRUE(Has(Connect(3, "RT1 DATA " + conn + " session=" + session + "\n"), "send 3 OK"));
}

TEST_F(ServerCoreTest, EndsACallerThatTheClientCannotServe) {
  Connect(1, "RT1 CONTROL\n");
  const std::string conn = ConnOf(Call(1));
  Say(1, "CLOSE " + conn + " target-refused\n");
  EXPECT_EQ(Events(), (std::vector<std::string>{"reset 1", "conn-end 1 target-refused"}));
  Say(1, "CLOSE " + conn + " target-refused\n");
  EXPECT_TRUE(Events().empty());
}

TEST_F(ServerCoreTest, TakesCloseOfARelayAsAHint) {
  Connect(1, "RT1 CONTROL\n");
  const std::string conn = ConnOf(Call(1));
  Connect(2, "RT1 DATA " + conn + "\n");
  Say(1, "CLOSE " + conn + " done\n");
  EXPECT_TRUE(Events().empty());
  EXPECT_EQ(core_->active_count(), 1u);
}

TEST_F(ServerCoreTest, AHintExplainsAReset) {
  Connect(1, "RT1 CONTROL\n");
  Call(1);
  const std::string conn = ConnOf(Call(2));
  Connect(2, "RT1 DATA " + conn + "\n");
  Say(1, "CLOSE " + conn + " target-refused\n");
  core_->HandleRelayDone(now_, CallerId(2), ReverseReason::kReset);
  EXPECT_EQ(Events(), std::vector<std::string>{"conn-end 2 target-refused"});
}

TEST_F(ServerCoreTest, TellsTheClientThatACallerIsGone) {
  Connect(1, "RT1 CONTROL\n");
  const std::string conn = ConnOf(Call(1));
  core_->HandleCallerGone(now_, CallerId(1));
  EXPECT_TRUE(Has(Events(), "send 1 CLOSE " + conn + " caller-gone"));
}

TEST_F(ServerCoreTest, AnnouncesAnewAfterALossWithAFreshId) {
  Connect(1, "RT1 CONTROL\n");
  const std::string conn = ConnOf(Call(1));
  Pass(seconds(3));
  core_->HandleLinkEnd(now_, LinkId(1));
  EXPECT_EQ(Events(), (std::vector<std::string>{"end 1", "client-down default control-lost"}));
  EXPECT_TRUE(Has(Connect(2, "RT1 DATA " + conn + "\n"), "send 2 ERR UNKNOWN"));
  const auto events = Connect(3, "RT1 CONTROL\n");
  EXPECT_NE(ConnOf(events), "");
  EXPECT_NE(ConnOf(events), conn);
  EXPECT_NE(Line(events, "send 3 NEW_CONN").find("ttl=7000"), std::string::npos);
}

TEST_F(ServerCoreTest, RefusesWhatIsNotRt1) {
  EXPECT_TRUE(Has(Connect(1, "GET / HTTP/1.1\r\n"), "send 1 ERR PROTO"));
  EXPECT_TRUE(Has(Connect(2, "RT2 CONTROL\n"), "send 2 ERR VERSION supported=1"));
  EXPECT_TRUE(Has(Connect(3, std::string(1024, 'x')), "send 3 ERR TOO_LONG"));
  EXPECT_EQ(Connect(4, "\x16\x03\x01\x02"), std::vector<std::string>{"end 4"});
  core_->HandleLink(now_, LinkId(5), "192.0.2.1");
  EXPECT_TRUE(Has(Pass(seconds(5)), "send 5 ERR TIMEOUT"));
  EXPECT_TRUE(Has(Connect(6, "RT1 CONTROL id=a/b\n"), "send 6 ERR PROTO"));
  EXPECT_TRUE(Has(Connect(7, "x\n"), "send 7 ERR PROTO"));
}

TEST_F(ServerCoreTest, TellsWhatIsNotRt1HoweverTheBytesAreCut) {
  uint64_t link = 0;
  for (const auto& [text, is_text] : {std::pair<std::string, bool>("ab\r\n", true),
                                      {"abc\r\n", true},
                                      {"\r\n", true},
                                      {"abc\rx\n", true},
                                      {std::string("\0\n", 2), false},
                                      {"\r\x16\n", false},
                                      {"ab\x7f\n", false}}) {
    for (const size_t piece : {size_t{1}, size_t{2}, text.size()}) {
      core_->HandleLink(now_, LinkId(++link), "192.0.2.1");
      for (size_t at = 0; at < text.size(); at += piece) Say(link, text.substr(at, piece));
      const auto events = Events();
      EXPECT_EQ(Has(events, "rejected PROTO"), is_text) << text << " in pieces of " << piece;
      EXPECT_TRUE(Has(events, "end " + std::to_string(link))) << text;
    }
  }
}

TEST_F(ServerCoreTest, BoundsUnfinishedFirstLines) {
  ServerCoreOptions options;
  options.max_handshakes = 3;
  options.max_handshakes_per_address = 2;
  Use(options);
  EXPECT_TRUE(Connect(1, "R", "192.0.2.1").empty());
  EXPECT_TRUE(Connect(2, "R", "192.0.2.1").empty());
  EXPECT_TRUE(Has(Connect(3, "R", "192.0.2.1"), "send 3 ERR LIMIT"));
  EXPECT_TRUE(Connect(4, "R", "192.0.2.2").empty());
  EXPECT_TRUE(Has(Connect(5, "R", "192.0.2.3"), "send 5 ERR LIMIT"));
  core_->HandleLinkEnd(now_, LinkId(1));
  Events();
  EXPECT_TRUE(Connect(6, "R", "192.0.2.1").empty());
}

TEST_F(ServerCoreTest, ExpectsADataConnectionOfEveryAnnouncedCaller) {
  ServerCoreOptions options;
  options.max_handshakes = 1;
  options.max_handshakes_per_address = 1;
  Use(options);
  Connect(1, "RT1 CONTROL\n");
  Call(1);
  const std::string conn = ConnOf(Call(2));
  EXPECT_TRUE(Connect(2, "R").empty());
  EXPECT_TRUE(Connect(3, "R").empty());
  EXPECT_TRUE(Connect(4, "R").empty());
  EXPECT_TRUE(Has(Connect(5, "R"), "send 5 ERR LIMIT"));
  Say(2, "T1 DATA " + conn + "\n");
  EXPECT_TRUE(Has(Events(), "relay 2 2"));
  EXPECT_TRUE(Has(Connect(6, "R"), "send 6 ERR LIMIT"));
}

TEST_F(ServerCoreTest, AnnouncesDatagramsToThoseWhoCarryThem) {
  ServerCoreOptions options;
  options.udp = true;
  Use(options);
  Connect(1, "RT1 CONTROL\n");
  core_->HandleCaller(now_, CallerId(1), 0, "203.0.113.9:53", CallerKind::kDatagrams);
  EXPECT_EQ(Line(Events(), "send"), "");
  EXPECT_EQ(Line(Call(2), "send 1 NEW_CONN").find("proto"), std::string::npos);
  core_->HandleLinkEnd(now_, LinkId(1));
  Events();
  const auto events = Connect(2, "RT1 CONTROL udp=1\n");
  EXPECT_NE(Line(events, "send 2 OK").find(" udp=1"), std::string::npos);
  EXPECT_NE(Line(events, "send 2 NEW_CONN").find(" src=203.0.113.9:53 ttl=10000 proto=udp"),
            std::string::npos);
}

TEST_F(ServerCoreTest, SaysNothingOfDatagramsWhereTheyAreOff) {
  EXPECT_EQ(Line(Connect(1, "RT1 CONTROL udp=1\n"), "send 1 OK").find("udp"), std::string::npos);
}

TEST_F(ServerCoreTest, BoundsCallers) {
  ServerCoreOptions options;
  options.max_pending = 2;
  options.max_relays = 1;
  Use(options);
  Call(1);
  Call(2);
  EXPECT_EQ(Call(3), (std::vector<std::string>{"conn-new 3", "reset 3", "conn-end 3 limit"}));
  const auto up = Connect(1, "RT1 CONTROL\n");
  const std::string first = ConnOf(up);
  Connect(2, "RT1 DATA " + first + "\n");
  EXPECT_EQ(core_->active_count(), 1u);
  EXPECT_TRUE(Has(Call(4), "conn-end 4 limit"));
}

TEST_F(ServerCoreTest, FailsFastWhereAskedTo) {
  ServerCoreOptions options;
  options.offline = Offline::kFailFast;
  Use(options);
  EXPECT_TRUE(Has(Call(1), "reset 1"));
}

TEST_F(ServerCoreTest, AnswersPingAndIgnoresUnknownVerbs) {
  Connect(1, "RT1 CONTROL\n");
  Say(1, "PING 42\n");
  EXPECT_EQ(Events(), std::vector<std::string>{"send 1 PONG 42"});
  for (int i = 0; i < 100; ++i) Say(1, "FUTURE thing\n");
  EXPECT_TRUE(Events().empty());
  Say(1, "FUTURE thing\n");
  EXPECT_TRUE(Has(Events(), "send 1 BYE protocol"));
}

TEST_F(ServerCoreTest, EndsAClientThatBreaksTheRules) {
  for (const std::string& bad : {std::string("PING x\n"), std::string(512, 'x')}) {
    Use({});
    Connect(1, "RT1 CONTROL\n");
    Say(1, bad);
    const auto events = Events();
    EXPECT_TRUE(Has(events, "send 1 BYE protocol")) << bad;
    EXPECT_TRUE(Has(events, "end 1")) << bad;
  }
}

TEST_F(ServerCoreTest, LosesASilentClientAfterThreeHeartbeats) {
  Connect(1, "RT1 CONTROL\n");
  EXPECT_EQ(Pass(seconds(15)), std::vector<std::string>{"send 1 PING 1"});
  EXPECT_EQ(Pass(seconds(15)), std::vector<std::string>{"send 1 PING 2"});
  EXPECT_TRUE(Has(Pass(seconds(15)), "client-down default control-lost"));
}

TEST_F(ServerCoreTest, TreatsOrphansAsAsked) {
  for (const Orphans orphans : {Orphans::kDrain, Orphans::kKeep, Orphans::kKill}) {
    ServerCoreOptions options;
    options.orphans = orphans;
    Use(options);
    Connect(1, "RT1 CONTROL\n");
    Pair(1, 2);
    core_->HandleLinkEnd(now_, LinkId(1));
    const bool at_once = Has(Events(), "abort 1");
    const bool later = Has(Pass(seconds(5)), "abort 1");
    EXPECT_EQ(at_once, orphans == Orphans::kKill);
    EXPECT_EQ(later, orphans == Orphans::kDrain);
    core_->HandleRelayDone(now_, CallerId(1), ReverseReason::kReset);
    EXPECT_EQ(Events(),
              std::vector<std::string>{orphans == Orphans::kKeep ? "conn-end 1 reset"
                                                                 : "conn-end 1 control-lost"});
  }
}

TEST_F(ServerCoreTest, StopsInOrder) {
  Connect(1, "RT1 CONTROL\n");
  Pair(1, 2);
  Call(2);
  core_->HandleLink(now_, LinkId(3), "192.0.2.1");
  core_->Stop(now_);
  const auto events = Events();
  EXPECT_EQ(events.front(), "stop-listening");
  EXPECT_TRUE(Has(events, "conn-end 2 shutdown"));
  EXPECT_TRUE(Has(events, "send 1 BYE shutdown"));
  EXPECT_TRUE(Has(events, "send 3 ERR SHUTDOWN"));
  EXPECT_FALSE(Has(events, "stopped"));
  EXPECT_TRUE(Has(Connect(4, "RT1 CONTROL\n"), "send 4 ERR SHUTDOWN"));
  core_->HandleRelayDone(now_, CallerId(1), ReverseReason::kDone);
  EXPECT_EQ(Events(), (std::vector<std::string>{"conn-end 1 done", "stopped"}));
}

TEST_F(ServerCoreTest, StopsAtTheDrainLimit) {
  Connect(1, "RT1 CONTROL\n");
  Pair(1, 2);
  core_->Stop(now_);
  Events();
  EXPECT_EQ(Pass(seconds(5)), std::vector<std::string>{"abort 1"});
  core_->HandleRelayDone(now_, CallerId(1), ReverseReason::kReset);
  EXPECT_EQ(Events(), (std::vector<std::string>{"conn-end 1 shutdown", "stopped"}));
}

TEST_F(ServerCoreTest, StopsAtOnceWhenIdle) {
  core_->Stop(now_);
  EXPECT_EQ(Events(), (std::vector<std::string>{"stop-listening", "stopped"}));
}

}  // namespace
}  // namespace ming::reverse
