#include "ming/p2p/host_sessions_core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "descriptions.h"

namespace ming::p2p {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

std::string NameOf(const HostEvent& event) {
  const auto number = [](SessionId id) { return std::to_string(id.value()); };
  struct Namer {
    std::string (*number)(SessionId);
    std::string operator()(const CreateSession& e) {
      return "create " + number(e.session) + " for " + e.client_id;
    }
    std::string operator()(const AcceptRestart& e) { return "restart " + number(e.session); }
    std::string operator()(const EndSession& e) { return "end " + number(e.session); }
    std::string operator()(const ApplyCandidate& e) {
      return "apply " + e.candidate.line + " to " + number(e.session);
    }
    std::string operator()(const SendAnswer& e) { return "answer " + e.client_id; }
    std::string operator()(const SendCandidateTo& e) {
      return "send " + e.candidate.line + " to " + e.client_id;
    }
    std::string operator()(const SendRefusal& e) { return "refuse " + e.client_id + ": " + e.text; }
    std::string operator()(const RequestRestart& e) { return "ask " + e.client_id; }
    std::string operator()(const ReconnectSignaling& /*e*/) { return "reconnect"; }
    std::string operator()(const HostEnded& e) {
      return "ended: " + std::string(TunnelEndName(e.end));
    }
  };
  return std::visit(Namer{+number}, event);
}

class HostSessionsCoreTest : public ::testing::Test {
 protected:
  explicit HostSessionsCoreTest(const HostSessionsOptions& options = {}) : core_(options) {
    core_.Start(now_);
  }

  std::vector<std::string> Events() {
    std::vector<std::string> names;
    while (auto event = core_.PollEvent()) names.push_back(NameOf(*event));
    EXPECT_TRUE(core_.IsConsistent());
    return names;
  }

  std::vector<std::string> Advance(Duration by) {
    const Timestamp until = now_ + by;
    std::vector<std::string> names;
    while (core_.NextTimeout() <= until) {
      now_ = std::max(now_, core_.NextTimeout());
      core_.HandleTimeout(now_);
      for (std::string& name : Events()) names.push_back(std::move(name));
    }
    now_ = until;
    return names;
  }

  // Session 1 of client "alice", answered.
  void Answered() {
    core_.HandleSignalingUp();
    core_.HandleOffer(now_, "alice", Offer(1, "aaaa"));
    core_.HandleLocalAnswer(SessionId(1), Answer(7, "hhhh"));
    EXPECT_THAT(Events(), ElementsAre("create 1 for alice", "answer alice"));
  }

  void Connected() {
    Answered();
    core_.HandlePathState(now_, SessionId(1), PathState::kConnected, Status::Ok());
    EXPECT_THAT(Events(), IsEmpty());
  }

