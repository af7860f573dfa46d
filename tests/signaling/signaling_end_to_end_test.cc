// Server and clients over loopback sockets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ming/base/random.h"
#include "ming/net/glib_bridge.h"
#include "ming/net/reactor.h"
#include "ming/net/resolver.h"
#include "ming/signaling/signaling_client.h"
#include "ming/signaling/signaling_server.h"
#include "ming/support/fd_leak_check.h"
#include "ming/ws/ws_client.h"
#include "ming/ws/ws_context.h"

namespace ming::signaling {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

// A peer that speaks raw JSON.
class RawPeer final : public link::MessageChannel::Observer {
 public:
  void OnMessage(link::MessageKind, ByteBuffer message) override {
    messages.emplace_back(message.AsText());
  }
  void OnSendReady() override {}
  void OnChannelClosed(const Status&) override { closed = true; }
  void Say(const std::string& text) {
    CHECK(connection->Send(link::MessageKind::kText, ByteSpan(text)) ==
          link::SendResult::kAccepted);
  }
  std::optional<uint16_t> close_code() const {
    if (!connection->peer_close()) return std::nullopt;
    return connection->peer_close()->code;
  }

  std::unique_ptr<ws::WsConnection> connection;
  std::vector<std::string> messages;
  bool closed = false;
};

class Watcher final : public SignalingClient::Observer {
 public:
  void OnSignalingConnected() override { ++connected; }
  void OnSignalingMessage(const codec::SignalingMessage& message) override {
    messages.push_back(message);
  }
  void OnSignalingDisconnected(const Status& why, SignalingLoss loss) override {
    losses.emplace_back(why, loss);
  }
  void OnSignalingError(const SignalingErrorText& error) override {
    errors.emplace_back(error.text, error.target_not_found);
  }

  int connected = 0;
  std::vector<codec::SignalingMessage> messages;
  std::vector<std::pair<Status, SignalingLoss>> losses;
  std::vector<std::pair<std::string, bool>> errors;
  std::unique_ptr<SignalingClient> client;
};

class SignalingEndToEndTest : public testing::Test {
 public:
  ~SignalingEndToEndTest() override {
    raw_peers_.clear();
    watchers_.clear();
    server_.reset();
    EXPECT_TRUE(RunUntil([&] { return context_->socket_count() == 0; }));
    context_.reset();
  }

 protected:
  // GLib makes its default context, and a descriptor for it, once for the life of the process.
  static void SetUpTestSuite() {
    net::Reactor reactor;
    const net::GlibBridge bridge(reactor);
  }

  SignalingEndToEndTest() : bridge_(reactor_), resolver_(reactor_) {
    auto context = ws::WsContext::Create(reactor_, bridge_);
    CHECK(context.ok()) << context.status().ToString();
    context_ = *std::move(context);
    server_options_.listen = {"127.0.0.1", Port(0)};
    client_options_.backoff.initial = milliseconds(10);
    client_options_.backoff.maximum = milliseconds(50);
    client_options_.settle_time = milliseconds(100);
  }
  bool RunUntil(const std::function<bool()>& done) { return reactor_.RunUntil(done, seconds(10)); }
  void RunFor(Duration time) {
    static_cast<void>(reactor_.RunUntil([] { return false; }, time));
  }

