// What a WebSocket server must survive, said by raw TCP.
#include <gmock/gmock.h>

#include "raw_socket.h"
#include "ws_fixture.h"

namespace ming::ws {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class WsHostileTest : public WsTest {
 protected:
  // A raw client behind its upgrade; its server end is server_peer().
  RawSocket Upgrade(int receive_buffer = 0) {
    if (server_.server == nullptr) Listen();
    RawSocket raw(server_.server->port(), receive_buffer);
    raw.Send(UpgradeRequest());
    const size_t before = server_.peers.size();
    CHECK(RunUntil([&] {
      raw.ReadAll();
      return raw.HttpStatus() && server_.peers.size() > before;
    }));
    CHECK_EQ(*raw.HttpStatus(), 101);
    return raw;
  }
  bool RunUntilEnd(RawSocket& raw) {
    return RunUntil([&] { return raw.ReadAll(); });
  }
  // Sends `bytes` behind an upgrade; the connection must end, with `code` in the close frame, or
  // without one, and no message may have come.
  void ExpectEnd(const std::string& bytes, std::optional<int> code) {
    RawSocket raw = Upgrade();
    raw.Send(bytes);
    EXPECT_TRUE(RunUntil([&] { return raw.ReadAll() || raw.CloseCode(); })) << bytes;
    if (code) {
      EXPECT_EQ(raw.CloseCode(), code);
    }
    raw.Close();
    EXPECT_TRUE(RunUntil([&] { return server_peer().closed.has_value(); }));
    EXPECT_FALSE(server_peer().closed->ok());
    EXPECT_THAT(server_peer().messages, IsEmpty());
  }
};

TEST_F(WsHostileTest, ReassemblesFragmentsAroundAPing) {
  RawSocket raw = Upgrade();
  raw.Send(Frame(0x01, "one "));
  raw.Send(Frame(0x89, "?"));
  raw.Send(Frame(0x00, ""));
  raw.Send(Frame(0x00, "two "));
  raw.Send(Frame(0x80, "three"));
  ASSERT_TRUE(RunUntil([&] { return !server_peer().messages.empty(); }));
  EXPECT_THAT(server_peer().messages, ElementsAre("one two three"));
  ASSERT_TRUE(RunUntil([&] {
    raw.ReadAll();
    return !raw.Frames().empty();
  }));
  EXPECT_EQ(raw.Frames()[0].first, 0x8a);
  EXPECT_EQ(raw.Frames()[0].payload, "?");
}

TEST_F(WsHostileTest, TakesAMessageByteByByte) {
  RawSocket raw = Upgrade();
  for (const char byte : Frame(0x81, std::string(200, 'x'))) {
    raw.Send({&byte, 1});
    RunFor(Duration::zero());
  }
  ASSERT_TRUE(RunUntil([&] { return !server_peer().messages.empty(); }));
  EXPECT_THAT(server_peer().messages, ElementsAre(std::string(200, 'x')));
}

TEST_F(WsHostileTest, AnswersAnEmptyPing) {
  RawSocket raw = Upgrade();
  raw.Send(Frame(0x89, ""));
  ASSERT_TRUE(RunUntil([&] {
    raw.ReadAll();
    return !raw.Frames().empty();
  }));
  EXPECT_EQ(raw.Frames()[0].first, 0x8a);
}

TEST_F(WsHostileTest, TakesAMessageOfExactlyTheLimit) {
  options_.limits.max_message_size = 1000;
  RawSocket raw = Upgrade();
  raw.Send(Frame(0x82, std::string(1000, 'x')));
  ASSERT_TRUE(RunUntil([&] { return !server_peer().messages.empty(); }));
  EXPECT_EQ(server_peer().messages[0].size(), 1000u);
}

TEST_F(WsHostileTest, ClosesALongMessageAtItsHead) {
  options_.limits.max_message_size = 1000;
  ExpectEnd(Frame(0x82, std::string(1001, 'x')), 1009);
  ExpectEnd(FrameHead(0x82, uint64_t{1} << 40) + "x", 1009);
}

TEST_F(WsHostileTest, ClosesALongMessageOfSmallFragments) {
  options_.limits.max_message_size = 1000;
  std::string frames = Frame(0x02, std::string(600, 'x'));
  frames += Frame(0x00, std::string(400, 'x'));
  frames += Frame(0x80, "x");
  ExpectEnd(frames, 1009);
}

TEST_F(WsHostileTest, ClosesTextThatIsNoUtf8) {
  ExpectEnd(Frame(0x81, "abc\xff"), 1007);
  ExpectEnd(Frame(0x81, "\xed\xa0\x80"), 1007);
  ExpectEnd(Frame(0x01, "\xc3") + Frame(0x80, "("), 1007);
}

TEST_F(WsHostileTest, TakesACharacterSplitBetweenFragments) {
  RawSocket raw = Upgrade();
  raw.Send(Frame(0x01, "\xc3") + Frame(0x80, "\xa4"));
  ASSERT_TRUE(RunUntil([&] { return !server_peer().messages.empty(); }));
  EXPECT_THAT(server_peer().messages, ElementsAre("\xc3\xa4"));
}

TEST_F(WsHostileTest, EndsOnFramesThatAreNotAllowed) {
  ExpectEnd(Frame(0xc1, "reserved bit"), std::nullopt);
  ExpectEnd(Frame(0x83, "reserved opcode"), std::nullopt);
  ExpectEnd(Frame(0x8b, "reserved control"), std::nullopt);
  ExpectEnd(Frame(0x09, "fragmented ping"), std::nullopt);
  ExpectEnd(Frame(0x89, std::string(126, 'x')), std::nullopt);
  ExpectEnd(Frame(0x80, "continues nothing"), std::nullopt);
  ExpectEnd(Frame(0x01, "begins") + Frame(0x81, "begins again"), std::nullopt);
  ExpectEnd(FrameHead(0x82, ~uint64_t{0}), std::nullopt);
}

// RFC 6455, section 5.5.1: a close frame has no payload, or a code of two bytes at its head.
TEST_F(WsHostileTest, EndsOnHalfACloseCode) { ExpectEnd(Frame(0x88, "\x03"), 1002); }

// RFC 6455, section 5.1 wants the connection closed, but libwebsockets does not look. The mask
// protects proxies that misread a stream which a browser's script chose, not us.
TEST_F(WsHostileTest, TakesAFrameWithoutMask) {
  RawSocket raw = Upgrade();
  raw.Send(Frame(0x81, "no mask", Mask::kNo));
  ASSERT_TRUE(RunUntil([&] { return !server_peer().messages.empty(); }));
  EXPECT_THAT(server_peer().messages, ElementsAre("no mask"));
}

TEST_F(WsHostileTest, EndsOnWhatIsNoHttp) {
  Listen();
  const std::vector<std::string> garbage = {
      "\r\n\r\n",
      "hello\r\n\r\n",
      std::string(2000, '\xff'),
      "\x16\x03\x01\x02\x01\x01",
      "GET / HTTP/1.1\r\n" + std::string(70'000, 'x') + "\r\n\r\n",
      "GET /" + std::string(70'000, 'x') + " HTTP/1.1\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"};
  options_.handshake_timeout = milliseconds(200);
  server_.server.reset();
  Listen();
  for (const std::string& bytes : garbage) {
    RawSocket raw(server_.server->port());
    raw.Send(bytes);
    EXPECT_TRUE(RunUntilEnd(raw)) << bytes.substr(0, 20);
    EXPECT_NE(raw.HttpStatus().value_or(400), 101);
  }
  EXPECT_THAT(server_.peers, IsEmpty());
  EXPECT_EQ(server_.server->connection_count(), 0u);
}

TEST_F(WsHostileTest, EndsASlowHandshake) {
  options_.handshake_timeout = milliseconds(100);
  Listen();
  RawSocket silent(server_.server->port());
  RawSocket slow(server_.server->port());
  slow.Send("GET / HTTP/1.1\r\nHost: a\r\n");
  EXPECT_TRUE(RunUntil([&] { return server_.server->handshake_count() == 2; }));
  EXPECT_TRUE(RunUntilEnd(silent));
  EXPECT_TRUE(RunUntilEnd(slow));
  EXPECT_EQ(server_.server->connection_count(), 0u);
}

TEST_F(WsHostileTest, HoldsTheConnectionLimit) {
  options_.max_connections = 2;
  options_.max_handshakes = 2;
  RawSocket first = Upgrade();
  RawSocket second = Upgrade();
  RawSocket third(server_.server->port());
  EXPECT_TRUE(RunUntilEnd(third));
  first.Close();
  EXPECT_TRUE(RunUntil([&] { return server_.server->connection_count() == 1; }));
  RawSocket fourth = Upgrade();
}

TEST_F(WsHostileTest, HoldsTheHandshakeLimit) {
  options_.max_handshakes = 1;
  Listen();
  RawSocket silent(server_.server->port());
  EXPECT_TRUE(RunUntil([&] { return server_.server->handshake_count() == 1; }));
  RawSocket next(server_.server->port());
  EXPECT_TRUE(RunUntilEnd(silent));
  EXPECT_EQ(server_.server->handshake_count(), 1u);
  RawSocket accepted = Upgrade();
  EXPECT_TRUE(RunUntilEnd(next));
}

// Silent sockets of one address do not keep another one out.
TEST_F(WsHostileTest, AFloodOfHandshakesCrowdsOutItself) {
  options_.max_handshakes = 8;
  Listen();
  RawSocket patient(server_.server->port(), 0, "127.0.0.2");
  EXPECT_TRUE(RunUntil([&] { return server_.server->handshake_count() == 1; }));
  std::vector<RawSocket> flood;
  flood.reserve(40);
  for (int i = 0; i < 40; ++i) flood.emplace_back(server_.server->port());
  EXPECT_TRUE(RunUntilEnd(flood[32]));
  EXPECT_EQ(server_.server->handshake_count(), 8u);
  patient.Send(UpgradeRequest());
  EXPECT_TRUE(RunUntil([&] {
    patient.ReadAll();
    return patient.HttpStatus() == 101;
  }));
}

TEST_F(WsHostileTest, RefusesWithAnHttpStatus) {
  Listen();
  for (const int status : {401, 403, 429, 503}) {
    server_.refusal = WsHttpReply{status, "go away"};
    RawSocket raw(server_.server->port());
    raw.Send(UpgradeRequest());
    EXPECT_TRUE(RunUntilEnd(raw));
    EXPECT_EQ(raw.HttpStatus(), status);
    EXPECT_THAT(raw.received(), HasSubstr("go away\n"));
    EXPECT_THAT(raw.received(), HasSubstr("Connection: close\r\n"));
  }
  EXPECT_THAT(server_.peers, IsEmpty());
}

TEST_F(WsHostileTest, ShowsTheRequestBeforeTheUpgrade) {
  Listen();
  RawSocket raw(server_.server->port());
  raw.Send(
      "GET /a/b?c=d&e=f HTTP/1.1\r\nHost: x:1\r\nUpgrade: websocket\r\n"
      "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
      "Sec-WebSocket-Version: 13\r\nOrigin: https://o\r\nauthorization: Bearer t\r\n"
      "User-Agent: ua\r\n\r\n");
  ASSERT_TRUE(RunUntil([&] { return !server_.peers.empty(); }));
  ASSERT_EQ(server_.requests.size(), 1u);
  const WsRequest& request = server_.requests[0];
  EXPECT_EQ(request.path, "/a/b");
  EXPECT_EQ(request.query, "c=d&e=f");
  EXPECT_EQ(request.host, "x:1");
  EXPECT_EQ(request.origin, "https://o");
  EXPECT_EQ(request.authorization.Reveal(), "Bearer t");
  EXPECT_EQ(request.user_agent, "ua");
  EXPECT_EQ(request.peer_address.ToString(), "127.0.0.1");
  EXPECT_NE(request.peer_port, Port(0));
}

TEST_F(WsHostileTest, RefusesHeadersThatCameTwice) {
  Listen();
  RawSocket raw(server_.server->port());
  raw.Send(UpgradeRequest("Authorization: Bearer a\r\nAuthorization: Bearer b\r\n"));
  EXPECT_TRUE(RunUntilEnd(raw));
  EXPECT_EQ(raw.HttpStatus(), 400);
  RawSocket hosts(server_.server->port());
  hosts.Send(UpgradeRequest("Host: b\r\n"));
  EXPECT_TRUE(RunUntilEnd(hosts));
  EXPECT_EQ(hosts.HttpStatus(), 400);
}

TEST_F(WsHostileTest, AnswersPlainRequests) {
  Listen();
  const auto ask = [&](const std::string& request) {
    RawSocket raw(server_.server->port());
    raw.Send(request);
    EXPECT_TRUE(RunUntilEnd(raw)) << request;
    return raw.received();
  };
  EXPECT_THAT(ask("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
              testing::AllOf(HasSubstr("HTTP/1.1 200 OK\r\n"), HasSubstr("text for /healthz\n")));
  EXPECT_THAT(ask("GET /x HTTP/1.0\r\n\r\n"), HasSubstr("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_THAT(ask("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi"),
              HasSubstr("HTTP/1.1 405 "));
  EXPECT_THAT(ask("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n"
                  "HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"),
              HasSubstr("HTTP/1.1 426 "));
}

TEST_F(WsHostileTest, ASlowReaderBlocksSendingAndNothingElse) {
  options_.limits.send_queue_bytes = 10'000;
  RawSocket raw = Upgrade(4096);
  const std::string message(1000, 'x');
  auto result = link::SendResult::kAccepted;
  int accepted = 0;
  ASSERT_TRUE(RunUntil([&] {
    for (int i = 0; i < 100 && result == link::SendResult::kAccepted; ++i) {
      result = server_peer().connection().Send(link::MessageKind::kBinary, ByteSpan(message));
      if (result == link::SendResult::kAccepted) ++accepted;
    }
    return result != link::SendResult::kAccepted;
  }));
  EXPECT_EQ(result, link::SendResult::kWouldBlock);
  EXPECT_LE(server_peer().connection().queued_bytes(), 10'000u);
  EXPECT_EQ(server_peer().send_ready, 0);
  ASSERT_TRUE(RunUntil([&] {
    raw.ReadAll();
    return server_peer().send_ready == 1 && raw.Frames().size() == static_cast<size_t>(accepted);
  }));
}

TEST_F(WsHostileTest, GivesUpAPeerThatAnswersNoPing) {
  options_.limits.ping_interval = milliseconds(100);
  options_.limits.peer_timeout = milliseconds(200);
  RawSocket raw = Upgrade();
  ASSERT_TRUE(RunUntil([&] { return server_peer().closed.has_value(); }));
  EXPECT_EQ(server_peer().closed->code(), StatusCode::kTimeout);
  EXPECT_TRUE(RunUntilEnd(raw));
}

TEST_F(WsHostileTest, PingAsksThePeer) {
  RawSocket raw = Upgrade();
  bool ponged = false;
  server_peer().connection().Ping([&] { ponged = true; });
  ASSERT_TRUE(RunUntil([&] {
    raw.ReadAll();
    return !raw.Frames().empty();
  }));
  const RawFrame ping = raw.Frames()[0];
  EXPECT_EQ(ping.first, 0x89);
  EXPECT_FALSE(ponged);
  raw.Send(Frame(0x8a, ping.payload));
  EXPECT_TRUE(RunUntil([&] { return ponged; }));
}

TEST_F(WsHostileTest, ClosesThoughThePeerDoesNotAnswer) {
  options_.limits.close_timeout = milliseconds(100);
  RawSocket raw = Upgrade();
  server_peer().connection().Close(WsCloseCode::kNormal, "bye");
  ASSERT_TRUE(RunUntil([&] { return server_peer().closed.has_value(); }));
  EXPECT_TRUE(server_peer().closed->ok());
  EXPECT_TRUE(RunUntilEnd(raw));
  EXPECT_EQ(raw.CloseCode(), 1000);
}

TEST_F(WsHostileTest, ClosesThoughThePeerDoesNotRead) {
  options_.limits.close_timeout = milliseconds(100);
  options_.limits.send_queue_bytes = 10'000'000;
  RawSocket raw = Upgrade(4096);
  const std::string message(60'000, 'x');
  for (int i = 0; i < 150; ++i) {
    static_cast<void>(
        server_peer().connection().Send(link::MessageKind::kBinary, ByteSpan(message)));
  }
  server_peer().connection().Close(WsCloseCode::kNormal, "");
  EXPECT_TRUE(RunUntil([&] { return server_peer().closed.has_value(); }));
}

}  // namespace
}  // namespace ming::ws
