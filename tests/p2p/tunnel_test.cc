// Whole tunnels over loopback in one process: signaling server, host and client.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "tunnel_world.h"

namespace ming::p2p {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using End = support::StreamUserPlan::End;

using TunnelTest = TunnelWorld;

TEST_F(TunnelTest, CarriesBytesBothWays) {
  StartTarget(Sends(5000));
  StartAll();
  CheckTransfer(3000, 5000);
  const TunnelClientStatus status = client_->tunnel->GetStatus();
  EXPECT_EQ(status.state, ClientState::kConnected);
  EXPECT_TRUE(status.signaling_connected);
  EXPECT_EQ(status.path, "direct udp");
  EXPECT_TRUE(status.round_trip_time.has_value());
  EXPECT_GT(status.setup_time, Duration::zero());
  EXPECT_GT(status.path_bytes_sent, 3000U);
  EXPECT_EQ(status.flows.completed, 1U);
  EXPECT_TRUE(RunUntil([&] { return host_->tunnel->GetStatus().connected == 1; }));
}

TEST_F(TunnelTest, CarriesSixtyFourMegabytesBothWays) {
  constexpr uint64_t kBytes = uint64_t{64} << 20;
  StartTarget(Sends(kBytes));
  StartAll();
  CheckTransfer(kBytes, kBytes);
}

TEST_F(TunnelTest, CarriesTheEndOfOneDirectionWhileTheOtherGoesOn) {
  support::StreamUserPlan plan = Sends(1000);
  plan.answer_after_end = true;
  StartTarget(plan);
  StartAll();
  CheckTransfer(10, 1000);
}

TEST_F(TunnelTest, ResetsAtOnceWhenTheTargetIsDead) {
  StartAll();  // without a target
  App& app = Connect(Sends(10, End::kNever));
  ASSERT_TRUE(RunUntil([&] { return app.done(); }, seconds(1)));
  EXPECT_TRUE(app.was_reset());
}

TEST_F(TunnelTest, CarriesTwoHundredConnectionsAtOnce) {
  StartTarget(Sends(20'000));
  StartAll();
  for (int i = 0; i < 200; ++i) Connect(Sends(10'000));
  ASSERT_TRUE(RunUntil([&] {
    return std::all_of(apps_.begin(), apps_.end(), [](const auto& app) { return app->done(); });
  }));
  for (const auto& app : apps_) EXPECT_TRUE(app->received(20'000));
  EXPECT_EQ(targets_.size(), 200U);
}

TEST_F(TunnelTest, ServesConnectionsThatCameBeforeThePath) {
  StartTarget(Sends(100));
  StartServer();
  StartClient();
  App& app = Connect(Sends(50));
  ASSERT_TRUE(HoldsOff([&] { return app.done(); }));
  StartHost();
  ASSERT_TRUE(RunUntil([&] { return app.done(); }));
  EXPECT_TRUE(app.received(100));
}

TEST_F(TunnelTest, ServesSeveralClients) {
  StartTarget(Sends(100));
  StartAll();
  ClientProbe second(*services_, ClientOptions());
  ASSERT_TRUE(RunUntil([&] { return second.path_ups > 0; }));
  EXPECT_TRUE(RunUntil([&] { return host_->tunnel->GetStatus().connected == 2; }));
  CheckTransfer(50, 100);
  App app(reactor_, services_->resolver(),
          *net::SocketAddress::Parse(second.tunnel->local_addresses().front()), Sends(50));
  ASSERT_TRUE(RunUntil([&] { return app.done(); }));
  EXPECT_TRUE(app.received(100));
}

TEST_F(TunnelTest, WorksAgainAfterTheHostIsRestarted) {
  StartTarget(Sends(100));
  StartAll();
  App& open = Connect(Sends(10, End::kNever));
  ASSERT_TRUE(RunUntil([&] { return open.received(100); }));
  host_.reset();
  ASSERT_TRUE(RunUntil([&] { return open.was_reset(); }, seconds(5)));
  StartHost();
  ASSERT_TRUE(RunUntil([&] { return PathUp(); }, seconds(5)));
  CheckTransfer(50, 100);
}

TEST_F(TunnelTest, DoesNotNoticeThatTheSignalingServerIsRestarted) {
  StartTarget(Sends(100));
  StartAll();
  App& open = Connect(Sends(10, End::kNever));
  ASSERT_TRUE(RunUntil([&] { return open.received(100); }));
  KillServer();
  ASSERT_TRUE(RunUntil([&] { return !client_->tunnel->GetStatus().signaling_connected; }));
  CheckTransfer(50, 100);
  const int registered = host_->registered;
  StartServer();
  ASSERT_TRUE(RunUntil([&] {
    return host_->registered > registered && client_->tunnel->GetStatus().signaling_connected;
  }));
  EXPECT_FALSE(open.done());
  EXPECT_EQ(client_->path_downs, 0);
  ClientProbe second(*services_, ClientOptions());
  EXPECT_TRUE(RunUntil([&] { return second.path_ups > 0; }));
}

TEST_F(TunnelTest, EndsWhenTheHostIsNotFound) {
  StartServer();
  TunnelClientOptions options = ClientOptions();
  options.session.wait = milliseconds(300);
  client_ = std::make_unique<ClientProbe>(*services_, options);
  ASSERT_TRUE(RunUntil([&] { return ClientEnded(); }));
  EXPECT_EQ(client_->end, TunnelEnd::kHostNotFound);
  EXPECT_NE(client_->end_why.message().find("'myhost'"), std::string::npos)
      << client_->end_why.message();
}

TEST_F(TunnelTest, EndsWhenTheServerIsNotReached) {
  StartServer();
  KillServer();  // the port is known and nobody listens
  TunnelClientOptions client = ClientOptions();
  client.session.wait = milliseconds(300);
  client_ = std::make_unique<ClientProbe>(*services_, client);
  TunnelHostOptions host = HostOptions();
  host.sessions.wait = milliseconds(300);
  host_ = std::make_unique<HostProbe>(*services_, host);
  ASSERT_TRUE(RunUntil([&] { return ClientEnded() && host_->end; }));
  EXPECT_EQ(client_->end, TunnelEnd::kServerLost);
  EXPECT_EQ(host_->end, TunnelEnd::kServerLost);
}

TEST_F(TunnelTest, EndsAtOnceWhenTheTokenIsWrong) {
  StartServer({"right"});
  TunnelHostOptions host = HostOptions();
  host.signaling.token = Secret("wrong");
  host_ = std::make_unique<HostProbe>(*services_, host);
  StartClient();  // without one
  ASSERT_TRUE(RunUntil([&] { return ClientEnded() && host_->end; }, seconds(3)));
  EXPECT_EQ(client_->end, TunnelEnd::kRefused);
  EXPECT_EQ(host_->end, TunnelEnd::kRefused);
}

TEST_F(TunnelTest, ConnectsWithTheRightToken) {
  StartServer({"right"});
  TunnelHostOptions host = HostOptions();
  host.signaling.token = Secret("right");
  host_ = std::make_unique<HostProbe>(*services_, host);
  TunnelClientOptions client = ClientOptions();
  client.signaling.token = Secret("right");
  client_ = std::make_unique<ClientProbe>(*services_, client);
  EXPECT_TRUE(RunUntil([&] { return PathUp(); }));
}

TEST_F(TunnelTest, EndsWhenTheIdIsTaken) {
  StartServer();
  StartHost();
  ASSERT_TRUE(RunUntil([&] { return host_->registered > 0; }));
  HostProbe second(*services_, HostOptions());
  ASSERT_TRUE(RunUntil([&] { return second.end.has_value(); }));
  EXPECT_EQ(second.end, TunnelEnd::kIdTaken);
  EXPECT_FALSE(host_->end.has_value());
}

TEST_F(TunnelTest, SaysWhichLocalAddressIsTaken) {
  StartTarget(Sends(0));
  StartServer();
  TunnelClientOptions options = ClientOptions();
  options.tcp.local = HostPort{"127.0.0.1", target_port_};
  const ClientProbe probe(*services_, options);
  EXPECT_EQ(probe.tunnel, nullptr);
  EXPECT_NE(probe.start_error.message().find("127.0.0.1:" + std::to_string(target_port_.value())),
            std::string::npos)
      << probe.start_error.message();
}

TEST_F(TunnelTest, WorksWithAForeignPeer) {
  StartTarget(Sends(5000));
  StartServer();
  StartHost();
  TunnelClientOptions options = ClientOptions();
  options.peer.announce_features = false;
  client_ = std::make_unique<ClientProbe>(*services_, options);
  ASSERT_TRUE(RunUntil([&] { return PathUp(); }));
  App& app = Connect(Sends(3000, End::kAfterReading));
  ASSERT_TRUE(RunUntil([&] { return app.done(); }));
  EXPECT_TRUE(app.received(5000));
}

TEST_F(TunnelTest, ClientDrainsWhatIsOpenAndSaysGoodbye) {
  StartTarget(Sends(100));
  StartAll();
  App& open = Connect(Sends(10, End::kNever));
  ASSERT_TRUE(RunUntil([&] { return open.received(100); }));
  client_->tunnel->Drain(reactor_.Now() + seconds(30));
  client_->tunnel->Drain(reactor_.Now());  // has no effect
  ASSERT_TRUE(HoldsOff([&] { return open.done() || ClientEnded(); }));
  open.user()->stream().CloseWrite();
  ASSERT_TRUE(RunUntil([&] { return ClientEnded(); }, seconds(10)));
  EXPECT_EQ(client_->end, TunnelEnd::kStopped);
  EXPECT_TRUE(RunUntil([&] { return host_->tunnel->GetStatus().sessions == 0; }, seconds(2)));
  EXPECT_EQ(client_->tunnel->GetStatus().flows.completed, 1U);
}

TEST_F(TunnelTest, ClientDrainEndsAtTheDeadline) {
  StartTarget(Sends(100));
  StartAll();
  App& open = Connect(Sends(10, End::kNever));
  ASSERT_TRUE(RunUntil([&] { return open.received(100); }));
  client_->tunnel->Drain(reactor_.Now() + milliseconds(200));
  ASSERT_TRUE(RunUntil([&] { return ClientEnded(); }, seconds(5)));
  EXPECT_TRUE(RunUntil([&] { return open.was_reset(); }));
}

TEST_F(TunnelTest, ClientDrainsBeforeThereIsAPath) {
  StartServer();
  StartClient();
  App& waiting = Connect(Sends(10));
  ASSERT_TRUE(HoldsOff([&] { return waiting.done(); }));
  client_->tunnel->Drain(reactor_.Now() + seconds(30));
  ASSERT_TRUE(RunUntil([&] { return ClientEnded() && waiting.was_reset(); }, seconds(5)));
  EXPECT_EQ(client_->end, TunnelEnd::kStopped);
}

TEST_F(TunnelTest, HostDrainsWhatIsOpenAndSaysGoodbye) {
  StartTarget(Sends(100));
  StartAll();
  App& open = Connect(Sends(10, End::kNever));
  ASSERT_TRUE(RunUntil([&] { return open.received(100); }));
  host_->tunnel->Drain(reactor_.Now() + seconds(30));
  ASSERT_TRUE(HoldsOff([&] { return open.done() || host_->end; }));
  App& late = Connect(Sends(10));
  ASSERT_TRUE(RunUntil([&] { return late.was_reset(); }, seconds(2)));
  open.user()->stream().CloseWrite();
  ASSERT_TRUE(RunUntil([&] { return host_->end.has_value(); }, seconds(10)));
  EXPECT_EQ(host_->end, TunnelEnd::kStopped);
  EXPECT_TRUE(RunUntil([&] { return client_->path_downs == 1; }, seconds(2)));
  EXPECT_FALSE(ClientEnded());  // it waits for the host to return
}

class UdpTunnelTest : public TunnelWorld {
 protected:
  UdpTunnelTest() {
    protocol_ = TunnelProtocol::kUdp;
    echo_ = std::make_unique<UdpEcho>(reactor_);
    target_port_ = echo_->port();
  }
  UdpSource& NewSource() {
    sources_.push_back(std::make_unique<UdpSource>(reactor_, ClientAddress()));
    return *sources_.back();
  }

  std::unique_ptr<UdpEcho> echo_;
  std::vector<std::unique_ptr<UdpSource>> sources_;
};

TEST_F(UdpTunnelTest, GivesAHundredSourcesTheirOwnEchoes) {
  StartAll();
  for (int i = 0; i < 100; ++i) NewSource().Send("from " + std::to_string(i));
  ASSERT_TRUE(RunUntil([&] {
    return std::all_of(sources_.begin(), sources_.end(),
                       [](const auto& source) { return !source->received.empty(); });
  }));
  for (size_t i = 0; i < sources_.size(); ++i) {
    EXPECT_EQ(sources_[i]->received, std::vector<std::string>{"from " + std::to_string(i)});
  }
}

TEST_F(UdpTunnelTest, CarriesDatagramsUpToTheLimit) {
  StartAll();
  UdpSource& source = NewSource();
  for (const size_t size : {size_t{1}, size_t{1200}, size_t{16384}}) {
    source.received.clear();
    source.Send(std::string(size, 'x'));
    ASSERT_TRUE(RunUntil([&] { return !source.received.empty(); })) << size;
    EXPECT_EQ(source.received.front().size(), size);
  }
  source.Send(std::string(16385, 'x'));
  ASSERT_TRUE(RunUntil([&] { return client_->tunnel->GetStatus().flows.dropped_oversize == 1; }));
}

TEST_F(UdpTunnelTest, CarriesLongerDatagramsWhereBothSidesAllowThem) {
  StartServer();
  TunnelHostOptions host = HostOptions();
  host.udp.flows.max_datagram_bytes = 60'000;
  host_ = std::make_unique<HostProbe>(*services_, host);
  TunnelClientOptions client = ClientOptions();
  client.udp.flows.max_datagram_bytes = 60'000;
  client_ = std::make_unique<ClientProbe>(*services_, client);
  ASSERT_TRUE(RunUntil([&] { return PathUp(); }));
  UdpSource& source = NewSource();
  source.Send(std::string(60'000, 'x'));
  ASSERT_TRUE(RunUntil([&] { return !source.received.empty(); }));
  EXPECT_EQ(source.received.front().size(), 60'000U);
}

TEST_F(UdpTunnelTest, WorksAgainAfterTheHostIsRestarted) {
  StartAll();
  UdpSource& source = NewSource();
  source.Send("one");
  ASSERT_TRUE(RunUntil([&] { return source.received.size() == 1; }));
  host_.reset();
  ASSERT_TRUE(RunUntil([&] { return client_->path_downs == 1; }, seconds(5)));
  StartHost();
  ASSERT_TRUE(RunUntil([&] { return PathUp(); }, seconds(5)));
  source.Send("two");
  ASSERT_TRUE(RunUntil([&] { return source.received.size() == 2; }));
}

}  // namespace
}  // namespace ming::p2p
