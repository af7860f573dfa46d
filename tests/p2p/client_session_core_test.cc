#include "ming/p2p/client_session_core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "ming/base/random.h"

#include "client_core_fixture.h"
#include "descriptions.h"

namespace ming::p2p {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_F(ClientSessionCoreTest, ConnectsThroughOfferAndAnswer) {
  Connected();
  EXPECT_TRUE(core_.ever_connected());
  EXPECT_EQ(core_.NextTimeout(), Timestamp::Max());
}

TEST_F(ClientSessionCoreTest, OffersNothingWithoutSignaling) {
  EXPECT_THAT(Events(), IsEmpty());
  Advance(seconds(9));
  EXPECT_THAT(Seen(), IsEmpty());
}

TEST_F(ClientSessionCoreTest, GivesUpAfterTheWaitWithoutServer) {
  Advance(seconds(9));
  SignalingDown();
  EXPECT_THAT(Events(), IsEmpty());
  Advance(seconds(1));
  EXPECT_THAT(Seen(), ElementsAre("ended: server lost"));
  EXPECT_EQ(end_why_.message(), "connection lost");
  EXPECT_EQ(core_.state(), ClientState::kClosed);
}

TEST_F(ClientSessionCoreTest, GivesUpAfterTheWaitWithoutHost) {
  Offered();
  for (int i = 0; i < 30 && core_.state() != ClientState::kClosed; ++i) {
    NotFound();
    Advance(seconds(1));
  }
  EXPECT_EQ(Seen().back(), "ended: host not found");
  EXPECT_EQ(end_why_.message(), "target host 'myhost' not found");
}

TEST_F(ClientSessionCoreTest, GivesUpAfterTheWaitWithoutAnswer) {
  Offered();
  Advance(seconds(10));
  EXPECT_THAT(Seen(), ElementsAre("offer", "end", "ended: host not found"));
  EXPECT_EQ(end_why_.message(), "host 'myhost' does not answer");
}

TEST_F(ClientSessionCoreTest, LetsAnAttemptFinishBeyondTheWait) {
  Advance(seconds(8));
  Connecting();
  Advance(seconds(14));
  EXPECT_THAT(Seen(), IsEmpty());
  Advance(seconds(1));
  EXPECT_THAT(Seen(), ElementsAre("end", "ended: no path"));
}

TEST_F(ClientSessionCoreTest, EndsAsRefusedWhenTheHostIsNotWhoItSaid) {
  Advance(seconds(9));
  Connecting();
  Advance(seconds(2));
  core_.HandlePathState(now_, session_, PathState::kEnded,
                        Status(StatusCode::kPermissionDenied, "wrong certificate"));
  EXPECT_THAT(Events(), ElementsAre("end", "ended: refused"));
}

TEST_F(ClientSessionCoreTest, EndsAtOnceWhenRefusedAtTheStart) {
  core_.HandleSignalingRefused(now_, Status(StatusCode::kPermissionDenied, "bad token"));
  EXPECT_THAT(Events(), ElementsAre("ended: refused"));
  EXPECT_EQ(core_.NextTimeout(), Timestamp::Max());
}

TEST_F(ClientSessionCoreTest, ReconnectsAfterAPauseWhenRefusedLater) {
  Connected();
  core_.HandleSignalingRefused(now_, Status(StatusCode::kPermissionDenied, "bad token"));
  EXPECT_THAT(Events(), IsEmpty());
  Advance(seconds(29));
  EXPECT_THAT(Seen(), IsEmpty());
  Advance(seconds(1));
  EXPECT_THAT(Seen(), ElementsAre("reconnect"));
  EXPECT_EQ(core_.state(), ClientState::kConnected);
}

TEST_F(ClientSessionCoreTest, RepeatsTheSameOfferWhileTheHostIsNotThere) {
  Offered();
  core_.HandleLocalCandidate(now_, session_, {"c1", {}});
  EXPECT_THAT(Events(), ElementsAre("send c1"));
  NotFound();
  NotFound();  // for the candidate
  core_.HandleLocalCandidate(now_, session_, {"c2", {}});
  EXPECT_THAT(Events(), IsEmpty());
  Advance(milliseconds(500));
  EXPECT_THAT(Seen(), ElementsAre("offer", "send c1", "send c2"));
}

TEST_F(ClientSessionCoreTest, LooksForTheHostAtLeastEveryThreeSecondsForEver) {
  Connected();
  core_.HandlePathState(now_, session_, PathState::kEnded, Status(StatusCode::kClosed, "bye"));
  EXPECT_THAT(Events(), ElementsAre("down", "end"));
  Advance(seconds(1));
  EXPECT_THAT(Seen(), ElementsAre("start"));
  MakeOffer();
  for (int i = 0; i < 100; ++i) {
    Events();
    NotFound();
    Advance(seconds(3));
    const std::vector<std::string> seen = Seen();
    ASSERT_FALSE(seen.empty()) << "round " << i;
    if (seen.back() == "start") MakeOffer();  // the offer had aged
  }
}

TEST_F(ClientSessionCoreTest, MakesANewOfferWhenTheOldOneHasAged) {
  Connected();
  core_.HandlePathState(now_, session_, PathState::kEnded, Status(StatusCode::kClosed, "bye"));
  Advance(seconds(1));
  const SessionId first = session_;
  MakeOffer();
  Advance(seconds(31));
  EXPECT_NE(session_, first);
  EXPECT_EQ(Seen().back(), "start");
}

TEST_F(ClientSessionCoreTest, RepeatsAnUnansweredOfferWordByWord) {
  Offered();
  Advance(seconds(5));
  EXPECT_THAT(Seen(), ElementsAre("offer"));
}

TEST_F(ClientSessionCoreTest, RepeatsThePendingOfferWhenSignalingReturns) {
  Offered();
  SignalingDown();
  core_.HandleLocalCandidate(now_, session_, {"c1", {}});
  Advance(seconds(6));
  EXPECT_THAT(Seen(), IsEmpty());
  core_.HandleSignalingUp(now_);
  EXPECT_THAT(Events(), ElementsAre("offer", "send c1"));
}

TEST_F(ClientSessionCoreTest, RepeatsCandidatesWhenSignalingReturnsWhileConnecting) {
  Offered();
  core_.HandleLocalCandidate(now_, session_, {"c1", {}});
  core_.HandleAnswer(now_, Answer(7, "hhhh"));
  Events();
  SignalingDown();
  core_.HandleLocalCandidate(now_, session_, {"c2", {}});
  EXPECT_THAT(Events(), IsEmpty());
  core_.HandleSignalingUp(now_);
  EXPECT_THAT(Events(), ElementsAre("send c1", "send c2"));
}

TEST_F(ClientSessionCoreTest, HoldsCandidatesOfTheHostUntilItsAnswer) {
  Offered();
  core_.HandleRemoteCandidate(now_, {"r1", {}});
  core_.HandleRemoteCandidate(now_, {"r2", "hhhh"});
  core_.HandleRemoteCandidate(now_, {"old", "zzzz"});
  EXPECT_THAT(Events(), IsEmpty());
  core_.HandleAnswer(now_, Answer(7, "hhhh"));
  EXPECT_THAT(Events(), ElementsAre("answer", "apply r1", "apply r2"));
  core_.HandleRemoteCandidate(now_, {"r3", "hhhh"});
  core_.HandleRemoteCandidate(now_, {"stale", "zzzz"});
  EXPECT_THAT(Events(), ElementsAre("apply r3"));
}

TEST_F(ClientSessionCoreTest, HoldsNoMoreCandidatesThanItsLimit) {
  Offered();
  for (int i = 0; i < 65; ++i) core_.HandleRemoteCandidate(now_, {"r" + std::to_string(i), {}});
  core_.HandleAnswer(now_, Answer(7, "hhhh"));
  EXPECT_EQ(Events().size(), 1U + 64U);
}

TEST_F(ClientSessionCoreTest, KeepsNoMoreLocalCandidatesThanItsLimit) {
  Offered();
  for (int i = 0; i < 65; ++i) core_.HandleLocalCandidate(now_, session_, {"c", {}});
  EXPECT_EQ(Events().size(), 64U);
}

TEST_F(ClientSessionCoreTest, IgnoresAnswersNobodyWaitsFor) {
  core_.HandleAnswer(now_, Answer(7, "hhhh"));
  Connected();
  core_.HandleAnswer(now_, Answer(8, "iiii"));
  core_.HandleAnswer(now_, "not a description");
  EXPECT_THAT(Events(), IsEmpty());
  EXPECT_EQ(core_.state(), ClientState::kConnected);
}

TEST_F(ClientSessionCoreTest, IgnoresACopyOfTheAnswer) {
  Connecting();
  core_.HandleAnswer(now_, Answer(7, "hhhh"));
  EXPECT_THAT(Events(), IsEmpty());
  EXPECT_EQ(core_.state(), ClientState::kConnecting);
}

TEST_F(ClientSessionCoreTest, StartsOverWhenASecondAnswerDiffers) {
  Connecting(false);
  core_.HandleAnswer(now_, Answer(8, "iiii", false));
  EXPECT_THAT(Events(), ElementsAre("end"));
  Advance(seconds(1));
  EXPECT_THAT(Seen(), ElementsAre("start"));
}

TEST_F(ClientSessionCoreTest, TriesAgainAfterAnAnswerThatDoesNotParse) {
  Offered();
  core_.HandleAnswer(now_, "v=0\r\n");
  EXPECT_THAT(Events(), ElementsAre("end"));
  EXPECT_EQ(core_.state(), ClientState::kBackingOff);
  Advance(seconds(1));
  EXPECT_THAT(Seen(), ElementsAre("start"));
}

TEST_F(ClientSessionCoreTest, TriesAgainAfterARefusalOfTheHost) {
  Offered();
  core_.HandleSignalingError(now_, "the host has as many sessions as it takes");
  EXPECT_THAT(Events(), ElementsAre("end"));
  Advance(seconds(9));
  for (int i = 0; i < 20 && core_.state() != ClientState::kClosed; ++i) {
    MakeOffer();
    core_.HandleSignalingError(now_, "the host has as many sessions as it takes");
    Events();
    Advance(seconds(3));
  }
  EXPECT_EQ(Seen().back(), "ended: refused");
}

TEST_F(ClientSessionCoreTest, IgnoresReportsOfFormerSessions) {
  Connecting();
  const SessionId former = session_;
  core_.HandleSessionFailed(now_, former, Status(StatusCode::kInternal, "broken"));
  EXPECT_THAT(Events(), ElementsAre("end"));
  Advance(seconds(1));
  EXPECT_THAT(Seen(), ElementsAre("start"));
  core_.HandleLocalOffer(now_, former, Offer(1, "aaaa"));
  core_.HandleLocalCandidate(now_, former, {"c", {}});
  core_.HandlePathState(now_, former, PathState::kConnected, Status::Ok());
  core_.HandlePathState(now_, former, PathState::kEnded, Status(StatusCode::kClosed, ""));
  core_.HandleSessionFailed(now_, former, Status(StatusCode::kInternal, "broken"));
  EXPECT_THAT(Events(), IsEmpty());
  EXPECT_EQ(core_.state(), ClientState::kOffering);
}

// A core that has come `steps` far: waiting, started, offering, connecting, connected, recovering,
// backing off.
void Walk(ClientSessionCore& core, Timestamp now, int steps) {
  const SessionId session(1);
  core.Start(now);
  if (steps >= 1) core.HandleSignalingUp(now);
  if (steps >= 2) core.HandleLocalOffer(now, session, Offer(1, "aaaa"));
  if (steps >= 3) core.HandleAnswer(now, Answer(7, "hhhh"));
  if (steps >= 4) core.HandlePathState(now, session, PathState::kConnected, Status::Ok());
  if (steps >= 5) core.HandlePathState(now, session, PathState::kDisconnected, Status::Ok());
  if (steps >= 6) core.HandleSessionFailed(now, session, Status(StatusCode::kInternal, "x"));
}

class ClientSessionEndTest : public ::testing::TestWithParam<int> {};

TEST_P(ClientSessionEndTest, EndsOnce) {
  const Timestamp now(seconds(100));
  SeededRandom random(1);
  ClientSessionCore core(ClientSessionOptions(), "myhost", random);
  Walk(core, now, GetParam());
  core.Close(now);
  core.Close(now);
  core.HandleSignalingUp(now);
  std::vector<std::string> events;
  while (const auto event = core.PollEvent()) events.push_back(NameOf(*event));
  EXPECT_EQ(events.back(), "ended: stopped");
  EXPECT_EQ(std::count(events.begin(), events.end(), "start"),
            std::count(events.begin(), events.end(), "end"));
  EXPECT_EQ(core.NextTimeout(), Timestamp::Max());
  EXPECT_TRUE(core.IsConsistent());
}

INSTANTIATE_TEST_SUITE_P(EveryState, ClientSessionEndTest, ::testing::Range(0, 7));

TEST(ClientSessionOptionsTest, NamesEveryValueOutOfRange) {
  ClientSessionOptions options;
  EXPECT_TRUE(options.Validate().ok());
  options.wait = milliseconds(99);
  options.max_candidates = 0;
  options.retry.initial = seconds(4);
  const std::string problems = options.Validate().message();
  EXPECT_NE(problems.find("wait"), std::string::npos);
  EXPECT_NE(problems.find("max_candidates"), std::string::npos);
  EXPECT_NE(problems.find("retry.initial"), std::string::npos);
}

}  // namespace
}  // namespace ming::p2p
