// The cases run against a host and a client of this process, and what a run says where there is
// nobody.
#include "ming/conformance/conformance_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ming/conformance/cases.h"
#include "ming/net/reactor.h"
#include "ming/net/tcp_listener.h"
#include "ming/p2p/tunnel_client.h"
#include "ming/p2p/tunnel_host.h"
#include "ming/p2p/tunnel_services.h"
#include "ming/signaling/signaling_server.h"
#include "ming/webrtc/peer_connection.h"

namespace ming::conformance {
namespace {

ice::IceOptions LoopbackOnly() {
  ice::IceOptions options;
  options.loopback = ice::LoopbackUse::kAlways;
  options.interfaces = {"lo"};
  return options;
}

class HostUnderTest final : public p2p::TunnelHost::Observer {
 public:
  HostUnderTest(p2p::TunnelServices& services, const p2p::TunnelHostOptions& options)
      : tunnel_(p2p::TunnelHost::Start(services, options, *this)) {}
  void OnRegistered() override {}
  void OnHostEnded(p2p::TunnelEnd /*end*/, const Status& why) override {
    ADD_FAILURE() << why.message();
  }

 private:
  std::unique_ptr<p2p::TunnelHost> tunnel_;
};

class ClientUnderTest final : public p2p::TunnelClient::Observer {
 public:
  ClientUnderTest(p2p::TunnelServices& services, const p2p::TunnelClientOptions& options) {
    auto started = p2p::TunnelClient::Start(services, options, *this);
    if (!started.ok()) {
      ADD_FAILURE() << started.status().message();
      return;
    }
    tunnel_ = *std::move(started);
  }
  void OnPathUp() override {}
  void OnPathDown(const Status& /*why*/) override {}
  void OnClientEnded(p2p::TunnelEnd /*end*/, const Status& why) override {
    ADD_FAILURE() << why.message();
  }

  HostPort local() const { return *ParseHostPort(tunnel_->local_addresses().front()); }

 private:
  std::unique_ptr<p2p::TunnelClient> tunnel_;
};

class ConformanceRunTest : public ::testing::Test {
 protected:
  ConformanceRunTest() {
    auto services = p2p::TunnelServices::Create(reactor_);
    CHECK(services.ok()) << services.status().ToString();
    services_ = *std::move(services);
    signaling::SignalingServerOptions options;
    options.listen = {"127.0.0.1", Port(0)};
    auto server = signaling::SignalingServer::Start(reactor_, services_->websockets(), options);
    CHECK(server.ok()) << server.status().ToString();
    server_ = *std::move(server);
    url_.endpoint = {"127.0.0.1", server_->port()};
  }

  RawServices Raw() {
    const webrtc::PeerServices& peers = services_->peers();
    return {reactor_,     peers.glib,       peers.resolver, peers.sctp, services_->websockets(),
            peers.random, peers.certificate};
  }

  BenchOptions Options() {
    BenchOptions options;
    options.signaling.url = url_;
    options.id = "under-test";
    options.ice = LoopbackOnly();
    options.wait = std::chrono::seconds(20);
    return options;
  }

  // A free port for a target: of a listener that is gone.
  HostPort FreeAddress() {
    auto listener = net::TcpListener::Listen(reactor_, {"127.0.0.1", Port(0)}, {}, nullptr);
    CHECK(listener.ok());
    return {"127.0.0.1", (*listener)->port()};
  }

  RunSummary Run(const BenchOptions& options, const std::vector<std::string>& only) {
    CaseFilter filter;
    filter.role = options.role;
    filter.tunnel = options.tunnel;
    filter.only = only;
    Bench bench(Raw(), options);
    return RunCases(bench, ChooseCases(AllCases(), filter), [](const CaseResult&) {});
  }

  static void ExpectAllHold(const RunSummary& summary) {
    EXPECT_EQ(summary.end, RunEnd::kDone) << summary.why.ToString();
    EXPECT_FALSE(summary.results.empty());
    for (const CaseResult& result : summary.results) {
      EXPECT_EQ(result.outcome.verdict, Verdict::kHolds) << FormatResult(result);
    }
  }

