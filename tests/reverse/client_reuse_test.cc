#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "ming/reverse/client_core.h"

#include "client_core_fixture.h"

namespace ming::reverse {
namespace {

using codec::ReverseReason;
using std::chrono::seconds;

// As far as the relay of the first caller.
class ClientReuseTest : public ClientCoreTest {
 protected:
  ClientReuseTest() {
    ClientCoreOptions options;
    options.ahead = 1;
    Use(options);
    core_->Start(now_);
    core_->HandleControlConnected(now_);
    Hear("OK session=0011223344556677 ahead=1 reuse=1\n");
    Hear("AHEAD " + std::string(kConn) + "\n");
    core_->HandleLinkConnected(now_, Conn(kConn));
    Serve();
  }
  void Serve() {
    HearLink(kConn, "OK src=192.0.2.9:1\n");
    core_->HandleTargetConnected(now_, Conn(kConn));
    EXPECT_TRUE(Has(Events(), "relay 0 in pieces"));
  }
};

TEST_F(ClientReuseTest, ServesOneCallerAfterAnother) {
  for (int caller = 0; caller < 3; ++caller) {
    core_->HandleRelayDone(now_, Conn(kConn), ReverseReason::kDone, true);
    EXPECT_EQ(Events(), (Lines{"conn-end 0 done", "keep 0", "send READY " + std::string(kConn)}));
    EXPECT_EQ(core_->ahead_count(), 1u);
    EXPECT_EQ(core_->conn_count(), 0u);
    EXPECT_EQ(Pass(seconds(1)), Lines{}) << "without a deadline";
    Serve();
  }
}

TEST_F(ClientReuseTest, NotWhatBrokeOrWentRaw) {
  core_->HandleRelayDone(now_, Conn(kConn), ReverseReason::kDone);
  EXPECT_EQ(Events(), Lines{"conn-end 0 done"});
  EXPECT_EQ(core_->ahead_count(), 0u);
}

TEST_F(ClientReuseTest, NotForTheNextSession) {
  core_->HandleControlEnd(now_, Status(StatusCode::kUnavailable, "lost"));
  Pass(seconds(1));
  core_->HandleControlConnected(now_);
  Hear("OK session=1111111111111111 ahead=1 reuse=1\n");
  Events();
  core_->HandleRelayDone(now_, Conn(kConn), ReverseReason::kDone, true);
  EXPECT_EQ(Events(), Lines{"conn-end 0 done"});
}

TEST_F(ClientReuseTest, TheServerMayEndIt) {
  core_->HandleRelayDone(now_, Conn(kConn), ReverseReason::kDone, true);
  Events();
  HearLink(kConn, "ERR LIMIT\n");
  EXPECT_EQ(Events(), Lines{"drop 0"});
}

}  // namespace
}  // namespace ming::reverse
