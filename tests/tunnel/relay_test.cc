#include "ming/tunnel/relay.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "ming/support/fake_byte_stream.h"
#include "ming/support/fake_timer_service.h"
#include "ming/support/settle.h"
#include "ming/support/stream_user.h"

namespace ming::tunnel {
namespace {

using support::FakeByteStream;
using support::FakeByteStreamOptions;
using support::SettleOrFail;
using support::StreamUser;
using support::StreamUserPlan;

// left user -- (pair) -- relay -- (pair) -- right user
class RelayTest : public ::testing::Test, protected Relay::Observer {
 protected:
  void Build(const StreamUserPlan& left_plan, const StreamUserPlan& right_plan,
             const FakeByteStreamOptions& stream_options = {}, const RelayOptions& options = {}) {
    FakeByteStream::Pair left_pair = FakeByteStream::CreatePair(timers_, stream_options);
    FakeByteStream::Pair right_pair = FakeByteStream::CreatePair(timers_, stream_options);
    left_ = std::make_unique<StreamUser>(timers_, std::move(left_pair.first), left_plan, 1, 2);
    right_ = std::make_unique<StreamUser>(timers_, std::move(right_pair.first), right_plan, 2, 1);
    a_ = std::move(left_pair.second);
    b_ = std::move(right_pair.second);
    relay_ = CreateRelay(timers_, *a_, *b_, options, *this);
    relay_->Start();
  }

  void OnRelayDone(const Status& why, const RelayCounts& counts) override {
    EXPECT_FALSE(done_) << "done twice";
    done_ = why;
    counts_ = counts;
    timers_.DeferDelete(std::move(relay_));
    timers_.DeferDelete(std::move(a_));
    timers_.DeferDelete(std::move(b_));
  }

  void ExpectNothingLeft() {
    SettleOrFail(timers_);
    left_.reset();
    right_.reset();
    relay_.reset();
    a_.reset();
    b_.reset();
    EXPECT_EQ(timers_.alarm_count(), 0U);
  }

