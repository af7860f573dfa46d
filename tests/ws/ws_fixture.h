// What the WebSocket tests share: a loop with a context, a server and observers that keep what they
// saw.
#ifndef MING_TESTS_WS_WS_FIXTURE_H_
#define MING_TESTS_WS_WS_FIXTURE_H_

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ming/net/glib_bridge.h"
#include "ming/net/reactor.h"
#include "ming/net/resolver.h"
#include "ming/support/fd_leak_check.h"
#include "ming/ws/ws_client.h"
#include "ming/ws/ws_connection.h"
#include "ming/ws/ws_context.h"
#include "ming/ws/ws_server.h"

namespace ming::ws {

// Holds one end of a connection and notes what comes.
class TestPeer final : public link::MessageChannel::Observer {
 public:
  explicit TestPeer(std::unique_ptr<WsConnection> connection) : connection_(std::move(connection)) {
    connection_->SetObserver(this);
  }

  void OnMessage(link::MessageKind kind, ByteBuffer message) override {
    kinds.push_back(kind);
    messages.emplace_back(message.AsText());
    if (echo) static_cast<void>(connection_->Send(kind, message));
  }
  void OnSendReady() override { ++send_ready; }
  void OnChannelClosed(const Status& why) override { closed = why; }

  WsConnection& connection() { return *connection_; }
  void Destroy() { connection_.reset(); }
  link::SendResult SendText(std::string_view text) {
    return connection_->Send(link::MessageKind::kText, ByteSpan(text));
  }

  bool echo = false;
  std::vector<link::MessageKind> kinds;
  std::vector<std::string> messages;
  int send_ready = 0;
  std::optional<Status> closed;

 private:
  std::unique_ptr<WsConnection> connection_;
};

class TestServer final : public WsServer::Observer {
 public:
  std::optional<WsHttpReply> CheckUpgrade(const WsRequest& request) override {
    requests.push_back(request);
    return refusal;
  }
  void OnConnection(std::unique_ptr<WsConnection> connection, const WsRequest&) override {
    peers.push_back(std::make_unique<TestPeer>(std::move(connection)));
    peers.back()->echo = echo;
  }
  WsHttpReply AnswerHttp(const WsRequest& request) override {
    requests.push_back(request);
    return {request.path == "/healthz" ? 200 : 404, "text for " + request.path};
  }

  bool echo = false;
  std::optional<WsHttpReply> refusal;
  std::vector<WsRequest> requests;
  std::vector<std::unique_ptr<TestPeer>> peers;
  std::unique_ptr<WsServer> server;
};

class WsTest : public testing::Test {
 public:
  ~WsTest() override {
    client_.reset();
    server_.peers.clear();
    server_.server.reset();
    attempts_.clear();
    EXPECT_TRUE(RunUntil([&] { return context_ == nullptr || context_->socket_count() == 0; }));
    context_.reset();
  }

 protected:
  // GLib makes its default context, and a descriptor for it, once for the life of the process.
  static void SetUpTestSuite() {
    net::Reactor reactor;
    const net::GlibBridge bridge(reactor);
  }

  WsTest() : bridge_(reactor_), resolver_(reactor_) {
    auto context = WsContext::Create(reactor_, bridge_);
    CHECK(context.ok()) << context.status().ToString();
    context_ = *std::move(context);
    options_.listen = HostPort{"127.0.0.1", Port(0)};
  }
  bool RunUntil(const std::function<bool()>& done) {
    return reactor_.RunUntil(done, std::chrono::seconds(10));
  }
  void RunFor(Duration time) {
    static_cast<void>(reactor_.RunUntil([] { return false; }, time));
  }

  void Listen() {
    auto server = WsServer::Listen(*context_, options_, server_);
    CHECK(server.ok()) << server.status().ToString();
    server_.server = *std::move(server);
    client_options_.url.endpoint = {"127.0.0.1", server_.server->port()};
  }
  // Runs one attempt to its end.
  Result<std::unique_ptr<WsConnection>> Connect() {
    std::optional<Result<std::unique_ptr<WsConnection>>> result;
    auto attempt = WsClient::Connect(*context_, resolver_, client_options_,
                                     [&](auto outcome) { result = std::move(outcome); });
    CHECK(RunUntil([&] { return result.has_value(); })) << "no outcome";
    return *std::move(result);
  }
  // A server and a client that is connected to it.
  void ConnectPair() {
    if (server_.server == nullptr) Listen();
    auto connection = Connect();
    CHECK(connection.ok()) << connection.status().ToString();
    client_ = std::make_unique<TestPeer>(*std::move(connection));
    const size_t count = server_.peers.size();
    CHECK(RunUntil([&] { return server_.peers.size() > count || !server_.peers.empty(); }));
  }
  TestPeer& server_peer() { return *server_.peers.back(); }

  const support::FdLeakCheck leaks_;
  net::Reactor reactor_;
  net::GlibBridge bridge_;
  net::Resolver resolver_;
  std::unique_ptr<WsContext> context_;
  WsServerOptions options_;
  WsClientOptions client_options_;
  TestServer server_;
  std::unique_ptr<TestPeer> client_;
  std::vector<std::unique_ptr<WsClient>> attempts_;
};

}  // namespace ming::ws

#endif  // MING_TESTS_WS_WS_FIXTURE_H_
