#include "ming/ws/ws_client.h"

#include <gmock/gmock.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <cstdlib>

#include "raw_socket.h"
#include "test_certificate.h"
#include "ws_fixture.h"

namespace ming::ws {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;

// RFC 6455, section 1.3.
std::string AcceptValue(const std::string& key) {
  const std::string text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char digest[SHA_DIGEST_LENGTH];
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  unsigned char encoded[32];
  const int size = EVP_EncodeBlock(encoded, digest, sizeof(digest));
  return {reinterpret_cast<const char*>(encoded), static_cast<size_t>(size)};
}

class WsClientTest : public WsTest {
 public:
  ~WsClientTest() override {
    attempt_.reset();
    outcome_.reset();
  }

 protected:
  // Starts an attempt whose outcome lands in outcome_.
  void Start() {
    attempt_ = WsClient::Connect(*context_, resolver_, client_options_,
                                 [this](auto outcome) { outcome_ = std::move(outcome); });
  }
  // Answers the attempt by hand; returns the request.
  RawSocket AcceptRaw(RawListener& listener) {
    std::optional<RawSocket> peer;
    CHECK(RunUntil([&] {
      peer = listener.Accept();
      return peer.has_value();
    }));
    CHECK(RunUntil([&] {
      peer->ReadAll();
      return peer->received().find("\r\n\r\n") != std::string::npos;
    }));
    return *std::move(peer);
  }
  // Upgrades the attempt by hand.
  void AcceptUpgrade(RawSocket& peer) {
    const std::string key_header = "Sec-WebSocket-Key: ";
    const size_t at = peer.received().find(key_header) + key_header.size();
    const std::string key = peer.received().substr(at, peer.received().find('\r', at) - at);
    peer.Send(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: " +
        AcceptValue(key) + "\r\n\r\n");
    CHECK(FailureCode() == StatusCode::kOk);
  }
  void PointAt(const RawListener& listener) {
    client_options_.url.endpoint = {"127.0.0.1", listener.port()};
  }
  // A connection to a server that is only a socket.
  RawSocket ConnectTo(RawListener& listener) {
    PointAt(listener);
    Start();
    RawSocket peer = AcceptRaw(listener);
    AcceptUpgrade(peer);
    return peer;
  }
  StatusCode FailureCode() {
    CHECK(RunUntil([&] { return outcome_.has_value(); }));
    return outcome_->ok() ? StatusCode::kOk : outcome_->status().code();
  }

