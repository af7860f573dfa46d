#include "ming/tunnel/tunnel_connection.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ming/support/settle.h"
#include "ming/tunnel/copy_relay.h"

#include "tunnel_world.h"

namespace ming::tunnel {
namespace {

using support::SettleOrFail;
using support::StreamUserPlan;

StreamUserPlan Sends(uint64_t bytes, StreamUserPlan::End end = StreamUserPlan::End::kAfterSending) {
  StreamUserPlan plan;
  plan.send_bytes = bytes;
  plan.end = end;
  return plan;
}

struct Mode {
  std::string name;
  TunnelWorldOptions options;
};

std::vector<Mode> AllModes() {
  std::vector<Mode> modes;
  TunnelWorldOptions options;
  modes.push_back({"Foreign", options});
  UseMingTerms(options, 1 << 20);
  modes.push_back({"Ming", options});
  UseMingTerms(options, 100);
  modes.push_back({"MingTinyCredit", options});
  options.opener_terms.credit.reset();
  options.acceptor_terms.credit.reset();
  modes.push_back({"HalfCloseOnly", options});
  UseMingTerms(options, 5000);
  options.opener_terms.half_close = false;
  options.acceptor_terms.half_close = false;
  modes.push_back({"CreditOnly", options});
  UseMingTerms(options, 1 << 20);
  options.opener_terms.max_message_bytes = 1;
  options.acceptor_terms.max_message_bytes = 1;
  modes.push_back({"OneByteMessages", options});
  UseMingTerms(options, 1 << 20);
  options.streams.capacity = 7;
  options.streams.read_chunk = 1;
  modes.push_back({"OneByteStreams", options});
  UseMingTerms(options, 1 << 20);
  options.streams = {};
  options.channel.queue_bytes = 50;
  options.channel.max_delay = std::chrono::milliseconds(50);
  modes.push_back({"NarrowSlowChannel", options});
  return modes;
}

class TunnelModesTest : public ::testing::TestWithParam<Mode> {};

TEST_P(TunnelModesTest, BytesArriveBothWaysAndEndInOrder) {
  TunnelWorldOptions options = GetParam().options;
  options.app = Sends(10000);
  options.target = Sends(12345);
  TunnelWorld world(options);
  world.ConnectTarget();
  SettleOrFail(world.timers(), 2000000);
  EXPECT_EQ(world.app().received(), 12345U);
  EXPECT_EQ(world.target()->received(), 10000U);
  EXPECT_TRUE(world.app().intact() && world.target()->intact());
  EXPECT_TRUE(world.app().read_end() && world.target()->read_end());
  ASSERT_TRUE(world.client_ended() && world.host_ended());
  EXPECT_TRUE(world.client_ended()->ok()) << world.client_ended()->ToString();
  EXPECT_TRUE(world.host_ended()->ok()) << world.host_ended()->ToString();
  world.ExpectNothingLeft();
}

TEST_P(TunnelModesTest, BytesBeforeTheTargetIsThereAreKept) {
  TunnelWorldOptions options = GetParam().options;
  options.app = Sends(3000, StreamUserPlan::End::kNever);
  options.target = Sends(0, StreamUserPlan::End::kNever);
  TunnelWorld world(options);
  world.timers().Advance(std::chrono::seconds(1));
  world.ConnectTarget();
  world.timers().Advance(std::chrono::seconds(100));
  EXPECT_EQ(world.target()->received(), 3000U);
  EXPECT_TRUE(world.target()->intact());
  world.app().ResetNow();
  world.target()->ResetNow();
  world.ExpectNothingLeft();
}

TEST_P(TunnelModesTest, LostPathResetsBothApplications) {
  TunnelWorldOptions options = GetParam().options;
  options.app = Sends(1000, StreamUserPlan::End::kNever);
  options.target = Sends(1000, StreamUserPlan::End::kNever);
  TunnelWorld world(options);
  world.ConnectTarget();
  SettleOrFail(world.timers(), 2000000);
  world.FailPath();
  SettleOrFail(world.timers());
  EXPECT_TRUE(world.app().error());
  EXPECT_TRUE(world.target()->error());
  EXPECT_FALSE(world.app().read_end() || world.target()->read_end());
  world.ExpectNothingLeft();
}

TEST_P(TunnelModesTest, RefusedTargetResetsTheApplicationAtOnce) {
  TunnelWorldOptions options = GetParam().options;
  options.app = Sends(1000, StreamUserPlan::End::kNever);
  TunnelWorld world(options);
  world.timers().Step();
  const Timestamp start = world.timers().Now();
  world.host()->Refuse(Status(StatusCode::kUnavailable, "connection refused"));
  ASSERT_TRUE(world.timers().RunUntil([&] { return world.app().error().has_value(); }, 10000));
  EXPECT_LE(world.timers().Now() - start, std::chrono::seconds(4));
  if (options.opener_terms.half_close) {
    EXPECT_NE(world.client_ended()->message().find("connection refused"), std::string::npos);
  }
  world.ExpectNothingLeft();
}

TEST_P(TunnelModesTest, AbortOfEitherSideReachesTheOther) {
  for (const bool client_aborts : {true, false}) {
    TunnelWorldOptions options = GetParam().options;
    options.app = Sends(1000, StreamUserPlan::End::kNever);
    options.target = Sends(1000, StreamUserPlan::End::kAfterReading);
    TunnelWorld world(options);
    world.ConnectTarget();
    SettleOrFail(world.timers(), 2000000);
    (client_aborts ? world.client() : world.host())->Abort(Status(StatusCode::kClosed, "drained"));
    SettleOrFail(world.timers(), 2000000);
    if (options.opener_terms.half_close) {
      EXPECT_TRUE(world.app().error());
      EXPECT_TRUE(world.target()->error());
    } else {
      // A closed channel is all that such a peer can see.
      EXPECT_TRUE(client_aborts ? world.target()->done() : world.app().read_end());
      world.app().ResetNow();
    }
    world.ExpectNothingLeft();
  }
}

INSTANTIATE_TEST_SUITE_P(All, TunnelModesTest, ::testing::ValuesIn(AllModes()),
                         [](const auto& mode) { return mode.param.name; });

class TunnelConnectionTest : public ::testing::Test {
 protected:
  TunnelConnectionTest() { UseMingTerms(options_, 1 << 20); }
  TunnelWorldOptions options_;
};

TEST_F(TunnelConnectionTest, ServerThatAnswersOnlyAfterTheEnd) {
  options_.app = Sends(5000);
  options_.target = Sends(70000);
  options_.target.answer_after_end = true;
  TunnelWorld world(options_);
  world.ConnectTarget();
  SettleOrFail(world.timers());
  EXPECT_EQ(world.app().received(), 70000U);
  EXPECT_TRUE(world.app().read_end());
  world.ExpectNothingLeft();
}

TEST_F(TunnelConnectionTest, ResetOfTheApplicationReachesTheTargetAtEveryStage) {
  // Before the dial is done, between, after the target's end.
  for (const int stage : {0, 1, 2}) {
    options_.app = Sends(100, StreamUserPlan::End::kNever);
    options_.target =
        Sends(100, stage == 2 ? StreamUserPlan::End::kAfterSending : StreamUserPlan::End::kNever);
    TunnelWorld world(options_);
    if (stage > 0) {
      world.ConnectTarget();
      SettleOrFail(world.timers());
    }
    world.app().ResetNow();
    SettleOrFail(world.timers());
    ASSERT_TRUE(world.host_ended());
    EXPECT_FALSE(world.host_ended()->ok());
    if (stage > 0) {
      EXPECT_TRUE(world.target()->error());
    }
    world.ExpectNothingLeft();
  }
}

TEST_F(TunnelConnectionTest, SlowReaderKeepsMemoryBounded) {
  UseMingTerms(options_, 1 << 16);
  options_.channel.queue_bytes = 1 << 16;
  options_.streams.capacity = 1 << 14;
  options_.app = Sends(10 << 20);
  options_.target = Sends(0);
  options_.target.read_limit = 1000;
  TunnelWorld world(options_);
  world.ConnectTarget();
  SettleOrFail(world.timers());
  // Source stream, channel queue and window, sink stream.
  EXPECT_LE(world.app().sent(), uint64_t{3} << 16);
  world.target()->LiftReadLimit();
  SettleOrFail(world.timers());
  EXPECT_EQ(world.target()->received(), uint64_t{10} << 20);
  EXPECT_TRUE(world.target()->intact() && world.target()->read_end());
  world.ExpectNothingLeft();
}

TEST_F(TunnelConnectionTest, WhatTheChannelTookIsDeliveredBeforeTheConnectionIsGone) {
  options_.channel.min_delay = options_.channel.max_delay = std::chrono::seconds(20);
  options_.app = Sends(50000);
  options_.target = Sends(0);
  TunnelWorld world(options_);
  world.ConnectTarget();
  ASSERT_TRUE(world.timers().RunUntil([&] { return world.client_ended().has_value(); }, 100000));
  SettleOrFail(world.timers());
  EXPECT_EQ(world.target()->received(), 50000U);
  EXPECT_TRUE(world.target()->read_end());
  world.ExpectNothingLeft();
}

TEST_F(TunnelConnectionTest, LingeringHasALimit) {
  options_.channel.min_delay = options_.channel.max_delay = std::chrono::hours(1);
  options_.app = Sends(10, StreamUserPlan::End::kNever);
  TunnelWorld world(options_);
  world.timers().Step();
  const Timestamp start = world.timers().Now();
  world.client()->Abort(Status(StatusCode::kClosed, "drained"));
  ASSERT_TRUE(world.timers().RunUntil([&] { return world.client() == nullptr; }, 1000));
  EXPECT_EQ(world.timers().Now() - start, kFailureLinger);
  world.host()->Abort(Status(StatusCode::kClosed, "end of test"));
  world.ExpectNothingLeft();
}

TEST_F(TunnelConnectionTest, AbortCutsTheLingeringShort) {
  options_.channel.min_delay = options_.channel.max_delay = std::chrono::seconds(20);
  options_.app = Sends(10);
  options_.app.answer_after_end = true;
  options_.target = Sends(0);
  TunnelWorld world(options_);
  world.ConnectTarget();
  ASSERT_TRUE(world.timers().RunUntil([&] { return world.client_ended().has_value(); }, 1000));
  ASSERT_TRUE(world.client_ended()->ok());
  const Timestamp start = world.timers().Now();
  world.client()->Abort(Status(StatusCode::kClosed, "drained"));
  ASSERT_TRUE(world.timers().RunUntil([&] { return world.client() == nullptr; }, 1000));
  EXPECT_EQ(world.timers().Now() - start, kFailureLinger);
  SettleOrFail(world.timers());
  EXPECT_TRUE(world.target()->error()) << "what was not delivered must not look like the end";
  world.ExpectNothingLeft();
}

TEST_F(TunnelConnectionTest, ForeignPeerThatClosesFirstGetsItsBytesDelivered) {
  options_.opener_terms = options_.acceptor_terms = ChannelTerms();
  options_.close_grace = std::chrono::milliseconds(250);
  options_.app = Sends(10, StreamUserPlan::End::kAfterReading);
  options_.target = Sends(100000);
  TunnelWorld world(options_);
  world.ConnectTarget();
  SettleOrFail(world.timers());
  EXPECT_EQ(world.app().received(), 100000U);
  EXPECT_TRUE(world.app().read_end());
  EXPECT_TRUE(world.client_ended()->ok());
  world.ExpectNothingLeft();
}

TEST_F(TunnelConnectionTest, WritingToAForeignPeerThatClosedIsAReset) {
  options_.opener_terms = options_.acceptor_terms = ChannelTerms();
  options_.app = Sends(10, StreamUserPlan::End::kNever);
  options_.target = Sends(100);
  TunnelWorld world(options_);
  world.ConnectTarget();
  SettleOrFail(world.timers());
  EXPECT_TRUE(world.app().read_end());
  EXPECT_FALSE(world.app().error());
  world.app().stream().Write(ByteBuffer::CopyOf("anybody?"));
  SettleOrFail(world.timers());
  EXPECT_TRUE(world.app().error());
  world.ExpectNothingLeft();
}

TEST(TunnelMemoryTest, IdleConnectionIsSmall) {
  EXPECT_LE(sizeof(TunnelConnection) + sizeof(ChannelStream) + sizeof(CopyRelay), 800U);
}

}  // namespace
}  // namespace ming::tunnel