  void StartServer() {
    auto server = SignalingServer::Start(reactor_, *context_, server_options_);
    CHECK(server.ok()) << server.status().ToString();
    server_ = *std::move(server);
    server_options_.listen.port = server_->port();
    client_options_.url.endpoint = {"127.0.0.1", server_->port()};
  }
  RawPeer& ConnectRaw() {
    raw_peers_.push_back(std::make_unique<RawPeer>());
    RawPeer& peer = *raw_peers_.back();
    ws::WsClientOptions options;
    options.url = client_options_.url;
    auto attempt = ws::WsClient::Connect(*context_, resolver_, options, [&](auto outcome) {
      CHECK(outcome.ok()) << outcome.status().ToString();
      peer.connection = *std::move(outcome);
      peer.connection->SetObserver(&peer);
    });
    CHECK(RunUntil([&] { return peer.connection != nullptr; }));
    return peer;
  }
  Watcher& StartClient(SignalingRole role, const std::string& id) {
    watchers_.push_back(std::make_unique<Watcher>());
    Watcher& watcher = *watchers_.back();
    client_options_.role = role;
    client_options_.id = id;
    watcher.client =
        SignalingClient::Start(*context_, resolver_, random_, client_options_, watcher);
    return watcher;
  }
  Watcher& StartConnected(SignalingRole role, const std::string& id) {
    Watcher& watcher = StartClient(role, id);
    CHECK(RunUntil([&] { return watcher.connected == 1; }));
    return watcher;
  }
  void WaitForHosts(uint64_t count) {
    CHECK(RunUntil([&] { return server_->metrics().hosts == count; }));
  }
  // A host that is one more to the server.
  RawPeer& RegisterRaw(const std::string& id) {
    const uint64_t hosts = server_->metrics().hosts;
    RawPeer& host = ConnectRaw();
    host.Say(R"({"type":"register-host","payload":null,"sender_id":")" + id + "\"}");
    WaitForHosts(hosts + 1);
    return host;
  }
  static std::string LongOffer(const std::string& target, const std::string& sender) {
    return R"({"type":"offer","payload":")" + std::string(60'000, 'x') + R"(","target_id":")" +
           target + R"(","sender_id":")" + sender + "\"}";
  }

  const support::FdLeakCheck leaks_;
  net::Reactor reactor_;
  net::GlibBridge bridge_;
  net::Resolver resolver_;
  SeededRandom random_{7};
  std::unique_ptr<ws::WsContext> context_;
  SignalingServerOptions server_options_;
  SignalingClientOptions client_options_;
  std::unique_ptr<SignalingServer> server_;
  std::vector<std::unique_ptr<RawPeer>> raw_peers_;
  std::vector<std::unique_ptr<Watcher>> watchers_;
};

// What the original's host and client send, and what they must see.
TEST_F(SignalingEndToEndTest, GoldenConversation) {
  StartServer();
  RawPeer& host = ConnectRaw();
  host.Say(R"({"type":"register-host","payload":null,"sender_id":"myhost"})");
  WaitForHosts(1);
  RawPeer& client = ConnectRaw();
  client.Say(R"({"type":"offer","payload":{"sdp":{"type":"offer","sdp":"v=0\r\n"}},)"
             R"("target_id":"myhost","sender_id":"3f0c"})");
  ASSERT_TRUE(RunUntil([&] { return host.messages.size() == 1; }));
  EXPECT_EQ(host.messages[0],
            R"({"type":"offer","payload":{"sdp":{"type":"offer","sdp":"v=0\r\n"}},)"
            R"("target_id":"myhost","sender_id":"3f0c"})");
  host.Say(R"({"type":"answer","payload":{"sdp":{"type":"answer","sdp":"v=0\r\n"}},)"
           R"("target_id":"3f0c","sender_id":"myhost"})");
  host.Say(
      R"({"type":"candidate","payload":{"candidate":{"candidate":"candidate:1 1 udp 1 ::1 9 typ )"
      R"(host","sdpMid":"","sdpMLineIndex":0,"usernameFragment":null}},)"
      R"("target_id":"3f0c","sender_id":"myhost"})");
  ASSERT_TRUE(RunUntil([&] { return client.messages.size() == 2; }));
  EXPECT_THAT(client.messages[0], HasSubstr(R"("type":"answer")"));
  EXPECT_THAT(client.messages[1], HasSubstr(R"("sdpMLineIndex":0,"usernameFragment":null}})"));
  client.Say(R"({"type":"candidate","payload":null,"target_id":"nobody","sender_id":"3f0c"})");
  ASSERT_TRUE(RunUntil([&] { return client.messages.size() == 3; }));
  EXPECT_EQ(client.messages[2],
            R"({"type":"error","payload":"target host 'nobody' not found","target_id":"3f0c"})");
  EXPECT_FALSE(client.closed);
}