  support::FakeTimerService timers_;
  std::unique_ptr<StreamUser> left_;
  std::unique_ptr<StreamUser> right_;
  std::unique_ptr<FakeByteStream> a_;
  std::unique_ptr<FakeByteStream> b_;
  std::unique_ptr<Relay> relay_;
  std::optional<Status> done_;
  RelayCounts counts_;
};

StreamUserPlan Sends(uint64_t bytes) {
  StreamUserPlan plan;
  plan.send_bytes = bytes;
  return plan;
}

struct Mode {
  const char* name;
  size_t capacity;
  size_t read_chunk;
  size_t write_chunk;
  bool tells_end = true;
};

class RelayModesTest : public RelayTest, public ::testing::WithParamInterface<Mode> {};

TEST_P(RelayModesTest, CarriesBytesAndEndsBothWays) {
  FakeByteStreamOptions options;
  options.capacity = GetParam().capacity;
  options.read_chunk = GetParam().read_chunk;
  options.write_chunk = GetParam().write_chunk;
  options.tells_end = GetParam().tells_end;
  Build(Sends(30000), Sends(20001), options);
  SettleOrFail(timers_);
  ASSERT_TRUE(done_);
  EXPECT_TRUE(done_->ok()) << done_->ToString();
  EXPECT_EQ(counts_.a_to_b, 30000U);
  EXPECT_EQ(counts_.b_to_a, 20001U);
  EXPECT_EQ(right_->received(), 30000U);
  EXPECT_EQ(left_->received(), 20001U);
  EXPECT_TRUE(left_->intact() && right_->intact());
  EXPECT_TRUE(left_->read_end() && right_->read_end());
  ExpectNothingLeft();
}

INSTANTIATE_TEST_SUITE_P(All, RelayModesTest,
                         ::testing::Values(Mode{"Wide", 65536, 65536, 65536},
                                           Mode{"OneByteReads", 65536, 1, 65536},
                                           Mode{"OneByteWrites", 65536, 65536, 1},
                                           Mode{"Narrow", 3, 2, 3},
                                           Mode{"EndBehind", 65536, 65536, 65536, false}),
                         [](const auto& mode) { return std::string(mode.param.name); });

TEST_F(RelayTest, AnswersAfterTheEndOfTheRequest) {
  StreamUserPlan server = Sends(5000);
  server.answer_after_end = true;
  Build(Sends(1000), server);
  SettleOrFail(timers_);
  ASSERT_TRUE(done_);
  EXPECT_TRUE(done_->ok());
  EXPECT_EQ(right_->received(), 1000U);
  EXPECT_EQ(left_->received(), 5000U);
  ExpectNothingLeft();
}

TEST_F(RelayTest, OneDirectionStaysOpenAfterTheOtherEnded) {
  StreamUserPlan open = Sends(10);
  open.end = StreamUserPlan::End::kNever;
  Build(open, Sends(10));
  SettleOrFail(timers_);
  EXPECT_TRUE(left_->read_end());
  EXPECT_FALSE(right_->read_end());
  EXPECT_FALSE(done_);
  ExpectNothingLeft();
}

TEST_F(RelayTest, CarriesAResetFromEitherSide) {
  for (const bool from_left : {true, false}) {
    done_.reset();
    StreamUserPlan resets = Sends(100);
    resets.end = StreamUserPlan::End::kReset;
    StreamUserPlan waits = Sends(100);
    waits.end = StreamUserPlan::End::kNever;
    Build(from_left ? resets : waits, from_left ? waits : resets);
    SettleOrFail(timers_);
    ASSERT_TRUE(done_);
    EXPECT_FALSE(done_->ok());
    EXPECT_TRUE((from_left ? right_ : left_)->error());
    EXPECT_FALSE((from_left ? right_ : left_)->read_end());
    ExpectNothingLeft();
  }
}

TEST_F(RelayTest, TakesNoMoreThanTheSinkAndGoesOnWhenItMoves) {
  FakeByteStreamOptions options;
  options.capacity = 1000;
  StreamUserPlan stalled = Sends(0);
  stalled.read_limit = 500;
  Build(Sends(100000), stalled, options);
  SettleOrFail(timers_);
  EXPECT_EQ(relay_->counts().a_to_b, 1500U) << "what was read and one capacity of the sink";
  EXPECT_EQ(left_->sent(), 2500U) << "and one capacity of the source";
  right_->LiftReadLimit();
  SettleOrFail(timers_);
  EXPECT_EQ(right_->received(), 100000U);
  EXPECT_TRUE(right_->intact() && right_->read_end());
  ExpectNothingLeft();
}

TEST_F(RelayTest, YieldsAfterItsBudget) {
  RelayOptions options;
  options.turn_budget = 1000;
  Build(Sends(60000), Sends(0), {}, options);
  timers_.Step();  // the users write, the relay pumps
  timers_.Step();
  EXPECT_LE(relay_->counts().a_to_b, 2000U);
  EXPECT_GE(relay_->counts().a_to_b, 1000U);
  SettleOrFail(timers_);
  EXPECT_EQ(right_->received(), 60000U);
  ExpectNothingLeft();
}

TEST_F(RelayTest, IdleTimeoutResetsBothSides) {
  RelayOptions options;
  options.idle_timeout = std::chrono::seconds(30);
  StreamUserPlan silent = Sends(10);
  silent.end = StreamUserPlan::End::kNever;
  Build(silent, silent, {}, options);
  const Timestamp start = timers_.Now();
  SettleOrFail(timers_);
  ASSERT_TRUE(done_);
  EXPECT_EQ(done_->code(), StatusCode::kTimeout);
  EXPECT_EQ(timers_.Now(), start + std::chrono::seconds(30));
  EXPECT_TRUE(left_->error() && right_->error());
  ExpectNothingLeft();
}

TEST_F(RelayTest, HalfClosedTimeoutHoldsFromTheFirstEndOn) {
  RelayOptions options;
  options.half_close_timeout = std::chrono::seconds(30);
  StreamUserPlan silent = Sends(10);
  silent.end = StreamUserPlan::End::kNever;
  Build(silent, silent, {}, options);
  timers_.Advance(std::chrono::minutes(5));
  EXPECT_FALSE(done_);
  left_->stream().CloseWrite();
  timers_.Advance(std::chrono::milliseconds(1));
  right_->stream().Write(ByteBuffer::CopyOf("x"));  // the other direction moves
  timers_.Advance(std::chrono::seconds(29));
  EXPECT_FALSE(done_);
  timers_.Advance(std::chrono::seconds(2));
  ASSERT_TRUE(done_);
  EXPECT_EQ(done_->code(), StatusCode::kTimeout);
  ExpectNothingLeft();
}

TEST_F(RelayTest, MovingBytesKeepsAnIdleTimeoutAway) {
  RelayOptions options;
  options.idle_timeout = std::chrono::seconds(30);
  StreamUserPlan waits = Sends(10);
  waits.end = StreamUserPlan::End::kNever;
  StreamUserPlan stalled = waits;
  stalled.read_limit = 5;
  Build(waits, stalled, {}, options);
  timers_.Advance(std::chrono::seconds(20));
  const ByteBuffer more = ByteBuffer::CopyOf("x");
  left_->stream().Write(more);
  timers_.Advance(std::chrono::seconds(29));
  EXPECT_FALSE(done_);
  timers_.Advance(std::chrono::seconds(1));
  EXPECT_TRUE(done_);
  ExpectNothingLeft();
}

TEST_F(RelayTest, AbortResetsAtOnceAndIsReportedFromTheLoop) {
  StreamUserPlan waits = Sends(10);
  waits.end = StreamUserPlan::End::kNever;
  Build(waits, waits);
  SettleOrFail(timers_);
  relay_->Abort(Status(StatusCode::kClosed, "drained"));
  relay_->Abort(Status(StatusCode::kClosed, "again"));
  EXPECT_TRUE(a_->reset_by_us() && b_->reset_by_us());
  EXPECT_FALSE(done_) << "never inside the call";
  SettleOrFail(timers_);
  ASSERT_TRUE(done_);
  EXPECT_EQ(done_->message(), "drained");
  EXPECT_TRUE(left_->error() && right_->error());
  ExpectNothingLeft();
}

TEST_F(RelayTest, DestroyedEarlyItLeavesTheStreamsUnobserved) {
  StreamUserPlan waits = Sends(10);
  waits.end = StreamUserPlan::End::kNever;
  Build(waits, waits);
  SettleOrFail(timers_);
  relay_.reset();
  left_->ResetNow();
  SettleOrFail(timers_);
  EXPECT_FALSE(done_);
  ExpectNothingLeft();
}

TEST(RelayOptionsTest, RejectsWhatCannotWork) {
  RelayOptions options;
  EXPECT_TRUE(Validate(options).ok());
  options.idle_timeout = Duration::zero();
  EXPECT_FALSE(Validate(options).ok());
  options.idle_timeout.reset();
  options.turn_budget = 0;
  EXPECT_FALSE(Validate(options).ok());
}

}  // namespace
}  // namespace ming::tunnel
