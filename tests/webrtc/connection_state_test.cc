#include "ming/webrtc/connection_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace ming::webrtc {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using State = ConnectionState;

class ConnectionStateTest : public ::testing::Test {
 protected:
  std::vector<State> Drain() {
    std::vector<State> states;
    while (auto event = core_.PollEvent()) {
      states.push_back(event->state);
      last_ = event->why;
    }
    return states;
  }
  void Connect() {
    core_.HandleStart(now_);
    core_.HandleTransportUp(now_);
    EXPECT_THAT(Drain(), ElementsAre(State::kConnecting, State::kConnected));
  }
  // Time passes up to the next timeout.
  void Expire() {
    ASSERT_NE(core_.NextTimeout(), Timestamp::Max());
    now_ = core_.NextTimeout();
    core_.HandleTimeout(now_);
  }

  ConnectionStateCore core_{LivenessOptions()};
  Timestamp now_{seconds(100)};
  Status last_;
};

TEST_F(ConnectionStateTest, StaysNewWithoutADescription) {
  EXPECT_EQ(core_.state(), State::kNew);
  EXPECT_EQ(core_.NextTimeout(), Timestamp::Max());
  core_.HandleInbound(now_);
  core_.HandleTransportUp(now_);
  core_.HandleTimeout(Timestamp(seconds(100000)));
  EXPECT_THAT(Drain(), IsEmpty());
}

TEST_F(ConnectionStateTest, FailsWhenItDoesNotConnectInTime) {
  core_.HandleStart(now_);
  core_.HandleTimeout(now_ + seconds(29));
  EXPECT_THAT(Drain(), ElementsAre(State::kConnecting));
  Expire();
  EXPECT_EQ(now_, Timestamp(seconds(130)));
  EXPECT_THAT(Drain(), ElementsAre(State::kFailed));
  EXPECT_EQ(last_.code(), StatusCode::kTimeout);
}

TEST_F(ConnectionStateTest, FailsWhenNoPathIsFound) {
  core_.HandleStart(now_);
  core_.HandlePathLost("no path");
  EXPECT_THAT(Drain(), ElementsAre(State::kConnecting, State::kFailed));
  EXPECT_EQ(last_.code(), StatusCode::kUnavailable);
}

TEST_F(ConnectionStateTest, IsDisconnectedAfterSilenceAndBackWithThePeer) {
  Connect();
  now_ = now_ + seconds(2);
  core_.HandleInbound(now_);
  core_.HandleTimeout(now_ + seconds(2));
  EXPECT_THAT(Drain(), IsEmpty());
  Expire();
  EXPECT_EQ(now_, Timestamp(seconds(105)));
  EXPECT_THAT(Drain(), ElementsAre(State::kDisconnected));
  core_.HandleInbound(now_ + seconds(1));
  EXPECT_THAT(Drain(), ElementsAre(State::kConnected));
  EXPECT_EQ(core_.NextTimeout(), now_ + seconds(4));
}

TEST_F(ConnectionStateTest, FailsAfterTooLongASilence) {
  Connect();
  Expire();
  Expire();
  EXPECT_EQ(now_, Timestamp(seconds(118)));
  EXPECT_THAT(Drain(), ElementsAre(State::kDisconnected, State::kFailed));
  EXPECT_EQ(last_.code(), StatusCode::kTimeout);
  EXPECT_EQ(last_.message(), "nothing from the peer for 18s");
}

TEST_F(ConnectionStateTest, SilenceAloneDecidesOnceItWasConnected) {
  Connect();
  core_.HandlePathLost("no path");
  EXPECT_THAT(Drain(), IsEmpty());
  Expire();
  core_.HandlePathLost("no path");
  EXPECT_THAT(Drain(), ElementsAre(State::kDisconnected));
  core_.HandleInbound(now_ + seconds(3));
  EXPECT_THAT(Drain(), ElementsAre(State::kConnected));
}

TEST_F(ConnectionStateTest, TheEndIsFinal) {
  Connect();
  core_.HandleClosed(Status::Ok());
  core_.HandleFailure(Status(StatusCode::kInternal, "late"));
  core_.HandlePathLost("no path");
  core_.HandleInbound(now_);
  core_.HandleStart(now_);
  core_.HandleTransportUp(now_);
  core_.HandleTimeout(now_ + seconds(1000));
  core_.HandleClosed(Status(StatusCode::kClosed, "again"));
  EXPECT_THAT(Drain(), ElementsAre(State::kClosed));
  EXPECT_TRUE(last_.ok());
  EXPECT_EQ(core_.NextTimeout(), Timestamp::Max());
}

TEST(LivenessOptionsTest, TimesMustBePositive) {
  EXPECT_TRUE(Validate(LivenessOptions()).ok());
  LivenessOptions options;
  options.disconnected_after = Duration::zero();
  EXPECT_FALSE(Validate(options).ok());
}

}  // namespace
}  // namespace ming::webrtc
