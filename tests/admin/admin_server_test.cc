// The admin server on loopback: what it answers, and what it does not put up with.
#include "ming/admin/admin_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "ming/net/glib_bridge.h"
#include "ming/net/reactor.h"
#include "ming/net/resolver.h"
#include "ming/support/fd_leak_check.h"
#include "ming/ws/http_get.h"
#include "ming/ws/ws_context.h"

#include "../ws/raw_socket.h"

namespace ming::admin {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ws::RawSocket;

struct Source final : ReportSource {
  RoleReport Report() const override { return report; }
  RoleReport report;
};

class AdminServerTest : public testing::Test {
 public:
  ~AdminServerTest() override {
    server_.reset();
    EXPECT_TRUE(RunUntil([&] { return context_->socket_count() == 0; }));
  }

 protected:
  static void SetUpTestSuite() {
    net::Reactor reactor;
    const net::GlibBridge bridge(reactor);
  }

  AdminServerTest() : bridge_(reactor_), resolver_(reactor_) {
    auto context = ws::WsContext::Create(reactor_, bridge_);
    CHECK(context.ok()) << context.status().ToString();
    context_ = *std::move(context);
    options_.listen = HostPort{"127.0.0.1", Port(0)};
    source_.report.role = "host";
  }

  bool RunUntil(const std::function<bool()>& done) { return reactor_.RunUntil(done, seconds(10)); }
  void Start() {
    auto server = AdminServer::Start(*context_, options_, source_);
    CHECK(server.ok()) << server.status().ToString();
    server_ = *std::move(server);
  }
  Result<ws::HttpAnswer> Get(const std::string& target) {
    ws::HttpGetOptions get;
    get.server = HostPort{"127.0.0.1", server_->port()};
    get.target = target;
    std::optional<Result<ws::HttpAnswer>> answer;
    const auto running = ws::HttpGet::Start(*context_, resolver_, get,
                                            [&](auto outcome) { answer = std::move(outcome); });
    CHECK(RunUntil([&] { return answer.has_value(); })) << "no outcome";
    return *std::move(answer);
  }
  std::string Say(const std::string& request) {
    RawSocket raw(server_->port());
    raw.Send(request);
    EXPECT_TRUE(RunUntil([&] { return raw.ReadAll(); }));
    return raw.received();
  }

  const support::FdLeakCheck leaks_;
  net::Reactor reactor_;
  net::GlibBridge bridge_;
  net::Resolver resolver_;
  std::unique_ptr<ws::WsContext> context_;
  AdminOptions options_;
  Source source_;
  std::unique_ptr<AdminServer> server_;
};

TEST_F(AdminServerTest, AnswersEachPage) {
  Start();
  for (const char* page : {"/healthz", "/readyz", "/status", "/metrics", "/healthz?x=1"}) {
    const auto answer = Get(page);
    ASSERT_TRUE(answer.ok()) << answer.status().ToString();
    EXPECT_EQ(answer->status, 200) << page;
  }
  EXPECT_EQ(Get("/nothing")->status, 404);
  source_.report.not_ready = "no server";
  const auto answer = Get("/readyz");
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(answer->body, "not ready: no server\n");
}

TEST_F(AdminServerTest, CarriesLongAnswers) {
  source_.report.facts = {{"long", std::string(300'000, 'x')}};
  Start();
  const auto answer = Get("/status");
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  EXPECT_GT(answer->body.size(), 300'000u);
}

TEST_F(AdminServerTest, RefusesOtherMethodsAndUpgrades) {
  Start();
  EXPECT_THAT(Say("POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx"),
              HasSubstr("HTTP/1.1 405 "));
  EXPECT_THAT(Say(ws::UpgradeRequest()), HasSubstr("HTTP/1.1 400 "));
}

TEST_F(AdminServerTest, RefusesNamesThatAreNotThisMachine) {
  Start();
  const std::string head = "GET /status HTTP/1.1\r\nHost: ";
  EXPECT_THAT(Say(head + "localhost\r\n\r\n"), HasSubstr("HTTP/1.1 200 "));
  EXPECT_THAT(Say(head + "rebound.example\r\n\r\n"), HasSubstr("HTTP/1.1 403 "));
}

TEST_F(AdminServerTest, DropsASlowClient) {
  options_.request_timeout = milliseconds(100);
  Start();
  EXPECT_EQ(Say("GET /healthz HTTP/1.1\r\nHost: local"), "");
  EXPECT_TRUE(Get("/healthz").ok());
}

// More than the socket buffers hold, to a client that does not read.
TEST_F(AdminServerTest, DropsAClientThatDoesNotRead) {
  options_.request_timeout = milliseconds(100);
  source_.report.facts = {{"long", std::string(8'000'000, 'x')}};
  Start();
  RawSocket raw(server_->port(), 4096);
  raw.Send("GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(RunUntil([&] { return context_->socket_count() == 1; }));
  EXPECT_TRUE(RunUntil([&] { return context_->socket_count() == 0; }));
  static_cast<void>(reactor_.RunUntil([] { return false; }, milliseconds(50)));
  EXPECT_TRUE(RunUntil([&] { return raw.ReadAll(); }));
  EXPECT_LT(raw.received().size(), 8'000'000u);
}

TEST_F(AdminServerTest, BoundsConnections) {
  options_.max_connections = 2;
  Start();
  RawSocket first(server_->port());
  RawSocket second(server_->port());
  RawSocket third(server_->port());
  EXPECT_TRUE(RunUntil([&] { return first.ReadAll(); }));
  EXPECT_EQ(context_->socket_count(), 2u);
  third.Send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_TRUE(RunUntil([&] { return third.ReadAll(); }));
  EXPECT_THAT(third.received(), HasSubstr("HTTP/1.1 200 "));
  EXPECT_TRUE(Get("/healthz").ok());
}

TEST_F(AdminServerTest, SaysThatTheAddressIsTaken) {
  Start();
  options_.listen.port = server_->port();
  const auto second = AdminServer::Start(*context_, options_, source_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), StatusCode::kUnavailable);
}

TEST(AdminOptionsTest, BoundsAreChecked) {
  AdminOptions options;
  EXPECT_TRUE(Validate(options).empty());
  options.max_connections = 0;
  options.request_timeout = milliseconds(99);
  EXPECT_EQ(Validate(options).size(), 2u);
  options.max_connections = 10'001;
  options.request_timeout = seconds(121);
  EXPECT_EQ(Validate(options).size(), 2u);
  options.max_connections = 10'000;
  options.request_timeout = seconds(120);
  EXPECT_TRUE(Validate(options).empty());
}

}  // namespace
}  // namespace ming::admin
