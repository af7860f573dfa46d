// What ClientSessionCore does when a path, the signaling server or the network of the machine is
// lost.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "ming/p2p/client_session_core.h"

#include "client_core_fixture.h"
#include "descriptions.h"

namespace ming::p2p {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ClientRecoveryTest : public ClientSessionCoreTest {};

TEST_F(ClientRecoveryTest, RestartsIceWhenThePathIsLost) {
  Connected();
  LosePath();
  EXPECT_THAT(Events(), ElementsAre("down", "restart"));
  EXPECT_EQ(core_.state(), ClientState::kRecovering);
  MakeOffer("bbbb");
  core_.HandleLocalCandidate(now_, session_, {"c1", {}});
  EXPECT_THAT(Events(), ElementsAre("offer", "send c1"));
  core_.HandleRemoteCandidate(now_, {"old", "hhhh"});
  core_.HandleRemoteCandidate(now_, {"new", "iiii"});
  core_.HandleAnswer(now_, Answer(7, "iiii"));
  EXPECT_THAT(Events(), ElementsAre("answer", "apply new"));
  core_.HandlePathState(now_, session_, PathState::kConnected, Status::Ok());
  EXPECT_THAT(Events(), ElementsAre("up"));
  EXPECT_EQ(core_.NextTimeout(), Timestamp::Max());
}

TEST_F(ClientRecoveryTest, ReplacesTheSessionWhenTheHostIsANewProcess) {
  Connected();
  LosePath();
  Events();
  MakeOffer("bbbb");
  Events();
  core_.HandleAnswer(now_, MakeSdp({codec::SdpKind::kAnswer, 7, 3, "iiii", true, 2, {}}));
  EXPECT_THAT(Events(), ElementsAre("end", "start"));
}

TEST_F(ClientRecoveryTest, ReplacesTheSessionWhenTheHostHasForgottenIt) {
  Connected();
  LosePath();
  Events();
  MakeOffer("bbbb");
  Events();
  core_.HandleAnswer(now_, Answer(8, "iiii"));  // the same certificate, another connection
  EXPECT_THAT(Events(), ElementsAre("end", "start"));
}

TEST_F(ClientRecoveryTest, RestartsAgainWhenNobodyAnswers) {
  Connected();
  LosePath();
  Events();
  for (const char* ufrag : {"bbbb", "cccc", "dddd"}) {
    MakeOffer(ufrag);
    EXPECT_THAT(Events(), ElementsAre("offer"));
    Advance(milliseconds(2999));
    EXPECT_THAT(Seen(), IsEmpty());
    Advance(milliseconds(1));
    EXPECT_THAT(Seen(), ElementsAre("restart"));
  }
}

TEST_F(ClientRecoveryTest, RestartsAgainWhenAnAnsweredRestartFindsNoPath) {
  Connected();
  LosePath();
  Events();
  MakeOffer("bbbb");
  Advance(seconds(1));
  core_.HandleAnswer(now_, Answer(7, "iiii"));
  Events();
  Advance(milliseconds(2999));
  EXPECT_THAT(Seen(), IsEmpty());
  Advance(milliseconds(1));
  EXPECT_THAT(Seen(), ElementsAre("restart"));
}

TEST_F(ClientRecoveryTest, ReplacesTheSessionWhoseAnsweredRestartsAllFail) {
  Connected();
  LosePath();
  Events();
  const size_t most = ClientSessionOptions().max_failed_restarts;
  for (size_t i = 1; i <= most; ++i) {
    MakeOffer("bb" + std::to_string(10 + i));
    core_.HandleAnswer(now_, Answer(7, "ii" + std::to_string(10 + i)));
    Events();
    Advance(seconds(3));
    if (i < most) {
      ASSERT_THAT(Seen(), ElementsAre("restart")) << i;
    }
  }
  EXPECT_THAT(Seen(), ElementsAre("end", "start"));
}

TEST_F(ClientRecoveryTest, AnswersThatNeverComeDoNotCountAgainstTheSession) {
  Connected();
  LosePath();
  Events();
  for (int i = 0; i < 38; ++i) {
    MakeOffer("bb" + std::to_string(10 + i));
    Events();
    Advance(seconds(3));
    ASSERT_THAT(Seen(), ElementsAre("restart")) << i;
  }
}

TEST_F(ClientRecoveryTest, IgnoresTheAnswerToAnEarlierRestart) {
  Connected();
  LosePath();
  Events();
  MakeOffer("bbbb");
  Advance(seconds(3));
  MakeOffer("cccc");
  Events();
  core_.HandleAnswer(now_, AnswerTo("bbbb", "iiii"));
  EXPECT_THAT(Events(), IsEmpty());
  core_.HandleAnswer(now_, AnswerTo("cccc", "jjjj"));
  EXPECT_THAT(Events(), ElementsAre("answer"));
  core_.HandleAnswer(now_, AnswerTo("bbbb", "iiii"));
  EXPECT_THAT(Events(), IsEmpty());
}

TEST_F(ClientRecoveryTest, RestartsAgainSoonWhileTheHostIsNotRegistered) {
  Connected();
  LosePath();
  Events();
  for (int i = 0; i < 20; ++i) {
    MakeOffer("bb" + std::to_string(10 + i));
    Events();
    NotFound();
    Advance(seconds(3));
    ASSERT_THAT(Seen(), ElementsAre("restart")) << i;
  }
}

TEST_F(ClientRecoveryTest, ARestartThatCannotBeMadeIsTriedAgain) {
  Connected();
  LosePath();
  Events();
  core_.HandleRestartFailed(now_, session_);
  EXPECT_EQ(core_.state(), ClientState::kRecovering);
  Advance(seconds(3));
  EXPECT_THAT(Seen(), ElementsAre("restart"));
}

TEST_F(ClientRecoveryTest, WaitsForSignalingBeforeARestart) {
  Connected();
  SignalingDown();
  LosePath();
  EXPECT_THAT(Events(), ElementsAre("down"));
  Advance(seconds(20));
  EXPECT_THAT(Seen(), IsEmpty());
  core_.HandleSignalingUp(now_);
  EXPECT_THAT(Events(), ElementsAre("restart"));
}

TEST_F(ClientRecoveryTest, RestartsAtOnceWhenSignalingReturns) {
  Connected();
  LosePath();
  MakeOffer("bbbb");
  Events();
  SignalingDown();
  EXPECT_TRUE(core_.NeedsSignaling(now_));
  Advance(seconds(60));
  EXPECT_THAT(Seen(), IsEmpty());
  core_.HandleSignalingUp(now_);
  EXPECT_THAT(Events(), ElementsAre("restart"));
}

TEST_F(ClientRecoveryTest, RestartsWhenTheNetworkChanges) {
  Connected();
  core_.HandleNetworkChanged(now_);
  EXPECT_THAT(Events(), ElementsAre("restart"));
  EXPECT_EQ(core_.state(), ClientState::kConnected);
  EXPECT_TRUE(core_.NeedsSignaling(now_));
  MakeOffer("bbbb");
  EXPECT_THAT(Events(), ElementsAre("offer"));
  core_.HandleAnswer(now_, Answer(7, "iiii"));
  EXPECT_THAT(Events(), ElementsAre("answer"));
  EXPECT_FALSE(core_.NeedsSignaling(now_));
  EXPECT_EQ(core_.NextTimeout(), Timestamp::Max());
}

TEST_F(ClientRecoveryTest, RestartsAtMostEveryTwoSecondsHoweverOftenTheNetworkChanges) {
  Connected();
  int restarts = 0;
  for (int i = 0; i < 100; ++i) {
    core_.HandleNetworkChanged(now_);
    for (const std::string& event : Events()) restarts += event == "restart" ? 1 : 0;
    MakeOffer("bb" + std::to_string(10 + i));
    Advance(milliseconds(100));
    for (const std::string& event : Seen()) restarts += event == "restart" ? 1 : 0;
  }
  EXPECT_GE(restarts, 4);
  EXPECT_LE(restarts, 6);
}

TEST_F(ClientRecoveryTest, AChangeWithoutSignalingIsTakenUpWhenItReturns) {
  Connected();
  SignalingDown();
  core_.HandleNetworkChanged(now_);
  EXPECT_THAT(Events(), IsEmpty());
  EXPECT_TRUE(core_.NeedsSignaling(now_));
  Advance(seconds(2));
  core_.HandleSignalingUp(now_);
  EXPECT_THAT(Events(), ElementsAre("restart"));
}

TEST_F(ClientRecoveryTest, ARestartThatFailsWithoutSignalingIsMadeWhenItReturns) {
  Connected();
  core_.HandleNetworkChanged(now_);
  EXPECT_THAT(Events(), ElementsAre("restart"));
  SignalingDown();
  core_.HandleRestartFailed(now_, session_);
  EXPECT_TRUE(core_.IsConsistent());
  Advance(seconds(10));
  EXPECT_THAT(Seen(), IsEmpty());
  core_.HandleSignalingUp(now_);
  EXPECT_THAT(Events(), ElementsAre("restart"));
}

TEST_F(ClientRecoveryTest, APathLostDuringAFreshRestartWaitsForIt) {
  Connected();
  core_.HandleNetworkChanged(now_);
  MakeOffer("bbbb");
  core_.HandleAnswer(now_, Answer(7, "iiii"));
  Events();
  Advance(seconds(1));
  LosePath();
  EXPECT_THAT(Events(), ElementsAre("down"));
  Advance(milliseconds(1999));
  EXPECT_THAT(Seen(), IsEmpty());
  Advance(milliseconds(1));
  EXPECT_THAT(Seen(), ElementsAre("restart"));
}

TEST_F(ClientRecoveryTest, AForeignHostIsNotAskedToRestart) {
  Connected(false);
  core_.HandleNetworkChanged(now_);
  core_.HandleRestartRequest(now_);
  EXPECT_THAT(Events(), IsEmpty());
  EXPECT_EQ(core_.NextTimeout(), Timestamp::Max());
}

TEST_F(ClientRecoveryTest, AnAttemptOfAnotherNetworkIsMadeAnew) {
  Offered();
  core_.HandleNetworkChanged(now_);
  EXPECT_THAT(Events(), IsEmpty());  // it has just been made
  Advance(seconds(2));
  core_.HandleNetworkChanged(now_);
  EXPECT_THAT(Events(), ElementsAre("end", "start"));
}

TEST_F(ClientRecoveryTest, ABackOffEndsWhenTheNetworkChanges) {
  Connecting();
  core_.HandleSessionFailed(now_, session_, Status(StatusCode::kInternal, "broken"));
  Events();
  core_.HandleNetworkChanged(now_);
  Advance(milliseconds(0));
  EXPECT_THAT(Seen(), ElementsAre("start"));
}

TEST_F(ClientRecoveryTest, RestartsWhenTheHostAsks) {
  Connected();
  core_.HandleRestartRequest(now_);
  EXPECT_THAT(Events(), ElementsAre("restart"));
  MakeOffer("bbbb");
  Events();
  core_.HandleRestartRequest(now_);  // the offer is on its way
  EXPECT_THAT(Events(), IsEmpty());
  Advance(milliseconds(100));
  core_.HandleRestartRequest(now_);  // it was lost with the host's connection
  EXPECT_THAT(Events(), ElementsAre("offer"));
}

TEST_F(ClientRecoveryTest, EndsWhenTheHostTunnelsAnotherProtocol) {
  Offered();
  codec::MingFeatures udp;
  udp.protocol = TunnelProtocol::kUdp;
  core_.HandleAnswer(now_, MakeSdp({codec::SdpKind::kAnswer, 7, 2, "hhhh", true, 2, udp}));
  EXPECT_THAT(Events(), ElementsAre("end", "ended: refused"));
  EXPECT_EQ(end_why_.message(),
            "protocol mismatch: the host tunnels udp and the client tcp (give both the same "
            "--protocol)");
}

TEST_F(ClientRecoveryTest, EndsWhenTheHostRefusesTheProtocol) {
  Connected();
  LosePath();
  MakeOffer("bbbb");
  Events();
  core_.HandleSignalingError(now_,
                             DescribeProtocolMismatch(TunnelProtocol::kUdp, TunnelProtocol::kTcp));
  EXPECT_THAT(Events(), ElementsAre("end", "ended: refused"));
}

TEST_F(ClientRecoveryTest, IgnoresErrorsWhileNoOfferWaits) {
  Connected();
  core_.HandleSignalingError(now_, "no such thing");
  NotFound();
  EXPECT_THAT(Events(), IsEmpty());
  EXPECT_EQ(core_.state(), ClientState::kConnected);
}

TEST_F(ClientRecoveryTest, LooksAgainSoonAfterEverySuccess) {
  Offered();
  for (int i = 0; i < 5; ++i) {
    NotFound();
    Advance(seconds(1));  // the delays grow
  }
  Events();
  core_.HandleAnswer(now_, Answer(7, "hhhh"));
  core_.HandlePathState(now_, session_, PathState::kConnected, Status::Ok());
  core_.HandlePathState(now_, session_, PathState::kEnded, Status(StatusCode::kClosed, "bye"));
  Events();
  Seen();
  Advance(milliseconds(500));
  EXPECT_THAT(Seen(), ElementsAre("start"));
}

TEST_F(ClientRecoveryTest, GivesALostPathUpAfterTheSessionTimeout) {
  Connected();
  SignalingDown();
  LosePath();
  Events();
  Advance(seconds(119));
  EXPECT_THAT(Seen(), IsEmpty());
  Advance(seconds(1));
  EXPECT_THAT(Seen(), ElementsAre("end"));
  EXPECT_EQ(core_.state(), ClientState::kWaitingForSignaling);
  Advance(std::chrono::hours(1));
  EXPECT_THAT(Seen(), IsEmpty());
  core_.HandleSignalingUp(now_);
  EXPECT_THAT(Events(), ElementsAre("start"));
}

TEST_F(ClientRecoveryTest, TakesThePathBackWhenItReturnsByItself) {
  Connected();
  LosePath();
  MakeOffer("bbbb");
  Events();
  core_.HandlePathState(now_, session_, PathState::kConnected, Status::Ok());
  EXPECT_THAT(Events(), ElementsAre("up"));
  core_.HandleAnswer(now_, Answer(7, "iiii"));  // the restart completes under a running path
  EXPECT_THAT(Events(), ElementsAre("answer"));
  EXPECT_EQ(core_.state(), ClientState::kConnected);
  EXPECT_EQ(core_.NextTimeout(), Timestamp::Max());
}

TEST_F(ClientRecoveryTest, AnUnansweredRestartGoesOnSlowlyWhileThePathWorks) {
  Connected();
  core_.HandleNetworkChanged(now_);
  MakeOffer("bbbb");
  Events();
  Advance(seconds(4));
  EXPECT_THAT(Seen(), IsEmpty());
  Advance(seconds(1));
  EXPECT_THAT(Seen(), ElementsAre("restart"));
}

TEST_F(ClientRecoveryTest, ReplacesTheSessionOfAForeignHostSoon) {
  Connected(false);
  LosePath();
  EXPECT_THAT(Events(), ElementsAre("down"));
  Advance(seconds(1));
  EXPECT_THAT(Seen(), ElementsAre("end", "start"));
}

TEST_F(ClientRecoveryTest, LetsAForeignHostsPathReturnByItself) {
  Connected(false);
  LosePath();
  Events();
  Advance(milliseconds(500));
  core_.HandlePathState(now_, session_, PathState::kConnected, Status::Ok());
  EXPECT_THAT(Events(), ElementsAre("up"));
  Advance(seconds(60));
  EXPECT_THAT(Seen(), IsEmpty());
}

TEST_F(ClientRecoveryTest, ReplacesTheSessionOfAForeignHostWhenSignalingReturns) {
  Connected(false);
  SignalingDown();
  LosePath();
  EXPECT_THAT(Events(), ElementsAre("down"));
  Advance(seconds(10));
  EXPECT_THAT(Seen(), IsEmpty());
  core_.HandleSignalingUp(now_);
  EXPECT_THAT(Events(), ElementsAre("end", "start"));
}

TEST_F(ClientRecoveryTest, DoesNotNoticeTheLossOfSignalingWhileConnected) {
  Connected();
  SignalingDown();
  Advance(std::chrono::hours(1));
  core_.HandleSignalingUp(now_);
  EXPECT_THAT(Events(), IsEmpty());
  EXPECT_THAT(Seen(), IsEmpty());
}

}  // namespace
}  // namespace ming::p2p
