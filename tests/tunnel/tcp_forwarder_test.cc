#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "ming/net/tcp_connector.h"
#include "ming/net/tcp_listener.h"
#include "ming/support/stream_user.h"
#include "ming/tunnel/tcp_client_forwarder.h"
#include "ming/tunnel/tcp_host_forwarder.h"

#include "forwarder_fixture.h"

namespace ming::tunnel {
namespace {

using support::StreamUser;
using support::StreamUserPlan;

StreamUserPlan Sends(uint64_t bytes, StreamUserPlan::End end = StreamUserPlan::End::kAfterSending) {
  StreamUserPlan plan;
  plan.send_bytes = bytes;
  plan.end = end;
  return plan;
}

// An application: connects, then does as planned.
class App {
 public:
  App(net::Reactor& reactor, net::Resolver& resolver, const net::SocketAddress& where,
      const StreamUserPlan& plan)
      : connector_(reactor, resolver, HostPort{where.ip().ToString(), where.port()},
                   net::TcpConnectOptions(),
                   [this, &reactor, plan](Result<std::unique_ptr<net::TcpStream>> stream) {
                     if (!stream.ok()) {
                       connect_error_ = stream.status();
                       return;
                     }
                     user_ = std::make_unique<StreamUser>(reactor, std::move(*stream), plan, 1, 2);
                   }) {}

  // Null while connecting.
  StreamUser* user() { return user_.get(); }
  bool refused() const { return connect_error_.has_value(); }
  bool done() const { return refused() || (user_ != nullptr && user_->done()); }
  // Also when the reset came before the connection was used.
  bool was_reset() const { return refused() || (user_ != nullptr && user_->error().has_value()); }

 private:
  std::optional<Status> connect_error_;
  std::unique_ptr<StreamUser> user_;
  net::TcpConnector connector_;
};

class TcpForwarderTest : public ForwarderFixture {
 protected:
  TcpForwarderTest() {
    auto listener = net::TcpListener::Listen(
        reactor_, HostPort{"127.0.0.1", Port(0)}, net::TcpListenOptions(),
        [this](std::unique_ptr<net::TcpStream> stream, const net::SocketAddress& /*peer*/) {
          targets_.push_back(
              std::make_unique<StreamUser>(reactor_, std::move(stream), target_plan_, 2, 1));
        });
    target_listener_ = std::move(*listener);
    client_options_.local = HostPort{"127.0.0.1", Port(0)};
    host_options_.remote = HostPort{"127.0.0.1", target_listener_->port()};
  }

  void Start() {
    auto client = TcpClientForwarder::Create(reactor_, client_options_);
    ASSERT_TRUE(client.ok()) << client.status().ToString();
    client_ = std::move(*client);
    host_ = std::make_unique<TcpHostForwarder>(reactor_, resolver_, host_options_);
  }
  // Lets the kernel drop connection attempts: its backlog is full and nobody accepts.
  std::unique_ptr<net::TcpListener> SilentListener() {
    net::TcpListenOptions options;
    options.backlog = 0;
    auto listener = net::TcpListener::Listen(
        reactor_, HostPort{"127.0.0.1", Port(0)}, options,
        [](std::unique_ptr<net::TcpStream> /*stream*/, const net::SocketAddress& /*peer*/) {});
    (*listener)->StopAccepting();
    fillers_.push_back(std::make_unique<App>(reactor_, resolver_, (*listener)->addresses().front(),
                                             Sends(0, StreamUserPlan::End::kNever)));
    EXPECT_TRUE(RunUntil([this] { return fillers_.back()->user() != nullptr; }));
    return std::move(*listener);
  }
  App& Connect(const StreamUserPlan& plan) {
    apps_.push_back(std::make_unique<App>(reactor_, resolver_, ClientAddress(), plan));
    return *apps_.back();
  }
  bool AllDone() const {
    for (const auto& app : apps_) {
      if (!app->done()) return false;
    }
    for (const auto& target : targets_) {
      if (!target->done()) return false;
    }
    return true;
  }
  bool Settled() const {
    const ForwarderCounters client = client_->counters();
    const ForwarderCounters host = host_->counters();
    return client.active + client.waiting + host.active + host.waiting == 0 &&
           channels_.pair_count() == 0;
  }