TEST_F(SignalingEndToEndTest, RefusesATakenIdAndCloses) {
  StartServer();
  RawPeer& first = RegisterRaw("h");
  RawPeer& second = ConnectRaw();
  second.Say(R"({"type":"register-host","payload":null,"sender_id":"h"})");
  ASSERT_TRUE(RunUntil([&] { return second.closed; }));
  EXPECT_THAT(second.messages,
              ElementsAre(R"({"type":"error","payload":"host with ID 'h' already registered",)"
                          R"("target_id":"h"})"));
  EXPECT_EQ(second.close_code(), 1008);
  EXPECT_FALSE(first.closed);
}

TEST_F(SignalingEndToEndTest, ClosesMalformedAndEmptyRegistrations) {
  StartServer();
  RawPeer& empty = ConnectRaw();
  empty.Say(R"({"type":"register-host","payload":null})");
  RawPeer& garbage = ConnectRaw();
  garbage.Say("{]");
  ASSERT_TRUE(RunUntil([&] { return empty.closed && garbage.closed; }));
  EXPECT_EQ(empty.close_code(), 1008);
  EXPECT_EQ(garbage.close_code(), 1007);
  EXPECT_EQ(empty.messages.size(), 1u);
  EXPECT_EQ(garbage.messages.size(), 1u);
}

TEST_F(SignalingEndToEndTest, HostAndClientExchangeMessages) {
  StartServer();
  Watcher& host = StartConnected(SignalingRole::kHost, "h");
  Watcher& client = StartConnected(SignalingRole::kClient, "c");
  WaitForHosts(1);
  ASSERT_TRUE(RunUntil([&] { return server_->metrics().clients == 1; }));
  const auto to_client = codec::MakeDescription({codec::SdpKind::kAnswer, "v=0"}, "c", "");
  ASSERT_TRUE(host.client->Send(to_client).ok());
  ASSERT_TRUE(RunUntil([&] { return client.messages.size() == 1; }));
  EXPECT_EQ(client.messages[0].sender_id, "h");
  EXPECT_EQ(client.messages[0].type, codec::SignalingType::kAnswer);
  EXPECT_TRUE(client.errors.empty());
}

TEST_F(SignalingEndToEndTest, ReportsAHostThatIsNotThere) {
  StartServer();
  Watcher& client = StartConnected(SignalingRole::kClient, "c");
  ASSERT_TRUE(
      client.client->Send(codec::MakeDescription({codec::SdpKind::kOffer, "v=0"}, "no", "")).ok());
  ASSERT_TRUE(RunUntil([&] { return client.errors.size() == 1; }));
  EXPECT_EQ(client.errors[0].first, "target host 'no' not found");
  EXPECT_TRUE(client.errors[0].second);
}

TEST_F(SignalingEndToEndTest, GivesUpAnIdThatIsTaken) {
  StartServer();
  StartConnected(SignalingRole::kHost, "h");
  WaitForHosts(1);
  Watcher& second = StartClient(SignalingRole::kHost, "h");
  ASSERT_TRUE(RunUntil([&] { return !second.losses.empty(); }));
  EXPECT_EQ(second.losses[0].second, SignalingLoss::kIdTaken);
  EXPECT_EQ(second.losses[0].first.message(), "host with ID 'h' already registered");
}

