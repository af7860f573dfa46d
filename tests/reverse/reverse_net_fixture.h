// ReverseNetTest: server and client of a reverse tunnel over loopback, with a target and callers.
#ifndef MING_TESTS_REVERSE_REVERSE_NET_FIXTURE_H_
#define MING_TESTS_REVERSE_REVERSE_NET_FIXTURE_H_

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/net/reactor.h"
#include "ming/net/resolver.h"
#include "ming/net/system_random.h"
#include "ming/net/tcp_connector.h"
#include "ming/net/tcp_listener.h"
#include "ming/reverse/reverse_client.h"
#include "ming/reverse/reverse_server.h"
#include "ming/support/fd_leak_check.h"
#include "ming/support/stream_user.h"

namespace ming::reverse {

// Both ends, a target and callers in one loop, over loopback.
class ReverseNetTest : public testing::Test {
 protected:
  static constexpr Duration kLimit = std::chrono::seconds(20);
  static constexpr uint64_t kCallerSeed = 1;
  static constexpr uint64_t kTargetSeed = 2;

  ReverseNetTest() : resolver_(std::make_unique<net::Resolver>(reactor_)) {}

  static support::StreamUserPlan Sends(uint64_t bytes) {
    support::StreamUserPlan plan;
    plan.send_bytes = bytes;
    return plan;
  }
  static support::StreamUserPlan AnswersAfterEnd(uint64_t bytes) {
    support::StreamUserPlan plan = Sends(bytes);
    plan.answer_after_end = true;
    return plan;
  }

  // Callers, target and both ends go before the loop; what engines defer runs first.
  void TearDown() override {
    callers_.clear();
    targets_.clear();
    client_.reset();
    server_.reset();
    target_.reset();
    reactor_.RunUntil([] { return false; }, Duration::zero());
    resolver_.reset();
  }

  void StartTarget(const support::StreamUserPlan& plan) {
    auto target = net::TcpListener::Listen(
        reactor_, {"127.0.0.1", Port(0)}, {},
        [this, plan](std::unique_ptr<net::TcpStream> stream, const net::SocketAddress& /*peer*/) {
          targets_.push_back(std::make_unique<support::StreamUser>(reactor_, std::move(stream),
                                                                   plan, kTargetSeed, kCallerSeed));
        });
    ASSERT_TRUE(target.ok()) << target.status().ToString();
    target_ = *std::move(target);
  }

  void StartServer(ReverseServerOptions options = {}) {
    options.callers = {HostPort{"127.0.0.1", Port(0)}};
    options.clients = HostPort{"127.0.0.1", Port(0)};
    auto server =
        ReverseServer::Start(reactor_, random_, options, [this] { server_stopped_ = true; });
    ASSERT_TRUE(server.ok()) << server.status().ToString();
    server_ = *std::move(server);
  }

  ReverseClientOptions ClientOptions() const {
    ReverseClientOptions options;
    options.server = HostPort{"127.0.0.1", server_->client_port()};
    options.target = HostPort{"127.0.0.1", target_ ? target_->port() : Port(1)};
    return options;
  }
  std::unique_ptr<ReverseClient> MakeClient(const ReverseClientOptions& options) {
    return std::make_unique<ReverseClient>(reactor_, *resolver_, random_, options,
                                           [this](ClientEnd end, const Status& why) {
                                             client_end_ = end;
                                             client_why_ = why;
                                           });
  }
  void StartClient(const ReverseClientOptions& options) {
    client_ = MakeClient(options);
    ASSERT_TRUE(RunUntil([this] { return client_->connected(); }));
  }
  void StartClient() { StartClient(ClientOptions()); }

  void Call(const support::StreamUserPlan& plan) {
    connectors_.push_back(std::make_unique<net::TcpConnector>(
        reactor_, *resolver_, HostPort{"127.0.0.1", server_->caller_port(0)},
        net::TcpConnectOptions(), [this, plan](Result<std::unique_ptr<net::TcpStream>> stream) {
          ASSERT_TRUE(stream.ok()) << stream.status().ToString();
          callers_.push_back(std::make_unique<support::StreamUser>(reactor_, *std::move(stream),
                                                                   plan, kCallerSeed, kTargetSeed));
        }));
  }
  // The first caller, to its end.
  bool Serve(const support::StreamUserPlan& plan) {
    Call(plan);
    return RunUntil([this] { return CallersDone(1); });
  }
  bool CallersDone(size_t count) {
    if (callers_.size() < count) return false;
    for (const auto& caller : callers_) {
      if (!caller->done()) return false;
    }
    return true;
  }
  bool RunUntil(const std::function<bool()>& done) { return reactor_.RunUntil(done, kLimit); }
  bool Quiet() {
    return RunUntil([this] {
      const ReverseCounters counters = server_->counters();
      return counters.active == 0 && counters.pending == 0;
    });
  }

  support::FdLeakCheck leaks_;
  net::Reactor reactor_;
  std::unique_ptr<net::Resolver> resolver_;
  net::SystemRandom random_;
  std::unique_ptr<net::TcpListener> target_;
  std::unique_ptr<ReverseServer> server_;
  std::unique_ptr<ReverseClient> client_;
  std::vector<std::unique_ptr<net::TcpConnector>> connectors_;
  std::vector<std::unique_ptr<support::StreamUser>> callers_;
  std::vector<std::unique_ptr<support::StreamUser>> targets_;
  bool server_stopped_ = false;
  std::optional<ClientEnd> client_end_;
  Status client_why_;
};

}  // namespace ming::reverse

#endif  // MING_TESTS_REVERSE_REVERSE_NET_FIXTURE_H_
