#include <gmock/gmock.h>

#include "ws_fixture.h"

namespace ming::ws {
namespace {

using link::MessageKind;
using link::SendResult;
using testing::ElementsAre;

using WsConnectionTest = WsTest;

TEST_F(WsConnectionTest, CarriesTextAndBinaryBothWays) {
  server_.echo = true;
  ConnectPair();
  EXPECT_EQ(client_->SendText("hello"), SendResult::kAccepted);
  const std::string bytes("\0\xff\x80", 3);
  EXPECT_EQ(client_->connection().Send(MessageKind::kBinary, ByteSpan(bytes)),
            SendResult::kAccepted);
  EXPECT_EQ(client_->SendText(""), SendResult::kAccepted);
  ASSERT_TRUE(RunUntil([&] { return client_->messages.size() == 3; }));
  EXPECT_THAT(client_->messages, ElementsAre("hello", bytes, ""));
  EXPECT_THAT(client_->kinds,
              ElementsAre(MessageKind::kText, MessageKind::kBinary, MessageKind::kText));
}

TEST_F(WsConnectionTest, ClosesInOrder) {
  ConnectPair();
  EXPECT_EQ(client_->SendText("last words"), SendResult::kAccepted);
  client_->connection().Close(WsCloseCode::kGoingAway, "bye");
  EXPECT_EQ(client_->SendText("too late"), SendResult::kClosed);
  ASSERT_TRUE(RunUntil([&] { return client_->closed && server_peer().closed; }));
  EXPECT_THAT(server_peer().messages, ElementsAre("last words"));
  EXPECT_TRUE(server_peer().closed->ok()) << server_peer().closed->ToString();
  EXPECT_TRUE(client_->closed->ok()) << client_->closed->ToString();
  ASSERT_TRUE(server_peer().connection().peer_close());
  EXPECT_EQ(server_peer().connection().peer_close()->code, 1001);
  EXPECT_EQ(server_peer().connection().peer_close()->reason, "bye");
}

TEST_F(WsConnectionTest, NoticesALostConnection) {
  ConnectPair();
  client_->Destroy();
  ASSERT_TRUE(RunUntil([&] { return server_peer().closed.has_value(); }));
  EXPECT_EQ(server_peer().closed->code(), StatusCode::kUnavailable);
}

// Each message comes with the count of those before it.
TEST_F(WsConnectionTest, PausingHoldsThePeerBack) {
  options_.limits.max_message_size = 10'000;
  client_options_.limits.max_message_size = 10'000;
  client_options_.limits.send_queue_bytes = 20'000;
  ConnectPair();
  server_peer().connection().PauseReceiving();
  int sent = 0;
  const auto send_all = [&] {
    for (;;) {
      std::string text = std::to_string(sent);
      text.resize(10'000, ' ');
      if (client_->SendText(text) != SendResult::kAccepted) return;
      ++sent;
    }
  };
  // The kernel's buffers fill; then nothing moves any more.
  int before = -1;
  while (before != sent) {
    before = sent;
    static_cast<void>(reactor_.RunUntil(
        [&] {
          send_all();
          return false;
        },
        std::chrono::milliseconds(100)));
  }
  EXPECT_TRUE(server_peer().messages.empty());
  server_peer().connection().ResumeReceiving();
  ASSERT_TRUE(RunUntil([&] { return server_peer().messages.size() == static_cast<size_t>(sent); }));
  for (int i = 0; i < sent; ++i) {
    EXPECT_EQ(std::stoi(server_peer().messages[static_cast<size_t>(i)]), i);
  }
}

TEST_F(WsConnectionTest, KeepsMessagesUntilSomebodyListens) {
  ConnectPair();
  server_peer().connection().SetObserver(nullptr);
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(client_->SendText(std::to_string(i)), SendResult::kAccepted);
  }
  client_->connection().Close();
  RunFor(std::chrono::milliseconds(50));
  EXPECT_TRUE(server_peer().messages.empty());
  server_peer().connection().SetObserver(&server_peer());
  ASSERT_TRUE(RunUntil([&] { return server_peer().closed.has_value(); }));
  EXPECT_EQ(server_peer().messages.size(), 200u);
}

TEST_F(WsConnectionTest, TooLongForThePeerIsNotSent) {
  client_options_.limits.max_message_size = 1000;
  ConnectPair();
  EXPECT_EQ(client_->connection().max_message_size(), 1000u);
  EXPECT_EQ(client_->SendText(std::string(1001, 'x')), SendResult::kTooLarge);
  EXPECT_EQ(client_->SendText(std::string(1000, 'x')), SendResult::kAccepted);
  ASSERT_TRUE(RunUntil([&] { return !server_peer().messages.empty(); }));
}

TEST_F(WsConnectionTest, HeartbeatKeepsAnIdleConnection) {
  options_.limits.ping_interval = std::chrono::milliseconds(300);
  options_.limits.peer_timeout = std::chrono::milliseconds(1500);
  client_options_.limits = options_.limits;
  ConnectPair();
  RunFor(std::chrono::milliseconds(3200));
  EXPECT_FALSE(server_peer().closed.has_value());
  EXPECT_FALSE(client_->closed.has_value());
}

TEST_F(WsConnectionTest, CutsALongReasonBetweenCharacters) {
  ConnectPair();
  std::string reason(122, 'x');
  client_->connection().Close(WsCloseCode::kNormal, reason + "\xc3\xa4");
  ASSERT_TRUE(RunUntil([&] { return server_peer().closed.has_value(); }));
  ASSERT_TRUE(server_peer().connection().peer_close());
  EXPECT_EQ(server_peer().connection().peer_close()->reason, reason);
}

TEST_F(WsConnectionTest, BothSidesMayCloseAtOnce) {
  ConnectPair();
  client_->connection().Close();
  server_peer().connection().Close();
  client_->connection().Close();
  ASSERT_TRUE(RunUntil([&] { return client_->closed && server_peer().closed; }));
  EXPECT_TRUE(client_->closed->ok());
  EXPECT_TRUE(server_peer().closed->ok());
}

TEST_F(WsConnectionTest, TheServerTakesItsConnectionsAlong) {
  ConnectPair();
  server_.server.reset();
  ASSERT_TRUE(RunUntil([&] { return client_->closed && server_peer().closed; }));
  EXPECT_EQ(server_peer().closed->code(), StatusCode::kClosed);
  EXPECT_EQ(client_->closed->code(), StatusCode::kUnavailable);
  EXPECT_EQ(server_peer().SendText("x"), SendResult::kClosed);
}

TEST_F(WsConnectionTest, AConnectionMayOutliveTheContext) {
  ConnectPair();
  server_.peers.clear();
  server_.server.reset();
  context_.reset();
  EXPECT_EQ(client_->SendText("x"), SendResult::kClosed);
  ASSERT_TRUE(RunUntil([&] { return client_->closed.has_value(); }));
  client_->Destroy();
}

TEST_F(WsConnectionTest, StopListeningKeepsWhatIsEstablished) {
  server_.echo = true;
  ConnectPair();
  server_.server->StopListening();
  server_.server->StopListening();
  RunFor(Duration::zero());
  EXPECT_FALSE(Connect().ok());
  EXPECT_EQ(client_->SendText("still here"), SendResult::kAccepted);
  EXPECT_TRUE(RunUntil([&] { return !client_->messages.empty(); }));
}

TEST_F(WsConnectionTest, ReportsATakenPort) {
  Listen();
  options_.listen.port = server_.server->port();
  TestServer second;
  const auto server = WsServer::Listen(*context_, options_, second);
  ASSERT_FALSE(server.ok());
  EXPECT_THAT(server.status().message(), testing::HasSubstr("cannot listen on 127.0.0.1:"));
}

// Destroys its connection inside its own callback.
class Suicidal final : public link::MessageChannel::Observer {
 public:
  Suicidal(net::Reactor& reactor, std::unique_ptr<WsConnection> connection)
      : reactor_(reactor), connection_(std::move(connection)) {
    connection_->SetObserver(this);
  }
  void OnMessage(MessageKind, ByteBuffer) override {
    ++messages;
    connection_->SetObserver(nullptr);
    reactor_.DeferDelete(std::move(connection_));
  }
  void OnSendReady() override {}
  void OnChannelClosed(const Status&) override { ADD_FAILURE() << "after its end"; }

  int messages = 0;

 private:
  net::Reactor& reactor_;
  std::unique_ptr<WsConnection> connection_;
};

TEST_F(WsConnectionTest, MayDieInItsOwnCallback) {
  ConnectPair();
  auto connection = Connect();
  ASSERT_TRUE(connection.ok());
  Suicidal suicidal(reactor_, *std::move(connection));
  ASSERT_TRUE(RunUntil([&] { return server_.peers.size() == 2; }));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(server_peer().SendText("x"), SendResult::kAccepted);
  ASSERT_TRUE(RunUntil([&] { return server_peer().closed.has_value(); }));
  EXPECT_EQ(suicidal.messages, 1);
}

}  // namespace
}  // namespace ming::ws