TEST_F(SignalingEndToEndTest, GivesUpOnABadToken) {
  server_options_.core.valid_tokens = {Secret("right")};
  StartServer();
  client_options_.token = Secret("wrong");
  Watcher& client = StartClient(SignalingRole::kClient, "c");
  ASSERT_TRUE(RunUntil([&] { return !client.losses.empty(); }));
  EXPECT_EQ(client.losses[0].second, SignalingLoss::kFatal);
  EXPECT_EQ(client.losses[0].first.code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(client.losses[0].first.detail(), 401);
  client_options_.token = Secret("right");
  StartConnected(SignalingRole::kClient, "c");
}

TEST_F(SignalingEndToEndTest, RegistersAgainAfterTheServerCameBack) {
  StartServer();
  Watcher& host = StartConnected(SignalingRole::kHost, "h");
  Watcher& client = StartConnected(SignalingRole::kClient, "c");
  WaitForHosts(1);
  server_.reset();
  ASSERT_TRUE(RunUntil([&] { return !host.losses.empty() && !client.losses.empty(); }));
  EXPECT_EQ(host.losses[0].second, SignalingLoss::kRetrying);
  EXPECT_EQ(host.client->Send(codec::MakeRegisterHost("x")).code(), StatusCode::kUnavailable);
  StartServer();
  ASSERT_TRUE(RunUntil([&] { return host.connected == 2 && client.connected == 2; }));
  WaitForHosts(1);
  ASSERT_TRUE(RunUntil([&] { return server_->metrics().clients == 1; }));
}

TEST_F(SignalingEndToEndTest, ShutdownSaysGoodbye) {
  StartServer();
  RawPeer& host = RegisterRaw("h");
  bool done = false;
  server_->Shutdown([&] { done = true; });
  ASSERT_TRUE(RunUntil([&] { return done; }));
  ASSERT_TRUE(RunUntil([&] { return host.closed; }));
  EXPECT_EQ(host.close_code(), 1001);
  EXPECT_EQ(server_->metrics().connections, 0u);
}

// Who is flooded by others is not the one to be closed.
TEST_F(SignalingEndToEndTest, KeepsAFloodedReaderThatReads) {
  server_options_.send_queue_bytes = size_t{128} * 1024;
  server_options_.core.message_burst = 100'000;
  StartServer();
  RawPeer& host = RegisterRaw("h");
  // Stalls for a moment, as a busy process does.
  host.connection->PauseReceiving();
  RawPeer& client = ConnectRaw();
  const std::string message = LongOffer("h", "c");
  ASSERT_TRUE(RunUntil([&] {
    if (client.connection->SendableBytes() >= message.size()) client.Say(message);
    return server_->metrics().lost_messages_total > 100;
  }));
  host.connection->ResumeReceiving();
  const std::string last = R"({"type":"candidate","payload":1,"target_id":"h","sender_id":"c"})";
  ASSERT_TRUE(RunUntil([&] {
    if (client.connection->SendableBytes() >= last.size()) client.Say(last);
    return !host.messages.empty() && host.messages.back().size() < 1000;
  }));
  EXPECT_EQ(server_->metrics().hosts, 1u);
  EXPECT_EQ(server_->metrics().slow_readers_total, 0u);
}

TEST_F(SignalingEndToEndTest, KeepsAReaderThatIsFloodedForLong) {
  server_options_.send_queue_bytes = size_t{128} * 1024;
  server_options_.slow_reader_limit = milliseconds(10);
  server_options_.core.message_burst = 100'000;
  StartServer();
  RawPeer& host = RegisterRaw("h");
  std::vector<RawPeer*> clients(48);
  for (RawPeer*& client : clients) client = &ConnectRaw();
  const auto flood = [&] {
    for (size_t i = 0; i < clients.size(); ++i) {
      const std::string message = LongOffer("h", "c" + std::to_string(i));
      if (clients[i]->connection->SendableBytes() >= message.size()) clients[i]->Say(message);
    }
    host.messages.clear();
    return false;
  };
  static_cast<void>(reactor_.RunUntil(flood, milliseconds(500)));
  EXPECT_GT(server_->metrics().lost_messages_total, 0u);
  EXPECT_EQ(server_->metrics().hosts, 1u);
}

// Many readers that do not read share what the server keeps for all of them.
TEST_F(SignalingEndToEndTest, BoundsWhatWaitsForAllReaders) {
  server_options_.send_queue_bytes = size_t{1024} * 1024;
  server_options_.send_queue_total = size_t{1024} * 1024;
  server_options_.core.message_burst = 100'000;
  StartServer();
  constexpr size_t kReaders = 2;
  for (size_t i = 0; i < kReaders; ++i) {
    RegisterRaw("h" + std::to_string(i)).connection->PauseReceiving();
  }
  RawPeer& client = ConnectRaw();
  size_t next = 0;
  ASSERT_TRUE(RunUntil([&] {
    const std::string message = LongOffer("h" + std::to_string(next++ % kReaders), "c");
    if (client.connection->SendableBytes() >= message.size()) client.Say(message);
    return server_->metrics().lost_messages_total > 20;
  }));
  // One message more for each of them, at most.
  EXPECT_LE(server_->queued_bytes(), size_t{1024} * 1024 + (kReaders + 1) * 64 * 1024);
  // A reader for whom nothing waits is served.
  RawPeer& last = RegisterRaw("last");
  ASSERT_TRUE(RunUntil([&] { return client.connection->SendableBytes() > 1000; }));
  client.Say(R"({"type":"offer","payload":1,"target_id":"last","sender_id":"c"})");
  EXPECT_TRUE(RunUntil([&] { return !last.messages.empty(); }));
}

TEST_F(SignalingEndToEndTest, DropsAReaderThatStaysTooSlow) {
  server_options_.send_queue_bytes = size_t{128} * 1024;
  server_options_.slow_reader_limit = milliseconds(100);
  StartServer();
  RawPeer& host = RegisterRaw("h");
  host.connection->PauseReceiving();
  RawPeer& client = ConnectRaw();
  const std::string message = LongOffer("h", "c");
  ASSERT_TRUE(RunUntil([&] {
    if (client.connection->SendableBytes() >= message.size()) client.Say(message);
    return server_->metrics().hosts == 0;
  }));
  EXPECT_EQ(server_->metrics().slow_readers_total, 1u);
  EXPECT_FALSE(client.closed);
  ASSERT_TRUE(RunUntil([&] { return !client.messages.empty(); }));
  EXPECT_THAT(client.messages.back(), HasSubstr("target host 'h' not found"));
}

TEST_F(SignalingEndToEndTest, RefusesWhenFullAndTakesTheNextOneLater) {
  server_options_.core.max_connections = 1;
  StartServer();
  Watcher& first = StartConnected(SignalingRole::kHost, "h");
  Watcher& second = StartClient(SignalingRole::kClient, "c");
  ASSERT_TRUE(RunUntil([&] { return !second.losses.empty(); }));
  EXPECT_EQ(second.losses[0].second, SignalingLoss::kRetrying);
  EXPECT_EQ(second.losses[0].first.detail(), 503);
  first.client.reset();
  EXPECT_TRUE(RunUntil([&] { return second.connected == 1; }));
}

TEST_F(SignalingEndToEndTest, ChecksTheOriginOfBrowsers) {
  server_options_.core.allowed_origins = {"https://good.example"};
  StartServer();
  ws::WsClientOptions options;
  options.url = client_options_.url;
  const auto status_for = [&](const std::string& origin) {
    options.headers = {{"Origin", origin}};
    std::optional<Status> status;
    auto attempt = ws::WsClient::Connect(*context_, resolver_, options, [&](auto outcome) {
      status = outcome.ok() ? Status::Ok() : outcome.status();
    });
    CHECK(RunUntil([&] { return status.has_value(); }));
    return *status;
  };
  EXPECT_TRUE(status_for("https://good.example").ok());
  EXPECT_EQ(status_for("https://evil.example").detail(), 403);
}

}  // namespace
}  // namespace ming::signaling
