#include "ming/reverse/client_core.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "client_core_fixture.h"
#include "fake_token_key.h"

namespace ming::reverse {
namespace {

using codec::ReverseReason;
using std::chrono::milliseconds;
using std::chrono::seconds;

// The peer may be anything: a TLS port resets who speaks lines.
TEST_F(ClientCoreTest, SaysWhatToLookAtWhereNobodyAnswers) {
  core_->Start(now_);
  core_->HandleControlConnected(now_);
  core_->HandleControlEnd(now_, Status(StatusCode::kClosed, "reset"));
  EXPECT_NE(WhyDown().find("reset, unanswered (is this its port B?"), std::string::npos);
  now_ = now_ + seconds(1);
  core_->HandleTimeout(now_);
  core_->HandleControlConnected(now_);
  Hear("OK\n");
  core_->HandleControlEnd(now_, Status(StatusCode::kClosed, "reset"));
  EXPECT_EQ(WhyDown(), "reset");
}

TEST_F(ClientCoreTest, IntroducesItself) {
  ClientCoreOptions options;
  options.id = "home";
  options.labels = {"web", "db"};
  Use(options);
  core_->Start(now_);
  EXPECT_EQ(Events(), Lines{"dial-control"});
  core_->HandleControlConnected(now_);
  EXPECT_EQ(Events(), Lines{"send RT1 CONTROL id=home label=web,db"});
  Hear("OK session=0011223344556677 heartbeat=0\n");
  EXPECT_EQ(Events(), Lines{"up 0011223344556677"});
}

TEST_F(ClientCoreTest, ProvesTheTokenOnEachConnection) {
  const FakeTokenKey key("s3cret");
  Use({}, &key);
  core_->Start(now_);
  core_->HandleControlConnected(now_);
  const std::string control = Events().back();
  const size_t nonce = control.find(" nonce=");
  ASSERT_NE(nonce, std::string::npos) << control;
  EXPECT_EQ(control.substr(0, nonce), "send RT1 CONTROL id=default ts=1700000000");
  EXPECT_EQ(control.substr(nonce + 39),
            " mac=" + key.Mac("RT1|CONTROL|default|1700000000|" + control.substr(nonce + 7, 32)));
  Hear("OK session=0011223344556677\n");
  Announce(kConn);
  core_->HandleLinkConnected(now_, Conn(kConn));
  EXPECT_EQ(Events().back(), "send-link RT1 DATA " + std::string(kConn) +
                                 " mac=" + key.Mac("RT1|DATA|" + std::string(kConn)));
}

TEST_F(ClientCoreTest, AServerThatItDoesNotTrustIsRefusedForGood) {
  core_->Start(now_);
  core_->HandleControlConnected(now_);
  Events();
  core_->HandleControlEnd(now_, Status(StatusCode::kPermissionDenied, "certificate"));
  EXPECT_EQ(Events(), (Lines{"end-control",
                             "ended " + std::to_string(static_cast<int>(ClientEnd::kRefused))}));
}

TEST_F(ClientCoreTest, ARefusalOfEitherEndNamesTheFlagsToLookAt) {
  core_->Start(now_);
  core_->HandleControlEnd(now_, Status(StatusCode::kPermissionDenied, "not trusted"));
  EXPECT_EQ(WhyDown(), "not trusted (--tls-ca: whom to trust, --tls-name: whom it is for)");
  Use({});
  core_->Start(now_);
  core_->HandleControlConnected(now_);
  Hear("ERR AUTH token\n");
  EXPECT_EQ(WhyDown(),
            "the server refused: AUTH (token): it judges --token-file, --tls-cert and --id");
}

TEST_F(ClientCoreTest, ComesBackAfterARefusalWhereAskedTo) {
  ClientCoreOptions options;
  options.reconnect.after_refusal = true;
  Use(options);
  core_->Start(now_);
  core_->HandleControlEnd(now_, Status(StatusCode::kPermissionDenied, "certificate"));
  EXPECT_TRUE(Has(Events(), "wait"));
}

TEST_F(ClientCoreTest, ServesACaller) {
  Up();
  Announce(kConn);
  EXPECT_EQ(Events(), (Lines{"conn-new 0", "dial-server 0"}));
  core_->HandleLinkConnected(now_, Conn(kConn));
  EXPECT_EQ(Events(), Lines{"send-link RT1 DATA " + std::string(kConn)});
  EXPECT_EQ(HearLink(kConn, "OK\nraw"), 3u);
  EXPECT_EQ(Events(), Lines{"dial-target 0 192.0.2.9:1"});
  EXPECT_EQ(HearLink(kConn, "raw"), 0u);
  core_->HandleTargetConnected(now_, Conn(kConn));
  EXPECT_EQ(Events(), (Lines{"relay 0", "paired 0"}));
  core_->HandleRelayDone(now_, Conn(kConn), ReverseReason::kDone);
  EXPECT_EQ(Events(), Lines{"conn-end 0 done"});
  EXPECT_EQ(core_->conn_count(), 0u);
}

class DialFirstTest : public ClientCoreTest {
 protected:
  DialFirstTest() {
    ClientCoreOptions options;
    options.dial_first = true;
    Use(options);
    Up();
    Announce(kConn);
  }
};

TEST_F(DialFirstTest, OpensADataConnectionOnceTheTargetIsThere) {
  EXPECT_EQ(Events(), (Lines{"conn-new 0", "dial-target 0 192.0.2.9:1"}));
  core_->HandleTargetConnected(now_, Conn(kConn));
  EXPECT_EQ(Events(), Lines{"dial-server 0"});
  core_->HandleLinkConnected(now_, Conn(kConn));
  EXPECT_EQ(Events(), Lines{"send-link RT1 DATA " + std::string(kConn)});
  EXPECT_EQ(HearLink(kConn, "OK\nraw"), 3u);
  EXPECT_EQ(Events(), (Lines{"relay 0", "paired 0"}));
}

TEST_F(DialFirstTest, ATargetThatRefusesCostsNoDataConnection) {
  Events();
  core_->HandleTargetFailed(now_, Conn(kConn), ReverseReason::kTargetRefused);
  EXPECT_EQ(Events(), (Lines{"send CLOSE " + std::string(kConn) + " target-refused", "drop 0",
                             "conn-end 0 target-refused"}));
}

TEST_F(DialFirstTest, ATargetThatIsLostMeanwhileIsTold) {
  core_->HandleTargetConnected(now_, Conn(kConn));
  core_->HandleLinkConnected(now_, Conn(kConn));
  Events();
  core_->HandleTargetFailed(now_, Conn(kConn), ReverseReason::kReset);
  EXPECT_EQ(Events(),
            (Lines{"send CLOSE " + std::string(kConn) + " reset", "drop 0", "conn-end 0 reset"}));
}

TEST_F(ClientCoreTest, ServesEachAnnouncementOnce) {
  Up();
  Announce(kConn);
  Events();
  Announce(kConn);
  EXPECT_TRUE(Events().empty());
}

TEST_F(ClientCoreTest, SaysWhyTheTargetFailed) {
  Up();
  Accept(kConn);
  Events();
  core_->HandleTargetFailed(now_, Conn(kConn), ReverseReason::kTargetRefused);
  EXPECT_EQ(Events(), (Lines{"send CLOSE " + std::string(kConn) + " target-refused", "drop 0",
                             "conn-end 0 target-refused"}));
}

TEST_F(ClientCoreTest, DropsAConnectionThatTheServerRefuses) {
  Up();
  Announce(kConn);
  core_->HandleLinkConnected(now_, Conn(kConn));
  Events();
  HearLink(kConn, "ERR UNKNOWN\n");
  EXPECT_EQ(Events(), (Lines{"drop 0", "conn-end 0 denied"}));
}

TEST_F(ClientCoreTest, TellsTheServerWhichCallerItsLimitHit) {
  Up();
  Announce(kConn);
  core_->HandleLinkConnected(now_, Conn(kConn));
  Events();
  HearLink(kConn, "ERR LIMIT\n");
  EXPECT_EQ(Events(),
            (Lines{"send CLOSE " + std::string(kConn) + " limit", "drop 0", "conn-end 0 limit"}));
}

TEST_F(ClientCoreTest, CarriesDatagramsWhereBothAgree) {
  ClientCoreOptions options;
  options.udp = true;
  Use(options);
  core_->Start(now_);
  core_->HandleControlConnected(now_);
  EXPECT_TRUE(Has(Events(), "send RT1 CONTROL id=default udp=1"));
  Hear("OK session=0011223344556677 udp=1\n");
  Hear("NEW_CONN " + std::string(kConn) + " src=192.0.2.9:1 ttl=1000 proto=udp\n");
  core_->HandleLinkConnected(now_, Conn(kConn));
  HearLink(kConn, "OK\n");
  EXPECT_TRUE(Has(Events(), "dial-target 0 192.0.2.9:1 udp"));
}

TEST_F(ClientCoreTest, RefusesDatagramsThatItDidNotOffer) {
  Up();
  Hear("NEW_CONN " + std::string(kConn) + " src=192.0.2.9:1 ttl=1000 proto=udp\n");
  EXPECT_EQ(Events(), Lines{"send CLOSE " + std::string(kConn) + " denied"});
}

TEST_F(ClientCoreTest, ClosesBeforeRelayingOnly) {
  Up();
  Accept(kConn);
  Relay(kOther);
  Events();
  Hear("CLOSE " + std::string(kConn) + " caller-gone\n");
  Hear("CLOSE " + std::string(kOther) + " done\n");
  EXPECT_EQ(Events(), (Lines{"drop 0", "conn-end 0 caller-gone"}));
}

TEST_F(ClientCoreTest, GivesUpADataConnectionWithoutReply) {
  Up();
  Announce(kConn);
  core_->HandleLinkConnected(now_, Conn(kConn));
  Events();
  Hear("PING 1\n");
  Events();
  EXPECT_TRUE(Has(Pass(seconds(5)), "drop 0"));
}

TEST_F(ClientCoreTest, RefusesMoreThanItsLimit) {
  ClientCoreOptions options;
  options.max_conns = 1;
  Use(options);
  Up();
  Announce(kConn);
  Events();
  Announce(kOther);
  EXPECT_EQ(Events(), Lines{"send CLOSE " + std::string(kOther) + " limit"});
  core_->HandleNoResources(now_, Conn(kConn));
  EXPECT_EQ(Events().front(), "send CLOSE " + std::string(kConn) + " limit");
}

TEST_F(ClientCoreTest, DelaysGrowAndBeginAnewAfterALongSession) {
  Up();
  Duration nominal = milliseconds(500);
  core_->HandleControlEnd(now_, Status(StatusCode::kClosed, "gone"));
  for (int attempt = 0; attempt < 9; ++attempt) {
    EXPECT_TRUE(Has(Events(), "wait"));
    EXPECT_GE(last_delay_, nominal * 8 / 10) << attempt;
    EXPECT_LE(last_delay_, nominal * 12 / 10) << attempt;
    nominal = std::min<Duration>(nominal * 2, seconds(30));
    EXPECT_EQ(Pass(last_delay_), Lines{"dial-control"});
    core_->HandleControlEnd(now_, Status(StatusCode::kUnavailable, "refused"));
  }
  Events();
  Pass(last_delay_);
  core_->HandleControlConnected(now_);
  Hear("OK heartbeat=0\n");
  Events();
  Pass(seconds(30));
  core_->HandleControlEnd(now_, Status(StatusCode::kClosed, "gone"));
  Events();
  EXPECT_LE(last_delay_, milliseconds(600));
}

TEST_F(ClientCoreTest, WithoutReconnectTheLossIsTheEnd) {
  ClientCoreOptions options;
  options.reconnect.enabled = false;
  Use(options);
  Up();
  Relay(kConn);
  core_->HandleControlEnd(now_, Status(StatusCode::kClosed, "gone"));
  EXPECT_FALSE(Has(Events(), "ended 1"));
  EXPECT_EQ(Pass(seconds(5)), Lines{"abort 0"});
  core_->HandleRelayDone(now_, Conn(kConn), ReverseReason::kReset);
  EXPECT_TRUE(Has(Events(), "ended 1"));
}

TEST_F(ClientCoreTest, WithoutReconnectAServersStopIsAnOrderlyEnd) {
  ClientCoreOptions options;
  options.reconnect.enabled = false;
  Use(options);
  Up();
  Hear("BYE shutdown\n");
  EXPECT_EQ(Events(), (Lines{"end-control", "ended 0"}));
}

TEST_F(ClientCoreTest, GivesUpAfterSoManyAttempts) {
  ClientCoreOptions options;
  options.reconnect.count = 2;
  Use(options);
  core_->Start(now_);
  for (int attempt = 0; attempt < 2; ++attempt) {
    core_->HandleControlEnd(now_, Status(StatusCode::kUnavailable, "refused"));
    EXPECT_FALSE(Has(Events(), "ended 1"));
    Pass(seconds(30));
  }
  core_->HandleControlEnd(now_, Status(StatusCode::kUnavailable, "refused"));
  EXPECT_TRUE(Has(Events(), "ended 1"));
}

TEST_F(ClientCoreTest, ReactsToEachRefusal) {
  const std::pair<std::string, std::string> cases[] = {
      {"ERR PROTO\n", "ended 2"}, {"ERR VERSION supported=1\n", "ended 2"},
      {"ERR AUTH\n", "ended 2"},  {"HTTP/1.1 400 Bad Request\r\n", "ended 2"},
      {"ERR BUSY\n", "wait"},     {"ERR SHUTDOWN\n", "wait"},
      {"ERR LIMIT\n", "wait"},    {"ERR QUOTA later\n", "wait"},
      {"ERR TIMEOUT\n", "wait"},
  };
  for (const auto& [reply, reaction] : cases) {
    Use({});
    core_->Start(now_);
    core_->HandleControlConnected(now_);
    Hear(reply);
    const Lines events = Events();
    EXPECT_TRUE(Has(events, reaction)) << reply;
    EXPECT_TRUE(Has(events, "end-control")) << reply;
    if (reply == "ERR BUSY\n") {
      EXPECT_GE(last_delay_, seconds(5));
    }
  }
}

TEST_F(ClientCoreTest, RetriesARefusedTokenWhereAskedTo) {
  ClientCoreOptions options;
  options.reconnect.after_refusal = true;
  Use(options);
  core_->Start(now_);
  core_->HandleControlConnected(now_);
  Hear("ERR AUTH\n");
  EXPECT_TRUE(Has(Events(), "wait"));
}

TEST_F(ClientCoreTest, AReplacedClientStaysAway) {
  Up();
  Hear("BYE replaced\n");
  EXPECT_TRUE(Has(Events(), "ended 3"));
  ClientCoreOptions options;
  options.reconnect.after_replace = true;
  Use(options);
  Up();
  Hear("BYE replaced\n");
  EXPECT_TRUE(Has(Events(), "wait"));
}

TEST_F(ClientCoreTest, LosesASilentServer) {
  Up();
  EXPECT_EQ(Pass(seconds(5)), Lines{"send PING 1"});
  EXPECT_EQ(Pass(seconds(5)), Lines{"send PING 2"});
  EXPECT_TRUE(Has(Pass(seconds(5)), "down"));
}

TEST_F(ClientCoreTest, GivesUpAServerThatDoesNotReply) {
  core_->Start(now_);
  core_->HandleControlConnected(now_);
  Events();
  EXPECT_TRUE(Has(Pass(seconds(5)), "wait"));
}

TEST_F(ClientCoreTest, DropsDiallingConnectionsWithTheControl) {
  Up();
  Announce(kConn);
  Relay(kOther);
  core_->HandleControlEnd(now_, Status(StatusCode::kClosed, "gone"));
  const Lines events = Events();
  EXPECT_TRUE(Has(events, "drop 0"));
  EXPECT_FALSE(Has(events, "abort f"));
  EXPECT_TRUE(Has(Pass(seconds(5)), "abort f"));
}

TEST_F(ClientCoreTest, EndsWhenTheServerBreaksTheRules) {
  Up();
  Hear("NEW_CONN nonsense\n");
  const Lines events = Events();
  EXPECT_TRUE(Has(events, "send BYE protocol"));
  EXPECT_TRUE(Has(events, "wait"));
}

TEST_F(ClientCoreTest, StopsInOrder) {
  Up();
  Announce(kConn);
  Relay(kOther);
  Events();
  core_->Stop(now_);
  const Lines events = Events();
  EXPECT_TRUE(Has(events, "send BYE shutdown"));
  EXPECT_TRUE(Has(events, "drop 0"));
  EXPECT_FALSE(Has(events, "ended 0"));
  core_->HandleRelayDone(now_, Conn(kOther), ReverseReason::kDone);
  EXPECT_EQ(Events(), (Lines{"conn-end f done", "ended 0"}));
  core_->Stop(now_);
  EXPECT_TRUE(Events().empty());
}

TEST_F(ClientCoreTest, StopsWhileItWaits) {
  core_->Start(now_);
  core_->HandleControlEnd(now_, Status(StatusCode::kUnavailable, "refused"));
  Events();
  core_->Stop(now_);
  EXPECT_EQ(Events(), Lines{"ended 0"});
}

}  // namespace
}  // namespace ming::reverse