  HostSessionsCore core_;
  Timestamp now_{seconds(100)};
};

TEST_F(HostSessionsCoreTest, AnswersAnOffer) {
  Connected();
  EXPECT_EQ(core_.session_count(), 1U);
  EXPECT_EQ(core_.connected_count(), 1U);
  EXPECT_EQ(core_.NextTimeout(), Timestamp::Max());
}

TEST_F(HostSessionsCoreTest, KeepsOneSessionForEveryClient) {
  core_.HandleSignalingUp();
  core_.HandleOffer(now_, "alice", Offer(1, "aaaa"));
  core_.HandleOffer(now_, "bob", Offer(2, "aaaa"));
  EXPECT_THAT(Events(), ElementsAre("create 1 for alice", "create 2 for bob"));
  core_.HandleLocalAnswer(SessionId(2), Answer(7, "hhhh"));
  core_.HandleLocalCandidate(SessionId(2), {"c", {}});
  EXPECT_THAT(Events(), ElementsAre("answer bob", "send c to bob"));
}

TEST_F(HostSessionsCoreTest, AnswersACopyOfTheOfferWithACopyOfTheAnswer) {
  Answered();
  core_.HandleLocalCandidate(SessionId(1), {"c", {}});
  Events();
  core_.HandleOffer(now_, "alice", Offer(1, "aaaa"));
  EXPECT_THAT(Events(), ElementsAre("answer alice", "send c to alice"));
  EXPECT_EQ(core_.session_count(), 1U);
}

TEST_F(HostSessionsCoreTest, RestartsIceOfTheRunningSession) {
  Connected();
  core_.HandleOffer(now_, "alice", Offer(1, "bbbb"));
  EXPECT_THAT(Events(), ElementsAre("restart 1"));
  core_.HandleLocalAnswer(SessionId(1), Answer(7, "iiii"));
  EXPECT_THAT(Events(), ElementsAre("answer alice"));
}

TEST_F(HostSessionsCoreTest, CountsCandidatesAnewAfterARestart) {
  Connected();
  core_.HandleLocalCandidate(SessionId(1), {"old", {}});
  for (int i = 0; i < 64; ++i) core_.HandleRemoteCandidate(now_, "alice", {"r", {}});
  core_.HandleOffer(now_, "alice", Offer(1, "bbbb"));
  core_.HandleLocalAnswer(SessionId(1), Answer(7, "iiii"));
  core_.HandleLocalCandidate(SessionId(1), {"new", {}});
  Events();
  core_.HandleRemoteCandidate(now_, "alice", {"r", {}});
  EXPECT_THAT(Events(), ElementsAre("apply r to 1"));
  core_.HandleOffer(now_, "alice", Offer(1, "bbbb"));
  EXPECT_THAT(Events(), ElementsAre("answer alice", "send new to alice"));
}

TEST_F(HostSessionsCoreTest, AnswersAnOfferThatChangesNothingWithACopy) {
  Connected();
  core_.HandleOffer(now_, "alice", Offer(1, "aaaa") + "a=x-later:1\r\n");
  EXPECT_THAT(Events(), ElementsAre("answer alice"));
}

TEST_F(HostSessionsCoreTest, ReplacesTheSessionForAnotherConnectionOfTheClient) {
  Connected();
  core_.HandleOffer(now_, "alice", Offer(2, "bbbb"));
  EXPECT_THAT(Events(), ElementsAre("end 1", "create 2 for alice"));
  EXPECT_EQ(core_.session_count(), 1U);
}

TEST_F(HostSessionsCoreTest, ReplacesTheSessionForAnotherCertificate) {
  Connected();
  core_.HandleOffer(now_, "alice", MakeSdp({codec::SdpKind::kOffer, 1, 9, "bbbb", true, 2, {}}));
  EXPECT_THAT(Events(), ElementsAre("end 1", "create 2 for alice"));
}

TEST_F(HostSessionsCoreTest, IgnoresReportsOfEndedSessions) {
  Connected();
  core_.HandleOffer(now_, "alice", Offer(2, "bbbb"));
  Events();
  core_.HandleLocalAnswer(SessionId(1), Answer(7, "hhhh"));
  core_.HandleLocalCandidate(SessionId(1), {"c", {}});
  core_.HandlePathState(now_, SessionId(1), PathState::kEnded, Status(StatusCode::kClosed, ""));
  core_.HandleSessionFailed(SessionId(1), Status(StatusCode::kInternal, "x"));
  EXPECT_THAT(Events(), IsEmpty());
  EXPECT_EQ(core_.session_count(), 1U);
}

TEST_F(HostSessionsCoreTest, GivesUpASessionThatNeverConnects) {
  Answered();
  EXPECT_THAT(Advance(milliseconds(29'999)), IsEmpty());
  EXPECT_THAT(Advance(milliseconds(1)), ElementsAre("end 1"));
  EXPECT_EQ(core_.session_count(), 0U);
}

TEST_F(HostSessionsCoreTest, GivesUpASessionWhosePathStaysLost) {
  Connected();
  EXPECT_THAT(Advance(seconds(1000)), IsEmpty());
  core_.HandlePathState(now_, SessionId(1), PathState::kDisconnected, Status::Ok());
  EXPECT_THAT(Advance(seconds(119)), IsEmpty());
  core_.HandlePathState(now_, SessionId(1), PathState::kConnected, Status::Ok());
  EXPECT_THAT(Advance(seconds(1000)), IsEmpty());
  core_.HandlePathState(now_, SessionId(1), PathState::kDisconnected, Status::Ok());
  EXPECT_THAT(Advance(seconds(120)), ElementsAre("end 1"));
}

TEST_F(HostSessionsCoreTest, CountsFromTheFirstReportOfALoss) {
  Connected();
  core_.HandlePathState(now_, SessionId(1), PathState::kDisconnected, Status::Ok());
  EXPECT_THAT(Advance(seconds(119)), IsEmpty());
  core_.HandlePathState(now_, SessionId(1), PathState::kDisconnected, Status::Ok());
  EXPECT_THAT(Advance(seconds(1)), ElementsAre("end 1"));
}

// Of a client that takes restart requests.
std::string MingOffer(const std::string& ufrag, uint64_t version = 2) {
  codec::MingFeatures features;
  features.restart_requests = true;
  features.protocol = TunnelProtocol::kTcp;
  return MakeSdp({codec::SdpKind::kOffer, 1, 1, ufrag, true, version, features});
}

class HostRecoveryTest : public HostSessionsCoreTest {
 protected:
  void MingConnected() {
    core_.HandleSignalingUp();
    core_.HandleOffer(now_, "alice", MingOffer("aaaa"));
    core_.HandleLocalAnswer(SessionId(1), Answer(7, "hhhh"));
    core_.HandlePathState(now_, SessionId(1), PathState::kConnected, Status::Ok());
    Events();
  }
  void LosePath() {
    core_.HandlePathState(now_, SessionId(1), PathState::kDisconnected, Status::Ok());
  }
  void SignalingDown() { core_.HandleSignalingDown(Status(StatusCode::kUnavailable, "lost")); }
};

TEST_F(HostRecoveryTest, AsksForARestartWhenTheNetworkChanges) {
  MingConnected();
  EXPECT_FALSE(core_.needs_signaling());
  core_.HandleNetworkChanged();
  EXPECT_THAT(Events(), ElementsAre("ask alice"));
  EXPECT_TRUE(core_.needs_signaling());
  core_.HandleOffer(now_, "alice", MingOffer("bbbb", 3));
  EXPECT_THAT(Events(), ElementsAre("restart 1"));
  EXPECT_FALSE(core_.needs_signaling());
}

TEST_F(HostRecoveryTest, AsksWhenSignalingReturns) {
  MingConnected();
  SignalingDown();
  core_.HandleNetworkChanged();
  EXPECT_THAT(Events(), IsEmpty());
  core_.HandleSignalingUp();
  EXPECT_THAT(Events(), ElementsAre("ask alice"));
}

TEST_F(HostRecoveryTest, AsksSilentClientsWhenSignalingReturns) {
  MingConnected();
  LosePath();
  EXPECT_TRUE(core_.needs_signaling());
  SignalingDown();
  core_.HandleSignalingUp();
  EXPECT_THAT(Events(), ElementsAre("ask alice"));
}

TEST_F(HostRecoveryTest, AsksNoClientThatDoesNotTakeIt) {
  Connected();
  core_.HandleNetworkChanged();
  LosePath();
  SignalingDown();
  core_.HandleSignalingUp();
  EXPECT_THAT(Events(), IsEmpty());
}

// A foreign client would take it for the answer to the offer of its next session.
TEST_F(HostRecoveryTest, RepeatsNoAnswerThatHasArrived) {
  MingConnected();
  core_.HandleOffer(now_, "alice", MingOffer("bbbb", 3));
  core_.HandleLocalAnswer(SessionId(1), Answer(7, "iiii"));
  Events();
  SignalingDown();
  core_.HandleSignalingUp();
  EXPECT_THAT(Events(), ElementsAre("answer alice"));
  core_.HandlePathState(now_, SessionId(1), PathState::kConnected, Status::Ok());
  LosePath();
  SignalingDown();
  core_.HandleSignalingUp();
  EXPECT_THAT(Events(), ElementsAre("ask alice"));
}

TEST_F(HostRecoveryTest, IgnoresAnOfferThatALaterOneOvertook) {
  MingConnected();
  core_.HandleOffer(now_, "alice", MingOffer("cccc", 4));
  EXPECT_THAT(Events(), ElementsAre("restart 1"));
  core_.HandleOffer(now_, "alice", MingOffer("bbbb", 3));
  EXPECT_THAT(Events(), IsEmpty());
}

TEST_F(HostRecoveryTest, ARestartThatCannotBeAcceptedKeepsTheSession) {
  MingConnected();
  LosePath();
  core_.HandleOffer(now_, "alice", MingOffer("bbbb", 3));
  core_.HandleSessionFailed(SessionId(1), Status(StatusCode::kUnavailable, "no address"));
  EXPECT_THAT(Events(), ElementsAre("restart 1"));
  EXPECT_EQ(core_.session_count(), 1U);
  core_.HandleOffer(now_, "alice", MingOffer("cccc", 4));
  EXPECT_THAT(Events(), ElementsAre("restart 1"));
}

TEST_F(HostRecoveryTest, RefusesClientsOfTheOtherProtocol) {
  core_.HandleSignalingUp();
  codec::MingFeatures udp;
  udp.protocol = TunnelProtocol::kUdp;
  core_.HandleOffer(now_, "alice", MakeSdp({codec::SdpKind::kOffer, 1, 1, "aaaa", true, 2, udp}));
  EXPECT_THAT(Events(),
              ElementsAre("refuse alice: " +
                          DescribeProtocolMismatch(TunnelProtocol::kTcp, TunnelProtocol::kUdp)));
  EXPECT_EQ(core_.session_count(), 0U);
}

TEST_F(HostSessionsCoreTest, DropsASessionThatEnded) {
  Connected();
  core_.HandlePathState(now_, SessionId(1), PathState::kEnded, Status(StatusCode::kClosed, "bye"));
  EXPECT_THAT(Events(), ElementsAre("end 1"));
  EXPECT_EQ(core_.session_count(), 0U);
}

TEST_F(HostSessionsCoreTest, TellsTheClientWhenTheOfferCannotBeUsed) {
  core_.HandleSignalingUp();
  core_.HandleOffer(now_, "alice", "v=0\r\n");
  EXPECT_THAT(Events(), ElementsAre(StartsWith("refuse alice: the offer cannot be used")));
  core_.HandleOffer(now_, "bob", Offer(1, "aaaa"));
  core_.HandleSessionFailed(SessionId(1), Status(StatusCode::kUnsupported, "no data channels"));
  EXPECT_THAT(Events(),
              ElementsAre("create 1 for bob",
                          "refuse bob: the offer cannot be used: no data channels", "end 1"));
}

TEST_F(HostSessionsCoreTest, KeepsTheSessionWhenAMalformedOfferComes) {
  Connected();
  core_.HandleOffer(now_, "alice", "v=0\r\n");
  EXPECT_THAT(Events(), IsEmpty());
  EXPECT_EQ(core_.connected_count(), 1U);
}

TEST_F(HostSessionsCoreTest, KeepsCandidatesThatOvertookTheirOffer) {
  core_.HandleSignalingUp();
  core_.HandleRemoteCandidate(now_, "alice", {"r1", {}});
  core_.HandleRemoteCandidate(now_, "alice", {"r2", "aaaa"});
  core_.HandleRemoteCandidate(now_, "alice", {"old", "zzzz"});
  EXPECT_THAT(Events(), IsEmpty());
  core_.HandleOffer(now_, "alice", Offer(1, "aaaa"));
  EXPECT_THAT(Events(), ElementsAre("create 1 for alice", "apply r1 to 1", "apply r2 to 1"));
  core_.HandleRemoteCandidate(now_, "alice", {"r3", {}});
  EXPECT_THAT(Events(), ElementsAre("apply r3 to 1"));
}

TEST_F(HostSessionsCoreTest, KeepsCandidatesThatOvertookTheirRestart) {
  Connected();
  core_.HandleRemoteCandidate(now_, "alice", {"new", "bbbb"});
  EXPECT_THAT(Events(), IsEmpty());
  core_.HandleOffer(now_, "alice", Offer(1, "bbbb"));
  EXPECT_THAT(Events(), ElementsAre("restart 1", "apply new to 1"));
}

TEST_F(HostSessionsCoreTest, ForgetsEarlyCandidatesAfterAWhile) {
  core_.HandleSignalingUp();
  core_.HandleRemoteCandidate(now_, "alice", {"r1", {}});
  Advance(seconds(10));
  core_.HandleOffer(now_, "alice", Offer(1, "aaaa"));
  EXPECT_THAT(Events(), ElementsAre("create 1 for alice"));
}

TEST_F(HostSessionsCoreTest, KeepsOnlyTheNewOnesOfEarlyCandidates) {
  core_.HandleSignalingUp();
  core_.HandleRemoteCandidate(now_, "alice", {"old", {}});
  Advance(seconds(10));
  core_.HandleRemoteCandidate(now_, "alice", {"new", {}});
  core_.HandleOffer(now_, "alice", Offer(1, "aaaa"));
  EXPECT_THAT(Events(), ElementsAre("create 1 for alice", "apply new to 1"));
}

TEST_F(HostSessionsCoreTest, BoundsTheCandidatesOfASession) {
  Answered();
  for (int i = 0; i < 65; ++i) core_.HandleRemoteCandidate(now_, "alice", {"r", {}});
  EXPECT_EQ(Events().size(), 64U);
  for (int i = 0; i < 65; ++i) core_.HandleLocalCandidate(SessionId(1), {"c", {}});
  EXPECT_EQ(Events().size(), 64U);
}

TEST_F(HostSessionsCoreTest, BoundsTheClientsWithEarlyCandidates) {
  core_.HandleSignalingUp();
  for (int i = 0; i < 65; ++i) {
    core_.HandleRemoteCandidate(now_, "c" + std::to_string(i), {"r", {}});
    ASSERT_TRUE(core_.IsConsistent());
  }
  core_.HandleOffer(now_, "c63", Offer(1, "aaaa"));
  core_.HandleOffer(now_, "c64", Offer(1, "aaaa"));
  EXPECT_THAT(Events(), ElementsAre("create 1 for c63", "apply r to 1", "create 2 for c64"));
  Advance(seconds(10));
  core_.HandleRemoteCandidate(now_, "late", {"r", {}});  // old ones made room
  core_.HandleOffer(now_, "late", Offer(1, "aaaa"));
  EXPECT_THAT(Events(), ElementsAre("create 3 for late", "apply r to 3"));
}

TEST_F(HostSessionsCoreTest, SendsNothingWhileSignalingIsDownAndAllOfItAfterwards) {
  core_.HandleSignalingUp();
  core_.HandleOffer(now_, "alice", Offer(1, "aaaa"));
  Events();
  core_.HandleSignalingDown(Status(StatusCode::kUnavailable, "lost"));
  core_.HandleLocalAnswer(SessionId(1), Answer(7, "hhhh"));
  core_.HandleLocalCandidate(SessionId(1), {"c", {}});
  EXPECT_THAT(Events(), IsEmpty());
  core_.HandleSignalingUp();
  EXPECT_THAT(Events(), ElementsAre("answer alice", "send c to alice"));
  core_.HandlePathState(now_, SessionId(1), PathState::kConnected, Status::Ok());
  core_.HandleSignalingDown(Status(StatusCode::kUnavailable, "lost"));
  core_.HandleSignalingUp();
  EXPECT_THAT(Events(), IsEmpty());  // a running path needs no signaling
}

TEST_F(HostSessionsCoreTest, GivesUpAfterTheWaitWithoutServer) {
  core_.HandleSignalingDown(Status(StatusCode::kUnavailable, "refused"));
  EXPECT_THAT(Advance(milliseconds(9'999)), IsEmpty());
  EXPECT_THAT(Advance(milliseconds(1)), ElementsAre("ended: server lost"));
}

TEST_F(HostSessionsCoreTest, WaitsForEverAfterTheFirstSuccess) {
  core_.HandleSignalingUp();
  core_.HandleSignalingDown(Status(StatusCode::kUnavailable, "refused"));
  EXPECT_THAT(Advance(std::chrono::hours(24)), IsEmpty());
}

TEST_F(HostSessionsCoreTest, EndsWhenRefusedAtTheStart) {
  core_.HandleSignalingRefused(now_, Status(StatusCode::kPermissionDenied, "bad token"));
  EXPECT_THAT(Events(), ElementsAre("ended: refused"));
}

TEST_F(HostSessionsCoreTest, ReconnectsAfterAPauseWhenRefusedLater) {
  Connected();
  core_.HandleSignalingRefused(now_, Status(StatusCode::kPermissionDenied, "bad token"));
  EXPECT_THAT(Advance(seconds(29)), IsEmpty());
  EXPECT_THAT(Advance(seconds(1)), ElementsAre("reconnect"));
  EXPECT_EQ(core_.connected_count(), 1U);
}

TEST_F(HostSessionsCoreTest, EndsWhenItMayNotRegister) {
  core_.HandleSignalingUp();
  core_.HandleRegistrationRefused(Status(StatusCode::kPermissionDenied, "not with this token"));
  EXPECT_THAT(Events(), ElementsAre("ended: refused"));
}

TEST_F(HostSessionsCoreTest, EndsWhenTheIdIsTaken) {
  core_.HandleSignalingUp();
  core_.HandleIdTaken(Status(StatusCode::kPermissionDenied, "host with ID 'x' already registered"));
  EXPECT_THAT(Events(), ElementsAre("ended: ID taken"));
}

TEST_F(HostSessionsCoreTest, MakesNoSessionWhileGoingAway) {
  Connected();
  core_.StopAccepting();
  core_.HandleOffer(now_, "bob", Offer(2, "aaaa"));
  core_.HandleOffer(now_, "alice", Offer(2, "aaaa"));
  EXPECT_THAT(Events(), ElementsAre("refuse bob: the host is going away",
                                    "refuse alice: the host is going away"));
  core_.HandleOffer(now_, "alice", Offer(1, "bbbb"));
  EXPECT_THAT(Events(), ElementsAre("restart 1"));
}

TEST_F(HostSessionsCoreTest, EndsEverySessionAndThenItself) {
  Connected();
  core_.HandleOffer(now_, "bob", Offer(2, "aaaa"));
  Events();
  core_.Close();
  core_.Close();
  core_.HandleOffer(now_, "carol", Offer(3, "aaaa"));
  EXPECT_THAT(Events(), ElementsAre("end 1", "end 2", "ended: stopped"));
  EXPECT_EQ(core_.NextTimeout(), Timestamp::Max());
}

class HostSessionLimitsTest : public HostSessionsCoreTest {
 protected:
  static HostSessionsOptions Small() {
    HostSessionsOptions options;
    options.max_sessions = 3;
    options.new_sessions = {1.0, 5.0};
    options.session_offers = {1.0, 2.0};
    return options;
  }
  HostSessionLimitsTest() : HostSessionsCoreTest(Small()) {}
};

TEST_F(HostSessionLimitsTest, RefusesSessionsAboveTheLimit) {
  for (int i = 1; i <= 3; ++i) {
    core_.HandleOffer(now_, "c" + std::to_string(i), Offer(1, "aaaa"));
  }
  EXPECT_EQ(Events().size(), 3U);
  core_.HandleOffer(now_, "c4", Offer(1, "aaaa"));
  EXPECT_THAT(Events(), ElementsAre("refuse c4: the host has as many sessions as it takes"));
  core_.HandleOffer(now_, "c3", Offer(2, "aaaa"));  // in place of its own
  EXPECT_THAT(Events(), ElementsAre("end 3", "create 4 for c3"));
}

TEST_F(HostSessionLimitsTest, PeersThatNeverComeMakeRoom) {
  for (int i = 1; i <= 3; ++i) {
    core_.HandleOffer(now_, "c" + std::to_string(i), Offer(1, "aaaa"));
    Advance(seconds(1));
  }
  core_.HandlePathState(now_, SessionId(1), PathState::kConnected, Status::Ok());
  Events();
  core_.HandleOffer(now_, "d", Offer(1, "aaaa"));  // the second is 2 s old
  EXPECT_THAT(Events(), ElementsAre("refuse d: the host has as many sessions as it takes"));
  Advance(seconds(3));
  core_.HandleOffer(now_, "d", Offer(1, "aaaa"));
  EXPECT_THAT(Events(), ElementsAre("end 2", "create 4 for d"));
}

TEST_F(HostSessionLimitsTest, SessionsThatLostTheirPathKeepTheirPlace) {
  core_.HandleSignalingUp();
  for (int i = 1; i <= 3; ++i) {
    core_.HandleOffer(now_, "c" + std::to_string(i), Offer(1, "aaaa"));
    core_.HandlePathState(now_, SessionId(static_cast<uint64_t>(i)), PathState::kConnected,
                          Status::Ok());
    core_.HandlePathState(now_, SessionId(static_cast<uint64_t>(i)), PathState::kDisconnected,
                          Status::Ok());
  }
  Events();
  Advance(seconds(20));
  core_.HandleOffer(now_, "d", Offer(1, "aaaa"));
  EXPECT_THAT(Events(), ElementsAre("refuse d: the host has as many sessions as it takes"));
}

TEST_F(HostSessionLimitsTest, BoundsTheRateOfNewSessions) {
  for (uint64_t i = 1; i <= 5; ++i) {
    core_.HandleOffer(now_, "alice" + std::to_string(i % 2), Offer(i, "aaaa"));
  }
  EXPECT_EQ(Events().size(), 2U + 3U * 2U);
  core_.HandleOffer(now_, "bob", Offer(9, "aaaa"));
  EXPECT_THAT(Events(), IsEmpty());
  Advance(seconds(1));
  core_.HandleOffer(now_, "bob", Offer(9, "aaaa"));
  EXPECT_THAT(Events(), ElementsAre("create 6 for bob"));
}

TEST_F(HostSessionLimitsTest, BoundsTheRateOfOffersToOneSession) {
  Connected();
  core_.HandleOffer(now_, "alice", Offer(1, "bbbb"));
  core_.HandleOffer(now_, "alice", Offer(1, "cccc"));
  core_.HandleOffer(now_, "alice", Offer(1, "dddd"));
  EXPECT_THAT(Events(), ElementsAre("restart 1", "restart 1"));
  Advance(seconds(1));
  core_.HandleOffer(now_, "alice", Offer(1, "dddd"));
  EXPECT_THAT(Events(), ElementsAre("restart 1"));
}

TEST(HostSessionsOptionsTest, NamesEveryValueOutOfRange) {
  HostSessionsOptions options;
  EXPECT_TRUE(options.Validate().ok());
  options.max_sessions = 0;
  options.new_sessions.burst = 0;
  const std::string problems = options.Validate().message();
  EXPECT_NE(problems.find("max_sessions"), std::string::npos);
  EXPECT_NE(problems.find("new_sessions"), std::string::npos);
}

}  // namespace
}  // namespace ming::p2p
