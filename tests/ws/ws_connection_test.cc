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

}  // namespace
}  // namespace ming::ws
