// One ClientSessionCore, its clock and a shell that makes offers.
#ifndef MING_TESTS_P2P_CLIENT_CORE_FIXTURE_H_
#define MING_TESTS_P2P_CLIENT_CORE_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "ming/base/random.h"
#include "ming/p2p/client_session_core.h"

#include "descriptions.h"

namespace ming::p2p {

inline std::string NameOf(const ClientEvent& event) {
  struct Namer {
    std::string operator()(const StartSession& /*e*/) { return "start"; }
    std::string operator()(const RestartIce& /*e*/) { return "restart"; }
    std::string operator()(const EndSession& /*e*/) { return "end"; }
    std::string operator()(const ApplyAnswer& /*e*/) { return "answer"; }
    std::string operator()(const ApplyCandidate& e) { return "apply " + e.candidate.line; }
    std::string operator()(const SendOffer& /*e*/) { return "offer"; }
    std::string operator()(const SendCandidate& e) { return "send " + e.candidate.line; }
    std::string operator()(const PathUp& /*e*/) { return "up"; }
    std::string operator()(const PathDown& /*e*/) { return "down"; }
    std::string operator()(const ReconnectSignaling& /*e*/) { return "reconnect"; }
    std::string operator()(const ClientEnded& e) {
      return "ended: " + std::string(TunnelEndName(e.end));
    }
  };
  return std::visit(Namer{}, event);
}

// One core and its clock; plays the shell that makes offers.
class ClientSessionCoreTest : public ::testing::Test {
 protected:
  ClientSessionCoreTest() : core_(ClientSessionOptions(), "myhost", random_) { core_.Start(now_); }

  // What the core asked for since the last call, in words.
  std::vector<std::string> Events() {
    std::vector<std::string> names;
    while (auto event = core_.PollEvent()) {
      EXPECT_TRUE(core_.IsConsistent());
      names.push_back(NameOf(*event));
      if (const auto* start = std::get_if<StartSession>(&*event)) session_ = start->session;
      if (const auto* end = std::get_if<ClientEnded>(&*event)) end_why_ = end->why;
    }
    return names;
  }

  void Advance(Duration by) {
    const Timestamp until = now_ + by;
    while (core_.NextTimeout() <= until) {
      now_ = std::max(now_, core_.NextTimeout());
      core_.HandleTimeout(now_);
      ASSERT_TRUE(core_.IsConsistent());
      for (std::string& name : Events()) seen_.push_back(std::move(name));
    }
    now_ = until;
  }

  // What happened during Advance.
  std::vector<std::string> Seen() { return std::exchange(seen_, {}); }

  void MakeOffer(const std::string& ufrag = "aaaa") {
    core_.HandleLocalOffer(now_, session_, Offer(session_.value(), ufrag));
  }

  // Of the host, a ming that says which offer it answers.
  static std::string AnswerTo(const std::string& offer_ufrag, const std::string& ufrag) {
    codec::MingFeatures features;
    features.answers = offer_ufrag;
    return MakeSdp({codec::SdpKind::kAnswer, 7, 2, ufrag, true, 2, features});
  }

  // Up to the answer.
  void Offered() {
    core_.HandleSignalingUp(now_);
    EXPECT_THAT(Events(), ::testing::ElementsAre("start"));
    MakeOffer();
    EXPECT_THAT(Events(), ::testing::ElementsAre("offer"));
  }

  void Connecting(bool ming = true) {
    Offered();
    core_.HandleAnswer(now_, Answer(7, "hhhh", ming));
    EXPECT_THAT(Events(), ::testing::ElementsAre("answer"));
  }

  void Connected(bool ming = true) {
    Connecting(ming);
    core_.HandlePathState(now_, session_, PathState::kConnected, Status::Ok());
    EXPECT_THAT(Events(), ::testing::ElementsAre("up"));
    ASSERT_EQ(core_.state(), ClientState::kConnected);
  }

  void LosePath() {
    core_.HandlePathState(now_, session_, PathState::kDisconnected,
                          Status(StatusCode::kTimeout, "nothing heard"));
  }

  void NotFound() { core_.HandleHostNotFound(now_, "target host 'myhost' not found"); }
  void SignalingDown() {
    core_.HandleSignalingDown(now_, Status(StatusCode::kUnavailable, "connection lost"));
  }

  SeededRandom random_{1};
  ClientSessionCore core_;
  Timestamp now_{std::chrono::seconds(100)};
  SessionId session_;
  Status end_why_;
  std::vector<std::string> seen_;
};

}  // namespace ming::p2p

#endif  // MING_TESTS_P2P_CLIENT_CORE_FIXTURE_H_
