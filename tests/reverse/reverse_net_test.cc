// What callers and target of a reverse tunnel see, and what clients do when there are two or none.
#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "ming/base/units.h"

#include "reverse_net_fixture.h"

namespace ming::reverse {
namespace {

using codec::ReverseReason;
using std::chrono::milliseconds;
using support::StreamUserPlan;

TEST_F(ReverseNetTest, CarriesBothDirectionsOfManyCallers) {
  StartTarget(Sends(kMiB));
  StartServer();
  StartClient();
  constexpr size_t kCallers = 20;
  for (size_t i = 0; i < kCallers; ++i) Call(Sends(kMiB));
  ASSERT_TRUE(RunUntil([this] { return CallersDone(kCallers); }));
  for (const auto& caller : callers_) {
    EXPECT_TRUE(caller->intact());
    EXPECT_EQ(caller->received(), kMiB);
    EXPECT_FALSE(caller->error());
  }
  EXPECT_TRUE(Quiet());
  const ReverseCounters counters = server_->counters();
  EXPECT_EQ(counters.accepted, kCallers);
  EXPECT_EQ(counters.ended_for[static_cast<size_t>(ReverseReason::kDone)], kCallers);
  EXPECT_EQ(counters.bytes_in, kCallers * kMiB);
  EXPECT_EQ(counters.bytes_out, kCallers * kMiB);
}

TEST_F(ReverseNetTest, LetsTheTargetSpeakFirst) {
  StartTarget(Sends(100));
  StartServer();
  StartClient();
  StreamUserPlan silent;
  silent.end = StreamUserPlan::End::kAfterReading;
  ASSERT_TRUE(Serve(silent));
  EXPECT_EQ(callers_[0]->received(), 100u);
}

TEST_F(ReverseNetTest, CarriesAnAnswerThatWaitsForTheEnd) {
  StartTarget(AnswersAfterEnd(kMiB));
  StartServer();
  StartClient();
  ASSERT_TRUE(Serve(Sends(kMiB)));
  EXPECT_EQ(callers_[0]->received(), kMiB);
  EXPECT_EQ(targets_[0]->received(), kMiB);
}

TEST_F(ReverseNetTest, ServesACallerThatEndedItsDirectionBeforeAClientCame) {
  StartTarget(AnswersAfterEnd(1000));
  StartServer();
  Call(Sends(1000));
  ASSERT_TRUE(RunUntil([this] { return callers_.size() == 1 && callers_[0]->sent() == 1000; }));
  StartClient();
  ASSERT_TRUE(RunUntil([this] { return CallersDone(1); }));
  EXPECT_EQ(callers_[0]->received(), 1000u);
  EXPECT_FALSE(callers_[0]->error());
}

TEST_F(ReverseNetTest, ResetsACallerWhoseTargetRefuses) {
  StartServer();
  StartClient();
  ASSERT_TRUE(Serve(Sends(10)));
  EXPECT_TRUE(callers_[0]->error());
  const auto refused = static_cast<size_t>(ReverseReason::kTargetRefused);
  EXPECT_EQ(server_->counters().ended_for[refused] +
                server_->counters().ended_for[static_cast<size_t>(ReverseReason::kReset)],
            1u);
  EXPECT_EQ(client_->counters().ended_for[refused], 1u);
}

TEST_F(ReverseNetTest, ResetsACallerThatNoClientServes) {
  ReverseServerOptions options;
  options.core.pair_timeout = milliseconds(20);
  StartServer(options);
  ASSERT_TRUE(Serve(Sends(10)));
  EXPECT_TRUE(callers_[0]->error());
  EXPECT_EQ(server_->counters().ended_for[static_cast<size_t>(ReverseReason::kPairTimeout)], 1u);
}

TEST_F(ReverseNetTest, ReturnsToAServerThatWasAway) {
  StartTarget(Sends(10));
  StartServer();
  ReverseClientOptions options = ClientOptions();
  options.core.reconnect.least = milliseconds(10);
  options.core.reconnect.most = milliseconds(20);
  const Port port = server_->client_port();
  server_.reset();
  int attempts = 0;
  auto deaf = net::TcpListener::Listen(
      reactor_, {"127.0.0.1", port}, {},
      [&attempts](std::unique_ptr<net::TcpStream> /*stream*/, const net::SocketAddress& /*peer*/) {
        ++attempts;  // and resets it
      });
  ASSERT_TRUE(deaf.ok()) << deaf.status().ToString();
  client_ = MakeClient(options);
  ASSERT_TRUE(RunUntil([&attempts] { return attempts >= 2; }));
  deaf->reset();
  ReverseServerOptions again;
  again.callers = {HostPort{"127.0.0.1", Port(0)}};
  again.clients = HostPort{"127.0.0.1", port};
  auto server = ReverseServer::Start(reactor_, random_, again, [] {});
  ASSERT_TRUE(server.ok()) << server.status().ToString();
  server_ = *std::move(server);
  ASSERT_TRUE(RunUntil([this] { return client_->connected(); }));
  ASSERT_TRUE(Serve(Sends(10)));
  EXPECT_EQ(callers_[0]->received(), 10u);
}

TEST_F(ReverseNetTest, KeepsTheFirstOfTwoClients) {
  StartServer();
  StartClient();
  ReverseClientOptions options = ClientOptions();
  options.core.reconnect.enabled = false;
  auto second = MakeClient(options);
  ASSERT_TRUE(RunUntil([this] { return client_end_.has_value(); }));
  EXPECT_EQ(*client_end_, ClientEnd::kServerLost);
  EXPECT_NE(client_why_.message().find("BUSY"), std::string::npos) << client_why_.ToString();
  EXPECT_TRUE(client_->connected());
}

TEST_F(ReverseNetTest, ReplacesTheFirstClientWhereAskedTo) {
  ReverseServerOptions options;
  options.core.second_client = SecondClient::kReplace;
  StartServer(options);
  StartClient();
  auto first = std::move(client_);
  client_ = MakeClient(ClientOptions());
  ASSERT_TRUE(RunUntil([this] { return client_end_ == ClientEnd::kReplaced; }));
  EXPECT_TRUE(RunUntil([this] { return client_->connected(); }));
}

TEST_F(ReverseNetTest, FinishesARunningTransferBeforeItStops) {
  StartTarget(Sends(4 * kMiB));
  StartServer();
  StartClient();
  Call(Sends(4 * kMiB));
  ASSERT_TRUE(RunUntil([this] { return !callers_.empty() && callers_[0]->received() > 0; }));
  server_->Stop();
  client_->Stop();
  ASSERT_TRUE(RunUntil([this] { return server_stopped_ && client_end_.has_value(); }));
  EXPECT_EQ(*client_end_, ClientEnd::kStopped);
  ASSERT_TRUE(RunUntil([this] { return CallersDone(1); }));
  EXPECT_EQ(callers_[0]->received(), 4 * kMiB);
  EXPECT_TRUE(callers_[0]->intact());
}

TEST_F(ReverseNetTest, ReachesTheTargetFirstWhereAskedTo) {
  StartTarget(AnswersAfterEnd(kMiB));
  StartServer();
  ReverseClientOptions options = ClientOptions();
  options.core.dial_first = true;
  StartClient(options);
  ASSERT_TRUE(Serve(Sends(kMiB)));
  EXPECT_EQ(callers_[0]->received(), kMiB);
  EXPECT_TRUE(callers_[0]->intact());
}

TEST_F(ReverseNetTest, TellsTheTargetWhoTheCallerIs) {
  StreamUserPlan reads;
  reads.end = StreamUserPlan::End::kAfterReading;
  StartTarget(reads);
  StartServer();
  ReverseClientOptions options = ClientOptions();
  options.proxy_protocol = codec::ProxyVersion::k2;
  StartClient(options);
  Call(Sends(0));
  ASSERT_TRUE(RunUntil([this] { return !targets_.empty() && targets_[0]->done(); }));
  EXPECT_EQ(targets_[0]->received(), 28u) << "a header over IPv4, and nothing else";
}

TEST_F(ReverseNetTest, AStalledCallerStopsTheTarget) {
  StartTarget(Sends(256 * kMiB));
  StartServer();
  StartClient();
  StreamUserPlan stalled;
  stalled.read_limit = 1;
  stalled.end = StreamUserPlan::End::kNever;
  Call(stalled);
  ASSERT_TRUE(RunUntil([this] { return !callers_.empty() && callers_[0]->received() > 0; }));
  // Still between two looks: everything between target and caller is full.
  uint64_t before = 0;
  while (std::exchange(before, targets_[0]->sent()) != targets_[0]->sent()) {
    reactor_.RunUntil([] { return false; }, milliseconds(50));
  }
  EXPECT_LT(targets_[0]->sent(), 64 * kMiB);
  callers_[0]->ResetNow();
  EXPECT_TRUE(Quiet());
}

}  // namespace
}  // namespace ming::reverse