  TcpClientForwarderOptions client_options_;
  TcpHostForwarderOptions host_options_;
  StreamUserPlan target_plan_;
  std::unique_ptr<net::TcpListener> target_listener_;
  std::vector<std::unique_ptr<StreamUser>> targets_;
  std::vector<std::unique_ptr<App>> apps_;
  std::vector<std::unique_ptr<App>> fillers_;
};

class TcpForwarderTermsTest : public TcpForwarderTest, public ::testing::WithParamInterface<bool> {
 protected:
  TcpForwarderTermsTest() {
    if (!GetParam()) terms_ = ChannelTerms();
  }
  bool ming() const { return GetParam(); }
};

TEST_P(TcpForwarderTermsTest, CarriesAConnection) {
  target_plan_ = Sends(200000);
  Start();
  SetPath();
  App& app = Connect(Sends(300000));
  ASSERT_TRUE(RunUntil([&] { return app.done() && AllDone() && Settled(); }));
  EXPECT_EQ(app.user()->received(), 200000U);
  EXPECT_TRUE(app.user()->read_end() && app.user()->intact());
  ASSERT_EQ(targets_.size(), 1U);
  EXPECT_EQ(targets_[0]->received(), 300000U);
  EXPECT_TRUE(targets_[0]->read_end() && targets_[0]->intact());
  const ForwarderCounters counters = client_->counters();
  EXPECT_EQ(counters.opened, 1U);
  EXPECT_EQ(counters.completed, 1U);
  EXPECT_EQ(counters.bytes_to_peer, 300000U);
  EXPECT_EQ(counters.bytes_from_peer, 200000U);
  EXPECT_EQ(host_->counters().completed, 1U);
  EXPECT_EQ(host_->counters().bytes_to_peer, 200000U);
  EXPECT_EQ(last_label_.rfind("tcp-127.0.0.1:", 0), 0U) << last_label_;
}

TEST_P(TcpForwarderTermsTest, TwoHundredConnectionsAtOnce) {
  target_plan_ = Sends(60000);
  Start();
  SetPath();
  for (int i = 0; i < 200; ++i) Connect(Sends(50000));
  ASSERT_TRUE(RunUntil([&] { return targets_.size() == 200 && AllDone() && Settled(); }));
  for (const auto& app : apps_) {
    EXPECT_TRUE(app->user()->intact() && app->user()->read_end());
    EXPECT_EQ(app->user()->received(), 60000U);
  }
  for (const auto& target : targets_) {
    EXPECT_TRUE(target->intact() && target->read_end());
    EXPECT_EQ(target->received(), 50000U);
  }
  EXPECT_EQ(client_->counters().completed, 200U);
}

TEST_P(TcpForwarderTermsTest, DeadTargetResetsTheApplicationWithinASecond) {
  Start();
  reactor_.DeferDelete(std::move(target_listener_));  // nobody listens there any more
  SetPath();
  App& app = Connect(Sends(100, StreamUserPlan::End::kNever));
  ASSERT_TRUE(reactor_.RunUntil([&] { return app.was_reset(); }, std::chrono::seconds(1)));
  ASSERT_TRUE(RunUntil([&] { return Settled(); }));
  EXPECT_EQ(host_->counters().refused, 1U);
  EXPECT_EQ(client_->counters().failed, 1U);
}

TEST_P(TcpForwarderTermsTest, LostPathResetsConnectionsAndTheNextPathTakesNewOnes) {
  target_plan_ = Sends(10, StreamUserPlan::End::kNever);
  Start();
  SetPath();
  App& before = Connect(Sends(10, StreamUserPlan::End::kNever));
  ASSERT_TRUE(RunUntil([&] { return before.user() && before.user()->received() == 10; }));
  client_->ClearPath(Status(StatusCode::kTimeout, "path lost"));
  client_->ClearPath(Status(StatusCode::kTimeout, "path lost"));
  channels_.FailAll(Status(StatusCode::kTimeout, "path lost"));
  App& between = Connect(Sends(10, StreamUserPlan::End::kNever));
  ASSERT_TRUE(RunUntil([&] {
    return before.was_reset() && targets_[0]->error() && client_->counters().waiting == 1;
  }));
  SetPath();
  ASSERT_TRUE(RunUntil([&] { return between.user() && between.user()->received() == 10; }));
  EXPECT_FALSE(between.was_reset());
  EXPECT_EQ(client_->counters().failed, 1U);
}

INSTANTIATE_TEST_SUITE_P(Peers, TcpForwarderTermsTest, ::testing::Values(true, false),
                         [](const auto& ming) { return ming.param ? "Ming" : "Foreign"; });

TEST_F(TcpForwarderTest, ServerThatAnswersOnlyAfterTheEnd) {
  target_plan_ = Sends(100000);
  target_plan_.answer_after_end = true;
  Start();
  SetPath();
  App& app = Connect(Sends(1000));
  ASSERT_TRUE(RunUntil([&] { return app.done(); }));
  EXPECT_EQ(app.user()->received(), 100000U);
  EXPECT_TRUE(app.user()->read_end());
  ASSERT_TRUE(RunUntil([&] { return Settled(); }));
}

TEST_F(TcpForwarderTest, ResetsAreCarriedBothWays) {
  target_plan_ = Sends(10, StreamUserPlan::End::kNever);
  Start();
  SetPath();
  App& first = Connect(Sends(10, StreamUserPlan::End::kNever));
  App& second = Connect(Sends(10, StreamUserPlan::End::kNever));
  ASSERT_TRUE(RunUntil([&] {
    return first.user() && first.user()->received() == 10 && second.user() &&
           second.user()->received() == 10;
  }));
  first.user()->ResetNow();
  ASSERT_TRUE(RunUntil([&] { return targets_[0]->error() || targets_[1]->error(); }));
  StreamUser& other = targets_[0]->error() ? *targets_[1] : *targets_[0];
  other.ResetNow();
  ASSERT_TRUE(RunUntil([&] { return second.was_reset() && Settled(); }));
  EXPECT_EQ(client_->counters().failed, 2U);
  EXPECT_EQ(host_->counters().failed, 2U);
}

TEST_F(TcpForwarderTest, SlowReaderStopsTheWriterAndLosesNothing) {
  constexpr uint64_t kBytes = uint64_t{96} << 20;
  target_plan_ = Sends(0, StreamUserPlan::End::kAfterReading);
  target_plan_.read_limit = 1000;
  Start();
  SetPath();
  App& app = Connect(Sends(kBytes));
  // Kernel buffers of two connections hold some, fast enough for the window to grow; ming itself no
  // more than the window and the queue.
  EXPECT_TRUE(HoldsOff([&] { return app.user() && app.user()->sent() > kBytes / 2; }));
  ASSERT_EQ(targets_.size(), 1U);
  EXPECT_LE(client_->counters().bytes_to_peer - host_->counters().bytes_from_peer,
            size_t{ChannelStreamCore::kMostGrowth} * kDefaultReceiveWindowBytes +
                (size_t{256} << 10) + kDefaultMaxMessageBytes);
  targets_[0]->LiftReadLimit();
  ASSERT_TRUE(RunUntil([&] { return app.done() && Settled(); }));
  EXPECT_EQ(targets_[0]->received(), kBytes);
  EXPECT_TRUE(targets_[0]->intact());
}

TEST_F(TcpForwarderTest, ConnectionsWaitForAPathAndAreResetWhenItDoesNotCome) {
  client_options_.admission.max_wait = std::chrono::milliseconds(50);
  Start();
  App& app = Connect(Sends(10, StreamUserPlan::End::kNever));
  ASSERT_TRUE(RunUntil([&] { return app.was_reset(); }));
  EXPECT_EQ(client_->counters().refused, 1U);
  EXPECT_EQ(client_->counters().waiting, 0U);
}

TEST_F(TcpForwarderTest, OneConnectionMoreThanMayBeIsReset) {
  client_options_.admission.max_connections = 2;
  target_plan_ = Sends(1, StreamUserPlan::End::kNever);
  Start();
  SetPath();
  for (int i = 0; i < 2; ++i) {
    App& app = Connect(Sends(1, StreamUserPlan::End::kNever));
    ASSERT_TRUE(RunUntil([&] { return app.user() && app.user()->received() == 1; }));
  }
  App& third = Connect(Sends(1, StreamUserPlan::End::kNever));
  ASSERT_TRUE(RunUntil([&] { return third.was_reset(); }));
  EXPECT_FALSE(apps_[0]->was_reset() || apps_[1]->was_reset());
  apps_[0]->user()->ResetNow();
  ASSERT_TRUE(RunUntil([&] { return client_->counters().active == 1; }));
  App& fourth = Connect(Sends(1, StreamUserPlan::End::kNever));
  ASSERT_TRUE(RunUntil([&] { return fourth.user() && fourth.user()->received() == 1; }));
}

TEST_F(TcpForwarderTest, OneChannelMoreThanTheHostTakesIsRefused) {
  host_options_.max_channels = 1;
  target_plan_ = Sends(1, StreamUserPlan::End::kNever);
  Start();
  SetPath();
  App& first = Connect(Sends(1, StreamUserPlan::End::kNever));
  ASSERT_TRUE(RunUntil([&] { return first.user() && first.user()->received() == 1; }));
  App& second = Connect(Sends(1, StreamUserPlan::End::kNever));
  ASSERT_TRUE(RunUntil([&] { return second.was_reset(); }));
  EXPECT_EQ(host_->counters().refused, 1U);
  EXPECT_FALSE(first.was_reset());
}

TEST_F(TcpForwarderTest, ChannelThatCannotBeOpenedIsAReset) {
  Start();
  opener_.set_failure(Status(StatusCode::kResourceExhausted, "no stream id is free"));
  SetPath();
  App& app = Connect(Sends(1, StreamUserPlan::End::kNever));
  ASSERT_TRUE(RunUntil([&] { return app.was_reset(); }));
  EXPECT_EQ(client_->counters().refused, 1U);
  EXPECT_EQ(client_->counters().active, 0U);
}

TEST_F(TcpForwarderTest, SilentTargetIsRefusedAfterTheDialTimeout) {
  const auto silent = SilentListener();
  host_options_.remote.port = silent->port();
  host_options_.dial_timeout = std::chrono::milliseconds(50);
  Start();
  SetPath();
  App& app = Connect(Sends(1, StreamUserPlan::End::kNever));
  ASSERT_TRUE(RunUntil([&] { return app.was_reset() && Settled(); }));
  EXPECT_EQ(host_->counters().refused, 1U);
}

TEST_F(TcpForwarderTest, ApplicationThatLeavesWhileTheHostDialsEndsTheDial) {
  const auto silent = SilentListener();
  host_options_.remote.port = silent->port();
  host_options_.dial_timeout = kLimit;
  Start();
  SetPath();
  App& app = Connect(Sends(1, StreamUserPlan::End::kNever));
  ASSERT_TRUE(RunUntil([&] { return app.user() != nullptr && host_->counters().waiting == 1; }));
  app.user()->ResetNow();
  ASSERT_TRUE(RunUntil([&] { return host_->counters().waiting == 0 && Settled(); }));
  EXPECT_EQ(host_->counters().refused, 1U);
}

TEST_F(TcpForwarderTest, DrainLetsConnectionsFinishAndTakesNoMore) {
  target_plan_ = Sends(1000, StreamUserPlan::End::kAfterReading);
  Start();
  SetPath();
  App& app = Connect(Sends(10, StreamUserPlan::End::kNever));
  ASSERT_TRUE(RunUntil([&] { return app.user() && app.user()->received() == 1000; }));
  const net::SocketAddress where = ClientAddress();
  int drained = 0;
  client_->Drain(reactor_.Now() + kLimit, [&] { ++drained; });
  host_->Drain(reactor_.Now() + kLimit, [&] { ++drained; });
  apps_.push_back(
      std::make_unique<App>(reactor_, resolver_, where, Sends(10, StreamUserPlan::End::kNever)));
  ASSERT_TRUE(RunUntil([&] { return apps_[1]->done(); }));
  EXPECT_TRUE(apps_[1]->refused() || apps_[1]->was_reset());
  EXPECT_EQ(drained, 0);
  app.user()->stream().CloseWrite();
  ASSERT_TRUE(RunUntil([&] { return drained == 2; }));
  EXPECT_TRUE(app.user()->read_end());
  EXPECT_EQ(client_->counters().completed, 1U);
}

TEST_F(TcpForwarderTest, DrainResetsWhatIsLeftAtItsDeadline) {
  target_plan_ = Sends(10, StreamUserPlan::End::kNever);
  Start();
  SetPath();
  App& app = Connect(Sends(10, StreamUserPlan::End::kNever));
  ASSERT_TRUE(RunUntil([&] { return app.user() && app.user()->received() == 10; }));
  bool drained = false;
  client_->Drain(reactor_.Now() + std::chrono::milliseconds(20), [&] { drained = true; });
  ASSERT_TRUE(RunUntil([&] { return drained; }));
  ASSERT_TRUE(RunUntil([&] { return app.was_reset() && targets_[0]->error(); }));
  EXPECT_EQ(client_->counters().failed, 1U);
}

TEST_F(TcpForwarderTest, DrainWithoutConnectionsIsDoneAtOnce) {
  Start();
  int drained = 0;
  client_->Drain(reactor_.Now() + kLimit, [&] { ++drained; });
  host_->Drain(reactor_.Now() + kLimit, [&] { ++drained; });
  EXPECT_EQ(drained, 0);
  ASSERT_TRUE(RunUntil([&] { return drained == 2; }));
  EXPECT_TRUE(client_->local_addresses().empty());
}

TEST_F(TcpForwarderTest, TakenPortIsAnError) {
  Start();
  client_options_.local.port = ClientAddress().port();
  const auto second = TcpClientForwarder::Create(reactor_, client_options_);
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.status().message().find("cannot listen on"), std::string::npos);
}

TEST(TcpForwarderOptionsTest, NameAllProblems) {
  TcpClientForwarderOptions client;
  EXPECT_TRUE(Validate(client).ok());
  client.admission.max_connections = 0;
  client.relay.turn_budget = 0;
  EXPECT_NE(Validate(client).message().find("admission"), std::string::npos);
  EXPECT_NE(Validate(client).message().find("relay"), std::string::npos);
  TcpHostForwarderOptions host;
  EXPECT_TRUE(Validate(host).ok());
  host.dial_timeout = Duration::zero();
  EXPECT_FALSE(Validate(host).ok());
}

}  // namespace
}  // namespace ming::tunnel
