#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "ming/reverse/client_core.h"

#include "client_core_fixture.h"

namespace ming::reverse {
namespace {

using codec::ReverseReason;

class ClientAheadTest : public ClientCoreTest {
 protected:
  ClientAheadTest() {
    ClientCoreOptions options;
    options.ahead = 1;
    Use(options);
    core_->Start(now_);
    core_->HandleControlConnected(now_);
    EXPECT_TRUE(Has(Events(), "send RT1 CONTROL id=default ahead=1 reuse=1"));
    Hear("OK session=0011223344556677 ahead=1\n");
    Events();
  }
  void Ahead(const char* conn) { Hear("AHEAD " + std::string(conn) + "\n"); }
};

TEST_F(ClientAheadTest, OpensAConnectionAndWaitsForItsCaller) {
  Ahead(kConn);
  EXPECT_EQ(Events(), Lines{"dial-server 0"});
  core_->HandleLinkConnected(now_, Conn(kConn));
  EXPECT_EQ(Events(), Lines{"send-link RT1 DATA " + std::string(kConn)});
  EXPECT_EQ(Pass(std::chrono::hours(1)), Lines{}) << "the reply has time";
  EXPECT_EQ(core_->ahead_count(), 1u);
  EXPECT_EQ(core_->conn_count(), 0u);
  HearLink(kConn, "OK src=192.0.2.9:1\n");
  EXPECT_EQ(Events(), (Lines{"conn-new 0", "dial-target 0 192.0.2.9:1"}));
  EXPECT_EQ(core_->ahead_count(), 0u);
  core_->HandleTargetConnected(now_, Conn(kConn));
  EXPECT_EQ(Events(), (Lines{"relay 0", "paired 0"}));
  core_->HandleRelayDone(now_, Conn(kConn), ReverseReason::kDone);
  EXPECT_EQ(Events(), Lines{"conn-end 0 done"});
}

TEST_F(ClientAheadTest, OneWithoutACallerEndsSilently) {
  for (const char* reply : {"ERR LIMIT\n", "ERR SHUTDOWN\n", "nonsense\n"}) {
    Ahead(kConn);
    core_->HandleLinkConnected(now_, Conn(kConn));
    Events();
    HearLink(kConn, reply);
    EXPECT_EQ(Events(), Lines{"drop 0"}) << reply;
  }
  Ahead(kConn);
  Events();
  core_->HandleLinkEnd(now_, Conn(kConn));
  EXPECT_EQ(Events(), Lines{"drop 0"});
  Ahead(kConn);
  Events();
  Hear("CLOSE " + std::string(kConn) + " limit\n");
  EXPECT_EQ(Events(), Lines{"drop 0"});
  EXPECT_EQ(core_->ahead_count(), 0u);
}

TEST_F(ClientAheadTest, OpensNoMoreThanAgreed) {
  Ahead(kConn);
  Ahead(kConn);   // known: ignored
  Ahead(kOther);  // its caller may be on the way
  Events();
  Ahead("11111111111111111111111111111111");
  EXPECT_EQ(Events(), Lines{"send CLOSE 11111111111111111111111111111111 limit"});
  core_->HandleNoResources(now_, Conn(kConn));
  EXPECT_EQ(Events(), (Lines{"send CLOSE " + std::string(kConn) + " limit", "drop 0"}));
}

TEST_F(ClientAheadTest, LosesThemWithTheControlConnection) {
  Ahead(kConn);
  core_->HandleLinkConnected(now_, Conn(kConn));
  Events();
  core_->HandleControlEnd(now_, Status(StatusCode::kUnavailable, "lost"));
  EXPECT_TRUE(Has(Events(), "drop 0"));
  EXPECT_EQ(core_->ahead_count(), 0u);
}

TEST_F(ClientAheadTest, AFailingTargetIsTold) {
  Ahead(kConn);
  core_->HandleLinkConnected(now_, Conn(kConn));
  HearLink(kConn, "OK src=192.0.2.9:1\n");
  Events();
  core_->HandleTargetFailed(now_, Conn(kConn), ReverseReason::kTargetRefused);
  EXPECT_EQ(Events(), (Lines{"send CLOSE " + std::string(kConn) + " target-refused", "drop 0",
                             "conn-end 0 target-refused"}));
}

TEST_F(ClientAheadTest, CarriesNoUdpThatItDidNotOffer) {
  Ahead(kConn);
  core_->HandleLinkConnected(now_, Conn(kConn));
  Events();
  HearLink(kConn, "OK src=192.0.2.9:1 proto=udp\n");
  EXPECT_EQ(Events(), (Lines{"send CLOSE " + std::string(kConn) + " denied", "drop 0"}));
}

// To a server of version 1 the word means nothing, nor to a client that did not offer it.
TEST_F(ClientCoreTest, UninvitedItOpensNothingAhead) {
  Up();
  Hear("AHEAD " + std::string(kConn) + "\n");
  EXPECT_EQ(Events(), Lines{});
  ClientCoreOptions options;
  options.ahead = 4;
  Use(options);
  Up();  // the server says nothing of it
  for (int i = 0; i < 100; ++i) Hear("AHEAD " + std::string(kConn) + "\n");
  EXPECT_EQ(Events(), Lines{});
  Hear("AHEAD " + std::string(kConn) + "\n");
  EXPECT_EQ(WhyDown(), "the server asks for connections that were not offered");
}

}  // namespace
}  // namespace ming::reverse
