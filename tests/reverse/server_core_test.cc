#include "ming/reverse/server_core.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "fake_token_key.h"

namespace ming::reverse {
namespace {

using codec::ReverseError;
using codec::ReverseReason;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Test;

// What the core said, as a line each: "send 1 OK ...", "end 1", "reset 1", "relay 1 2".
struct Describe {
  std::string operator()(const SendLine& e) const {
    return "send " + Text(e.link) + " " + e.text.substr(0, e.text.size() - 1);
  }
  std::string operator()(const EndLink& e) const { return "end " + Text(e.link); }
  std::string operator()(const ResetCaller& e) const { return "reset " + Text(e.caller); }
  std::string operator()(const StartRelay& e) const {
    return "relay " + Text(e.caller) + " " + Text(e.link);
  }
  std::string operator()(const AbortRelay& e) const { return "abort " + Text(e.caller); }
  std::string operator()(const StopListening& /*e*/) const { return "stop-listening"; }
  std::string operator()(const ServerStopped& /*e*/) const { return "stopped"; }
  std::string operator()(const ClientUp& e) const {
    return "client-up " + e.id + (e.chosen ? "" : " for nobody");
  }
  std::string operator()(const ClientDown& e) const {
    return "client-down " + e.id + " " + std::string(ReverseReasonName(e.reason));
  }
  std::string operator()(const ClientBusy& e) const { return "client-busy " + e.id; }
  std::string operator()(const ConnNew& e) const { return "conn-new " + Text(e.caller); }
  std::string operator()(const ConnPaired& e) const { return "conn-paired " + Text(e.caller); }
  std::string operator()(const ConnEnd& e) const {
    return "conn-end " + Text(e.caller) + " " + std::string(ReverseReasonName(e.reason));
  }
  std::string operator()(const DataRejected& e) const {
    return "rejected " + std::string(ReverseErrorName(e.error));
  }
  template <typename Id>
  static std::string Text(Id id) {
    return std::to_string(id.value());
  }
};

class ServerCoreTest : public Test {
 protected:
  ServerCoreTest() { Use({}); }

  void Use(const ServerCoreOptions& options, const TokenKey* token = nullptr) {
    core_.emplace(options, random_, token);
  }

  // All events since the last call; the reply that leaves with a relay as a line before it.
  std::vector<std::string> Events() {
    std::vector<std::string> lines;
    while (auto event = core_->PollEvent()) {
      const auto* const start = std::get_if<StartRelay>(&*event);
      if (start != nullptr) lines.push_back(Describe()(SendLine{start->link, start->reply}));
      lines.push_back(std::visit(Describe(), *event));
    }
    EXPECT_TRUE(core_->IsConsistent());
    return lines;
  }
  static bool Has(const std::vector<std::string>& lines, const std::string& line) {
    return std::find(lines.begin(), lines.end(), line) != lines.end();
  }
  // The one that starts so; empty if there is none.
  static std::string Line(const std::vector<std::string>& lines, const std::string& start) {
    for (const std::string& line : lines) {
      if (line.rfind(start, 0) == 0) return line;
    }
    return "";
  }
  static std::string ConnOf(const std::vector<std::string>& lines) {
    for (const std::string& line : lines) {
      const size_t at = line.find("NEW_CONN ");
      if (at != std::string::npos) return line.substr(at + 9, 32);
    }
    return "";
  }

  size_t Say(uint64_t link, const std::string& text) {
    return core_->HandleLinkBytes(now_, LinkId(link), ByteSpan(text));
  }
  std::vector<std::string> Connect(uint64_t link, const std::string& first_line,
                                   const std::string& address = "192.0.2.1") {
    core_->HandleLink(now_, LinkId(link), address);
    Say(link, first_line);
    return Events();
  }
  std::vector<std::string> Call(uint64_t caller, size_t listener = 0) {
    core_->HandleCaller(now_, CallerId(caller), listener, "203.0.113.9:4000");
    return Events();
  }
  // A caller that is announced to the client on link `control`, and relayed through `link`.
  void Pair(uint64_t caller, uint64_t link) {
    const std::string conn = ConnOf(Call(caller));
    const auto events = Connect(link, "RT1 DATA " + conn + "\n");
    ASSERT_TRUE(Has(events, "relay " + std::to_string(caller) + " " + std::to_string(link)));
  }
  std::vector<std::string> Pass(Duration time) {
    now_ = now_ + time;
    core_->HandleTimeout(now_);
    return Events();
  }

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