  std::unique_ptr<WsClient> attempt_;
  std::optional<Result<std::unique_ptr<WsConnection>>> outcome_;
};

TEST_F(WsClientTest, SendsPathTokenAndHeaders) {
  Listen();
  client_options_.url.target = "/a/b?c=d";
  client_options_.bearer_token = Secret("s3cret");
  client_options_.headers = {{"Origin", "https://o"}, {"User-Agent", "test"}};
  ConnectPair();
  ASSERT_EQ(server_.requests.size(), 1u);
  const WsRequest& request = server_.requests[0];
  EXPECT_EQ(request.path, "/a/b");
  EXPECT_EQ(request.query, "c=d");
  EXPECT_EQ(request.host, client_options_.url.HostHeader());
  EXPECT_EQ(request.authorization.Reveal(), "Bearer s3cret");
  EXPECT_EQ(request.origin, "https://o");
  EXPECT_EQ(request.user_agent, "test");
}

TEST_F(WsClientTest, ReachesIpv6AndNames) {
  options_.listen.host = "localhost";
  Listen();
  for (const char* host : {"::1", "localhost", "127.0.0.1"}) {
    client_options_.url.endpoint.host = host;
    auto connection = Connect();
    EXPECT_TRUE(connection.ok()) << connection.status().ToString();
  }
  ASSERT_EQ(server_.requests.size(), 3u);
  EXPECT_THAT(server_.requests[0].host, HasSubstr("[::1]:"));
  EXPECT_EQ(server_.requests[0].peer_address.ToString(), "::1");
  EXPECT_THAT(server_.requests[1].host, HasSubstr("localhost:"));
}

TEST_F(WsClientTest, TriesTheNextAddress) {
  options_.listen.host = "::1";
  Listen();
  client_options_.url.endpoint.host = "localhost";  // 127.0.0.1 first
  auto connection = Connect();
  EXPECT_TRUE(connection.ok()) << connection.status().ToString();
}

TEST_F(WsClientTest, ReportsTheStatusOfARefusal) {
  Listen();
  const std::vector<std::pair<int, StatusCode>> expected = {{401, StatusCode::kPermissionDenied},
                                                            {403, StatusCode::kPermissionDenied},
                                                            {429, StatusCode::kUnavailable},
                                                            {503, StatusCode::kUnavailable}};
  for (const auto& [status, code] : expected) {
    server_.refusal = WsHttpReply{status, "no"};
    auto connection = Connect();
    ASSERT_FALSE(connection.ok());
    EXPECT_EQ(connection.status().code(), code) << connection.status().ToString();
    EXPECT_EQ(connection.status().detail(), status);
  }
}

// Nobody listens on the other address of the name, which is no reason to forget the answer.
TEST_F(WsClientTest, ReportsTheRefusalOfANameWithSeveralAddresses) {
  options_.listen.host = "127.0.0.1";
  Listen();
  client_options_.url.endpoint.host = "localhost";
  server_.refusal = WsHttpReply{401, "no"};
  auto connection = Connect();
  ASSERT_FALSE(connection.ok());
  EXPECT_EQ(connection.status().code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(connection.status().detail(), 401);
}

TEST_F(WsClientTest, ReportsAPortNobodyListensOn) {
  {
    RawListener closed;
    PointAt(closed);
  }
  Start();
  EXPECT_EQ(FailureCode(), StatusCode::kUnavailable);
  EXPECT_THAT(outcome_->status().message(), HasSubstr("cannot connect to ws://127.0.0.1:"));
}

TEST_F(WsClientTest, GivesUpOnASilentServer) {
  RawListener silent;
  PointAt(silent);
  client_options_.connect_timeout = milliseconds(100);
  Start();
  EXPECT_EQ(FailureCode(), StatusCode::kTimeout);
}

TEST_F(WsClientTest, RejectsAnswersThatAreNoUpgrade) {
  client_options_.connect_timeout = milliseconds(300);
  const std::vector<std::pair<std::string, StatusCode>> answers = {
      {"SSH-2.0-OpenSSH_9.2\r\n\r\n", StatusCode::kTimeout},
      {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", StatusCode::kUnavailable},
      {"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\n\r\n", StatusCode::kUnavailable},
      {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
       "Sec-WebSocket-Accept: wrong=\r\n\r\n",
       StatusCode::kProtocolViolation},
      {"", StatusCode::kUnavailable}};
  for (const auto& [answer, code] : answers) {
    RawListener listener;
    PointAt(listener);
    outcome_.reset();
    Start();
    RawSocket peer = AcceptRaw(listener);
    peer.Send(answer);
    if (answer.empty()) peer.Close();
    EXPECT_EQ(FailureCode(), code) << answer << outcome_->status().ToString();
  }
}

// What Gorilla's servers send as heartbeat.
TEST_F(WsClientTest, AnswersAnEmptyPing) {
  RawListener listener;
  RawSocket peer = ConnectTo(listener);
  const size_t request_size = peer.received().size();
  peer.Send(Frame(0x89, "", Mask::kNo));
  ASSERT_TRUE(RunUntil([&] {
    peer.ReadAll();
    return peer.received().size() >= request_size + 6;
  }));
  EXPECT_EQ(peer.received().substr(request_size, 2), "\x8a\x80");
}

TEST_F(WsClientTest, NoticesAServerThatFellSilent) {
  client_options_.limits.ping_interval = milliseconds(100);
  client_options_.limits.peer_timeout = milliseconds(200);
  RawListener listener;
  RawSocket peer = ConnectTo(listener);
  client_ = std::make_unique<TestPeer>(std::move(*outcome_).value());
  ASSERT_TRUE(RunUntil([&] { return client_->closed.has_value(); }));
  EXPECT_EQ(client_->closed->code(), StatusCode::kTimeout);
}

// Data behind the head that crossed the limit is read, too: none of it may be kept, nor harm.
TEST_F(WsClientTest, OutlivesAServerThatSendsTooMuch) {
  RawListener listener;
  RawSocket peer = ConnectTo(listener);
  TestPeer client(std::move(*outcome_).value());
  const size_t request_size = peer.received().size();
  // A text of 1 MiB: the length stands in eight bytes, without mask.
  const std::string frame =
      std::string("\x81\x7f\0\0\0\0\0\x10\0\0", 10) + std::string(size_t{1} << 20, 'x');
  for (std::string_view rest = frame; !rest.empty() && !client.closed;) {
    peer.Send(rest.substr(0, 16'384));
    rest.remove_prefix(std::min<size_t>(rest.size(), 16'384));
    RunFor(Duration::zero());
  }
  ASSERT_TRUE(RunUntil([&] {
    peer.ReadAll();
    return peer.received().size() > request_size;
  }));
  EXPECT_EQ(peer.received()[request_size], '\x88');
  peer.Close();
  ASSERT_TRUE(RunUntil([&] { return client.closed.has_value(); }));
  EXPECT_EQ(client.closed->code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(client.messages, testing::IsEmpty());
}

// A close frame with half a code, and data behind it.
TEST_F(WsClientTest, OutlivesAServerThatClosesWrongly) {
  RawListener listener;
  RawSocket peer = ConnectTo(listener);
  TestPeer client(std::move(*outcome_).value());
  const size_t request_size = peer.received().size();
  const std::string frame = std::string("\x81\x7e\x10\0", 4) + std::string(4096, 'x');
  std::string wire = "\x88\x01\x03";
  for (int i = 0; i < 64; ++i) wire += frame;
  peer.Send(wire);
  ASSERT_TRUE(RunUntil([&] {
    peer.ReadAll();
    return peer.received().size() > request_size;
  }));
  EXPECT_EQ(peer.received()[request_size], '\x88');
  for (int i = 0; i < 64 && !client.closed; ++i) {
    peer.Send(frame);
    RunFor(Duration::zero());
  }
  peer.Close();
  ASSERT_TRUE(RunUntil([&] { return client.closed.has_value(); }));
  EXPECT_EQ(client.closed->code(), StatusCode::kMalformed);
  EXPECT_THAT(client.messages, testing::IsEmpty());
}

TEST_F(WsClientTest, CancelsInEveryState) {
  RawListener listener;
  PointAt(listener);
  Start();
  attempt_.reset();  // resolving
  Start();
  RawSocket peer = AcceptRaw(listener);
  attempt_.reset();  // handshake
  EXPECT_TRUE(RunUntil([&] { return peer.ReadAll(); }));
  EXPECT_FALSE(outcome_.has_value());
  EXPECT_EQ(context_->socket_count(), 0u);
}

TEST_F(WsClientTest, DoesNotUseAProxyFromTheEnvironment) {
  ASSERT_EQ(setenv("http_proxy", "127.0.0.1:1", 1), 0);  // NOLINT(concurrency-mt-unsafe): no thread
  Listen();
  auto connection = Connect();
  ASSERT_EQ(unsetenv("http_proxy"), 0);  // NOLINT(concurrency-mt-unsafe): no thread
  EXPECT_TRUE(connection.ok()) << connection.status().ToString();
}

class WssTest : public WsClientTest {
 protected:
  WssTest() {
    options_.tls = WsServerTls{certificate_.certificate_file(), certificate_.key_file()};
    client_options_.url.scheme = WsUrl::Scheme::kWss;
    client_options_.trust = {WsTrust::Mode::kCaFile, certificate_.certificate_file()};
  }

  TestCertificate certificate_{"DNS:localhost,IP:127.0.0.1,IP:::1"};
};

TEST_F(WssTest, CarriesMessages) {
  server_.echo = true;
  options_.limits.max_message_size = size_t{1} << 20;
  client_options_.limits.max_message_size = size_t{1} << 20;
  ConnectPair();
  const std::string big(300'000, 'x');
  EXPECT_EQ(client_->SendText("hello"), link::SendResult::kAccepted);
  EXPECT_EQ(client_->SendText(big), link::SendResult::kWouldBlock);
  ASSERT_TRUE(RunUntil([&] { return client_->send_ready == 1; }));
  EXPECT_EQ(client_->SendText(big), link::SendResult::kAccepted);
  ASSERT_TRUE(RunUntil([&] { return client_->messages.size() == 2; }));
  EXPECT_THAT(client_->messages, ElementsAre("hello", big));
  client_->connection().Close();
  ASSERT_TRUE(RunUntil([&] { return server_peer().closed.has_value(); }));
  EXPECT_TRUE(server_peer().closed->ok());
}

TEST_F(WssTest, ChecksTheName) {
  Listen();
  for (const char* host : {"127.0.0.1", "localhost"}) {
    client_options_.url.endpoint.host = host;
    auto connection = Connect();
    EXPECT_TRUE(connection.ok()) << host << ": " << connection.status().ToString();
  }
}

TEST_F(WssTest, ChecksAnIpv6Address) {
  options_.listen.host = "::1";
  Listen();
  client_options_.url.endpoint.host = "::1";
  auto connection = Connect();
  EXPECT_TRUE(connection.ok()) << connection.status().ToString();
}

TEST_F(WssTest, RejectsAnotherIpv6Address) {
  const TestCertificate other("DNS:localhost,IP:2001:db8::1");
  options_.tls = WsServerTls{other.certificate_file(), other.key_file()};
  options_.listen.host = "::1";
  client_options_.trust.ca_file = other.certificate_file();
  client_options_.bearer_token = Secret("s3cret");
  Listen();
  client_options_.url.endpoint.host = "::1";
  EXPECT_FALSE(Connect().ok());
  EXPECT_TRUE(server_.requests.empty());
}

TEST_F(WssTest, RejectsAnotherName) {
  const TestCertificate other("DNS:elsewhere.example");
  options_.tls = WsServerTls{other.certificate_file(), other.key_file()};
  client_options_.trust.ca_file = other.certificate_file();
  Listen();
  EXPECT_FALSE(Connect().ok());
  client_options_.url.endpoint.host = "localhost";
  EXPECT_FALSE(Connect().ok());
}

TEST_F(WssTest, RejectsAStranger) {
  Listen();
  const TestCertificate other("DNS:localhost,IP:127.0.0.1");
  client_options_.trust.ca_file = other.certificate_file();
  auto connection = Connect();
  ASSERT_FALSE(connection.ok());
  EXPECT_THAT(connection.status().message(), HasSubstr("the server's certificate is refused: "));
  client_options_.trust = {WsTrust::Mode::kSystem, ""};
  EXPECT_FALSE(Connect().ok());
  client_options_.trust = {WsTrust::Mode::kInsecure, ""};
  EXPECT_TRUE(Connect().ok());
}

TEST_F(WssTest, PlainAndTlsDoNotMeet) {
  options_.handshake_timeout = milliseconds(200);
  client_options_.connect_timeout = milliseconds(500);
  Listen();
  client_options_.url.scheme = WsUrl::Scheme::kWs;
  client_options_.trust = {};
  EXPECT_FALSE(Connect().ok());
  server_.server.reset();
  options_.tls.reset();
  Listen();
  client_options_.url.scheme = WsUrl::Scheme::kWss;
  client_options_.trust = {WsTrust::Mode::kInsecure, ""};
  EXPECT_FALSE(Connect().ok());
}

TEST_F(WssTest, EndsASlowTlsHandshake) {
  options_.handshake_timeout = milliseconds(100);
  Listen();
  RawSocket silent(server_.server->port());
  RawSocket begun(server_.server->port());
  begun.Send("\x16\x03\x01\x02");
  EXPECT_TRUE(RunUntil([&] { return silent.ReadAll() && begun.ReadAll(); }));
  EXPECT_TRUE(RunUntil([&] { return server_.server->connection_count() == 0; }));
}

TEST_F(WssTest, EndsGarbageInsteadOfTls) {
  Listen();
  RawSocket raw(server_.server->port());
  raw.Send(UpgradeRequest());
  EXPECT_TRUE(RunUntil([&] { return raw.ReadAll(); }));
  EXPECT_TRUE(RunUntil([&] { return server_.server->connection_count() == 0; }));
}

TEST_F(WssTest, NamesFilesThatCannotBeUsed) {
  const auto listen = [&](const std::string& certificate, const std::string& key) {
    options_.tls = WsServerTls{certificate, key};
    auto server = WsServer::Listen(*context_, options_, server_);
    return server.ok() ? Status::Ok() : server.status();
  };
  const Status missing = listen("/nonexistent/cert.pem", certificate_.key_file());
  EXPECT_EQ(missing.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(missing.message(), HasSubstr("/nonexistent/cert.pem"));
  const Status swapped = listen(certificate_.key_file(), certificate_.certificate_file());
  EXPECT_EQ(swapped.code(), StatusCode::kInvalidArgument);
  const TestCertificate other("DNS:other");
  const Status mismatch = listen(certificate_.certificate_file(), other.key_file());
  EXPECT_EQ(mismatch.code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace ming::ws