  net::Reactor reactor_;
  std::unique_ptr<p2p::TunnelServices> services_;
  std::unique_ptr<signaling::SignalingServer> server_;
  ws::WsUrl url_;
};

TEST_F(ConformanceRunTest, AHostHolds) {
  BenchOptions options = Options();
  options.target = FreeAddress();
  p2p::TunnelHostOptions host;
  host.signaling.url = url_;
  host.id = options.id;
  host.tcp.remote = *options.target;
  host.peer.ice = LoopbackOnly();
  const HostUnderTest under_test(*services_, host);
  ExpectAllHold(Run(options, {"server/answer", "signaling/null-mid", "sdp/legacy", "ice/restart",
                              "ice/role-conflict", "dtls/as-", "sctp/reuse", "dcep/used-stream",
                              "tunnel/close-delivers", "x-ming/half-close"}));
}

TEST_F(ConformanceRunTest, AHostOfDatagramsHolds) {
  BenchOptions options = Options();
  options.tunnel = TunnelKind::kUdp;
  options.target = FreeAddress();
  p2p::TunnelHostOptions host;
  host.signaling.url = url_;
  host.id = options.id;
  host.protocol = p2p::TunnelProtocol::kUdp;
  host.udp.remote = *options.target;
  host.peer.ice = LoopbackOnly();
  const HostUnderTest under_test(*services_, host);
  ExpectAllHold(Run(options, {"tunnel/datagrams", "tunnel/own-sources"}));
}

TEST_F(ConformanceRunTest, AClientHolds) {
  BenchOptions options = Options();
  options.role = PeerRole::kClient;
  p2p::TunnelClientOptions client;
  client.signaling.url = url_;
  client.host_id = options.id;
  client.tcp.local = {"127.0.0.1", Port(0)};
  client.peer.ice = LoopbackOnly();
  const ClientUnderTest under_test(*services_, client);
  options.local = under_test.local();
  ExpectAllHold(Run(options, {"sdp/form", "ice/check-form", "dcep/parity", "sctp/reset-by-us",
                              "tunnel/bytes", "x-ming/keeps-credit"}));
}

TEST_F(ConformanceRunTest, NobodyToTest) {
  BenchOptions options = Options();
  options.wait = std::chrono::milliseconds(300);
  const RunSummary host = Run(options, {"dcep/ack"});
  EXPECT_EQ(host.end, RunEnd::kPeerMissing);
  EXPECT_THAT(host.why.message(), ::testing::HasSubstr("under-test"));
  options.role = PeerRole::kClient;
  EXPECT_EQ(Run(options, {"dcep/open"}).end, RunEnd::kPeerMissing);
}

TEST_F(ConformanceRunTest, TheServersOwnCasesNeedNoPeer) {
  ExpectAllHold(Run(Options(), {"server/unknown-target", "server/duplicate-id"}));
}

TEST_F(ConformanceRunTest, NoServer) {
  BenchOptions options = Options();
  options.signaling.url.endpoint = FreeAddress();
  EXPECT_EQ(Run(options, {"dcep/ack"}).end, RunEnd::kServerLost);
}

TEST_F(ConformanceRunTest, AnIdThatIsTaken) {
  BenchOptions options = Options();
  p2p::TunnelHostOptions host;
  host.signaling.url = url_;
  host.id = options.id;
  const HostUnderTest holder(*services_, host);
  const auto registered = [this] { return server_->metrics().hosts == 1; };
  ASSERT_TRUE(reactor_.RunUntil(registered, std::chrono::seconds(20)));
  options.role = PeerRole::kClient;
  const RunSummary summary = Run(options, {"dcep/open"});
  EXPECT_EQ(summary.end, RunEnd::kRefused) << summary.why.ToString();
}

TEST_F(ConformanceRunTest, AnInterruptEndsARun) {
  BenchOptions options = Options();
  Bench bench(Raw(), options);
  const auto alarm = reactor_.CreateAlarm([&bench] { bench.Interrupt(); });
  alarm->ArmAt(reactor_.Now() + std::chrono::milliseconds(50));
  CaseFilter filter;
  const RunSummary summary =
      RunCases(bench, ChooseCases(AllCases(), filter), [](const CaseResult&) {});
  EXPECT_EQ(summary.end, RunEnd::kInterrupted);
}

TEST(AllCasesTest, IdsAreUniqueAndSayTheirGroup) {
  std::set<std::string_view> ids;
  for (const Case& one : AllCases()) {
    EXPECT_TRUE(ids.insert(one.id).second) << one.id;
    EXPECT_FALSE(GroupOf(one).empty());
    EXPECT_FALSE(one.section.empty()) << one.id;
    EXPECT_FALSE(one.sentence.empty()) << one.id;
    EXPECT_NE(one.run, nullptr) << one.id;
  }
  EXPECT_GE(ids.size(), 50U);
}

}  // namespace
}  // namespace ming::conformance