  SeededRandom random_{7};
  Timestamp now_{seconds(1000)};
  std::optional<ServerCore> core_;
};

TEST_F(ServerCoreTest, OpensNothingAheadUnlessBothAgree) {
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

TEST_F(ServerCoreTest, PairsACallerAtOnceWithWhatWasOpenedAhead) {
  ConnectAhead();
  const auto events = Call(1);
  ASSERT_EQ(events.size(), 5u);
  EXPECT_EQ(events[0], "conn-new 1");
  EXPECT_EQ(events[1], "send 2 OK src=203.0.113.9:4000");
  EXPECT_EQ(events[2], "relay 1 2");
  EXPECT_EQ(events[3], "conn-paired 1");
  EXPECT_EQ(AskedOf(events).size(), 1u) << "the next one is asked for";
  EXPECT_EQ(core_->active_count(), 1u);
  core_->HandleRelayDone(now_, CallerId(1), ReverseReason::kDone);
  EXPECT_EQ(Events(), std::vector<std::string>{"conn-end 1 done"});
}

TEST_F(ServerCoreTest, AnnouncesWhomNothingWaitsFor) {
  ConnectAhead();
  Call(1);
  Call(2);
  const auto events = Call(3);
  const std::string conn = ConnOf(events);
  EXPECT_FALSE(conn.empty());
  EXPECT_TRUE(Has(Connect(9, "RT1 DATA " + conn + "\n"), "send 9 OK"));
  EXPECT_EQ(core_->active_count(), 3u);
}

TEST_F(ServerCoreTest, ACallerOfADeadLinkIsAnnounced) {
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
  EXPECT_FALSE(Has(events, "conn-paired 1"));
  const std::string conn = ConnOf(events);
  ASSERT_FALSE(conn.empty());
  EXPECT_NE(Line(events, "send 1 NEW_CONN").find(" src=203.0.113.9:4000 ttl=10000"),
            std::string::npos);
  EXPECT_EQ(core_->pending_count(), 1u);
  EXPECT_EQ(core_->active_count(), 0u);
  EXPECT_TRUE(Has(Connect(9, "RT1 DATA " + conn + "\n"), "conn-paired 1"));
}

TEST_F(ServerCoreTest, ALinkThatDiesWaitingIsForgotten) {
  ConnectAhead();
  core_->HandleLinkEnd(now_, LinkId(2));
  EXPECT_EQ(Events(), std::vector<std::string>{"end 2"});
  EXPECT_TRUE(Has(Call(1), "relay 1 3"));
  EXPECT_FALSE(ConnOf(Call(2)).empty());
  EXPECT_FALSE(AskedOf(Pass(seconds(1))).empty()) << "asks again after a rest";
}

TEST_F(ServerCoreTest, AClientSaysNothingBeforeItsCaller) {
  ConnectAhead();
  EXPECT_EQ(Say(2, "x"), 0u);
  EXPECT_EQ(Events(), (std::vector<std::string>{"send 2 ERR PROTO", "end 2"}));
  EXPECT_EQ(core_->ahead_count(), 1u);
}

// The list of what was asked for keeps within what is asked for: Events() looks.
TEST_F(ServerCoreTest, OneThatNeverComesKeepsNoneOfTheOthers) {
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

TEST_F(ServerCoreTest, WhatIsOpenedAheadEndsWithTheControlConnection) {
  ConnectAhead();
  const std::string late = AskedOf(Call(1)).front();
  core_->HandleLinkEnd(now_, LinkId(1));
  const auto events = Events();
  EXPECT_TRUE(Has(events, "send 3 ERR UNKNOWN")) << "the other one is a relay";
  EXPECT_TRUE(Has(events, "end 3"));
  EXPECT_EQ(core_->ahead_count(), 0u);
  EXPECT_TRUE(Has(Connect(9, "RT1 DATA " + late + "\n"), "rejected UNKNOWN"));
}

TEST_F(ServerCoreTest, AStopEndsWhatIsOpenedAhead) {
  ConnectAhead();
  core_->Stop(now_);
  const auto events = Events();
  EXPECT_TRUE(Has(events, "send 2 ERR SHUTDOWN"));
  EXPECT_TRUE(Has(events, "end 3"));
  EXPECT_TRUE(Has(events, "stopped"));
}

TEST_F(ServerCoreTest, WhatIsOpenedAheadStaysWithinTheRelays) {
  ServerCoreOptions options;
  options.max_relays = 3;
  ConnectAhead(options);
  EXPECT_EQ(AskedOf(Call(1)).size(), 1u);
  EXPECT_TRUE(AskedOf(Call(2)).empty()) << "two relays, and one on its way";
}

TEST_F(ServerCoreTest, AClientMayRefuseToOpenAhead) {
  const auto asked = AskedOf(Connect(1, "RT1 CONTROL ahead=8\n"));
  Say(1, "CLOSE " + asked[0] + " limit\n");
  EXPECT_TRUE(Events().empty());
  EXPECT_EQ(AskedOf(Pass(seconds(1))).size(), 1u);
  EXPECT_TRUE(AskedOf(Pass(seconds(10))).empty()) << "what does not come is forgotten";
  EXPECT_EQ(AskedOf(Pass(seconds(1))).size(), 2u);
  EXPECT_TRUE(Has(Connect(9, "RT1 DATA " + asked[1] + "\n"), "rejected UNKNOWN"));
}

TEST_F(ServerCoreTest, AnotherSessionDoesNotCloseWhatIsNotItsOwn) {
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
  EXPECT_EQ(events, (std::vector<std::string>{"send 2 OK", "relay 1 2", "conn-paired 1"}));
  core_->HandleRelayDone(now_, CallerId(1), ReverseReason::kDone);
  EXPECT_EQ(Events(), std::vector<std::string>{"conn-end 1 done"});
  EXPECT_EQ(core_->active_count() + core_->pending_count(), 0u);
}

TEST_F(ServerCoreTest, RefusesWhoDoesNotProveTheToken) {
  const FakeTokenKey key("s3cret");
  Use({}, &key);
  EXPECT_TRUE(Has(Connect(1, "RT1 CONTROL id=home\n"), "send 1 ERR AUTH token"));
  codec::ReverseControl line;
  line.params.Add("id", "home");
  SignControl(key, random_, "home", line.params);
  const std::string text = codec::SerializeReverseLine(codec::ReverseFirstLine(line));
  EXPECT_TRUE(Has(Connect(2, text), "client-up home"));
  EXPECT_TRUE(Has(Connect(3, text), "send 3 ERR AUTH seen before"));
}

TEST_F(ServerCoreTest, RefusesADataConnectionThatDoesNotProveTheToken) {
  const FakeTokenKey key("s3cret");
  Use({}, &key);
  codec::ReverseControl control;
  SignControl(key, random_, "default", control.params);
  Connect(1, codec::SerializeReverseLine(codec::ReverseFirstLine(control)));
  const std::string conn = ConnOf(Call(1));
  EXPECT_TRUE(Has(Connect(2, "RT1 DATA " + conn + "\n"), "send 2 ERR AUTH token"));
  const std::string unknown(32, '0');
  EXPECT_TRUE(Has(Connect(3, "RT1 DATA " + unknown + "\n"), "send 3 ERR AUTH token"))
      << "strangers do not learn which ids exist";
  EXPECT_TRUE(Has(Connect(4, "RT1 DATA " + conn + " mac=" + key.Mac("RT1|DATA|" + conn) + "\n"),
                  "send 4 OK"));
}

TEST_F(ServerCoreTest, RefusesLinksWithoutACertificateBeforeItLooksAtTheirLine) {
  ServerCoreOptions options;
  options.client_certificates = true;
  Use(options);
  EXPECT_TRUE(Has(Connect(1, "RT1 CONTROL id=home\n"), "send 1 ERR AUTH certificate"));
  EXPECT_TRUE(Has(Connect(2, "nonsense\n"), "send 2 ERR AUTH certificate"));
}

TEST_F(ServerCoreTest, TakesTheIdThatTheCertificateNamesAndNoOther) {
  ServerCoreOptions options;
  options.client_certificates = true;
  Use(options);
  const auto connect = [this](uint64_t link, const std::string& name, const std::string& line) {
    core_->HandleLink(now_, LinkId(link), "192.0.2.1");
    core_->HandleLinkName(LinkId(link), name);
    Say(link, line);
    return Events();
  };
  EXPECT_NE(Line(connect(1, "home", "RT1 CONTROL id=office\n"), "send 1 ERR AUTH"), "");
  EXPECT_TRUE(Has(connect(2, "home", "RT1 CONTROL id=home\n"), "client-up home"));
  const std::string conn = ConnOf(Call(1));
  EXPECT_NE(Line(connect(3, "office", "RT1 DATA " + conn + "\n"), "send 3 ERR AUTH"), "");
  EXPECT_TRUE(Has(connect(4, "home", "RT1 DATA " + conn + "\n"), "send 4 OK"));
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

TEST_F(ServerCoreTest, RefusesASecondClientWhileTheFirstLives) {
  Connect(1, "RT1 CONTROL id=first\n");
  auto events = Connect(2, "RT1 CONTROL id=second\n");
  EXPECT_EQ(events, std::vector<std::string>{"send 1 PING 1"});
  Say(1, "PONG 1\n");
  events = Events();
  EXPECT_TRUE(Has(events, "send 2 ERR BUSY another client is connected"));
  EXPECT_TRUE(Has(events, "end 2"));
  EXPECT_TRUE(Has(events, "client-busy second"));
  EXPECT_TRUE(Pass(seconds(3)).empty());
}

TEST_F(ServerCoreTest, LetsASilentClientBeSucceeded) {
  Connect(1, "RT1 CONTROL id=first\n");
  Connect(2, "RT1 CONTROL id=second\n");
  Pass(seconds(1));
  Connect(3, "RT1 CONTROL id=third\n");
  EXPECT_TRUE(Pass(milliseconds(1999)).empty());
  const auto events = Pass(milliseconds(1));
  EXPECT_TRUE(Has(events, "client-down first control-lost"));
  EXPECT_TRUE(Has(events, "client-up second"));
  EXPECT_TRUE(Has(events, "send 3 ERR BUSY another client is connected"));
}

TEST_F(ServerCoreTest, ForgetsANewcomerThatLeaves) {
  Connect(1, "RT1 CONTROL id=first\n");
  Connect(2, "RT1 CONTROL id=second\n");
  core_->HandleLinkEnd(now_, LinkId(2));
  EXPECT_EQ(Events(), std::vector<std::string>{"end 2"});
  EXPECT_TRUE(Pass(seconds(3)).empty());
  EXPECT_EQ(core_->client_count(), 1u);
}

TEST_F(ServerCoreTest, BoundsClientsThatWaitForAProbe) {
  ServerCoreOptions options;
  options.max_handshakes = 3;
  options.max_handshakes_per_address = 2;
  Use(options);
  Connect(1, "RT1 CONTROL\n");
  EXPECT_FALSE(Has(Connect(2, "RT1 CONTROL\n", "192.0.2.2"), "client-busy default"));
  EXPECT_FALSE(Has(Connect(3, "RT1 CONTROL\n", "192.0.2.2"), "client-busy default"));
  EXPECT_TRUE(Has(Connect(4, "RT1 CONTROL\n", "192.0.2.2"), "client-busy default"));
  EXPECT_FALSE(Has(Connect(5, "RT1 CONTROL\n", "192.0.2.3"), "client-busy default"));
  const auto events = Connect(6, "RT1 CONTROL\n", "192.0.2.4");
  EXPECT_TRUE(Has(events, "send 6 ERR BUSY another client is connected"));
  EXPECT_TRUE(Has(events, "end 6"));
  EXPECT_TRUE(Has(Pass(seconds(3)), "client-up default"));
}

TEST_F(ServerCoreTest, ReplacesWhereAskedTo) {
  ServerCoreOptions options;
  options.second_client = SecondClient::kReplace;
  Use(options);
  Connect(1, "RT1 CONTROL id=first\n");
  const auto events = Connect(2, "RT1 CONTROL id=second\n");
  EXPECT_TRUE(Has(events, "send 1 BYE replaced"));
  EXPECT_TRUE(Has(events, "end 1"));
  EXPECT_TRUE(Has(events, "client-up second"));
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

class SeveralClientsTest : public ServerCoreTest {
 protected:
  SeveralClientsTest() {
    ServerCoreOptions options;
    options.listeners = {{ClientSelector::Kind::kId, "alpha"},
                         {ClientSelector::Kind::kId, "beta"},
                         {ClientSelector::Kind::kLabel, "web"}};
    Use(options);
  }
};

TEST_F(SeveralClientsTest, EachListenerHasItsClient) {
  Connect(1, "RT1 CONTROL id=alpha\n");
  Connect(2, "RT1 CONTROL id=beta\n");
  EXPECT_NE(Line(Call(1, 0), "send 1 NEW_CONN"), "");
  EXPECT_NE(Line(Call(2, 1), "send 2 NEW_CONN"), "");
  EXPECT_EQ(ConnOf(Call(3, 2)), "");
  EXPECT_NE(Line(Connect(3, "RT1 CONTROL id=gamma label=db,web\n"), "send 3 NEW_CONN"), "");
}

TEST_F(SeveralClientsTest, KnowsAClientThatNoListenerIsFor) {
  EXPECT_TRUE(Has(Connect(1, "RT1 CONTROL id=alpha label=x\n"), "client-up alpha"));
  EXPECT_TRUE(Has(Connect(2, "RT1 CONTROL id=other label=x,web\n"), "client-up other"));
  EXPECT_TRUE(Has(Connect(3, "RT1 CONTROL id=web label=alpha\n"), "client-up web for nobody"));
}

TEST_F(SeveralClientsTest, ALabelSpreadsByRelays) {
  Connect(1, "RT1 CONTROL id=one label=web\n");
  Connect(2, "RT1 CONTROL id=two label=web\n");
  size_t of_first = 0;
  for (uint64_t caller = 1; caller <= 10; ++caller) {
    const auto events = Call(caller, 2);
    if (!Line(events, "send 1 NEW_CONN").empty()) ++of_first;
    Connect(100 + caller, "RT1 DATA " + ConnOf(events) + "\n");
  }
  EXPECT_EQ(of_first, 5u);
}

TEST_F(SeveralClientsTest, ALabelSpreadsCallersThatComeAtOnce) {
  Connect(1, "RT1 CONTROL id=web1 label=web\n");
  Connect(2, "RT1 CONTROL id=web2 label=web\n");
  std::vector<std::string> first;
  for (uint64_t caller = 1; caller <= 10; ++caller) {
    const auto events = Call(caller, 2);
    if (!Line(events, "send 1 NEW_CONN").empty()) first.push_back(ConnOf(events));
  }
  EXPECT_EQ(first.size(), 5u);
  // What has failed counts no more.
  for (const std::string& conn : first) Say(1, "CLOSE " + conn + " target-refused\n");
  Events();
  for (uint64_t caller = 11; caller <= 15; ++caller) {
    EXPECT_NE(Line(Call(caller, 2), "send 1 NEW_CONN"), "") << caller;
  }
}

TEST_F(SeveralClientsTest, OneClientForEachId) {
  Connect(1, "RT1 CONTROL id=alpha\n");
  EXPECT_TRUE(Has(Connect(2, "RT1 CONTROL id=alpha\n"), "send 1 PING 1"));
  EXPECT_TRUE(Has(Connect(3, "RT1 CONTROL id=beta\n"), "client-up beta"));
}

TEST_F(SeveralClientsTest, AnotherOfTheLabelTakesOverALostOnesCallers) {
  Connect(1, "RT1 CONTROL id=one label=web\n");
  Connect(2, "RT1 CONTROL id=two label=web\n");
  Call(1, 2);
  core_->HandleLinkEnd(now_, LinkId(1));
  EXPECT_NE(Line(Events(), "send 2 NEW_CONN"), "");
}

TEST_F(SeveralClientsTest, CannotEndTheCallerOfAnother) {
  Connect(1, "RT1 CONTROL id=alpha\n");
  Connect(2, "RT1 CONTROL id=beta\n");
  const std::string conn = ConnOf(Call(1, 0));
  Say(2, "CLOSE " + conn + " denied\n");
  EXPECT_TRUE(Events().empty());
}

TEST(ServerCoreOptions, NamesEveryProblem) {
  ServerCoreOptions options;
  EXPECT_TRUE(options.Validate().ok());
  options.pair_timeout = Duration::zero();
  options.max_pending = 0;
  options.listeners = {{ClientSelector::Kind::kId, "a b"}};
  const std::string message = options.Validate().message();
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 2) << message;
}

}  // namespace
}  // namespace ming::reverse
