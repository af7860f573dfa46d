#include "ming/tls/tls_session.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ming/support/fake_byte_stream.h"
#include "ming/support/fake_timer_service.h"
#include "ming/support/settle.h"

#include "named_certificates.h"
#include "ticket_server.h"

namespace ming::tls {
namespace {

using support::FakeByteStream;
using support::FakeByteStreamOptions;
using support::FakeTimerService;

// Reads all it can, writes what it is given, and notes how the stream ended.
class Endpoint final : public link::ByteStream::Observer {
 public:
  void Use(std::unique_ptr<TlsSession> session) {
    stream = std::move(session);
    stream->SetObserver(this);
    Pump();
  }
  void Send(const std::string& text) {
    to_send += text;
    Pump();
  }
  void OnReadable() override { Pump(); }
  void OnWritable() override {
    ++writables;
    Pump();
  }
  void OnStreamError(const Status& why) override {
    EXPECT_FALSE(error.has_value()) << "two terminal events";
    error = why;
  }
  void Pump() {
    while (!to_send.empty()) {
      const size_t taken = stream->Write(ByteSpan(std::string_view{to_send}));
      to_send.erase(0, taken);
      if (taken == 0) break;
    }
    while (reading) {
      const link::ReadChunk chunk = stream->Peek(read_at_once);
      if (chunk.state == link::ReadState::kEnd) ended = true;
      if (chunk.state != link::ReadState::kData) return;
      EXPECT_LE(chunk.bytes.size(), read_at_once);
      received += chunk.bytes.AsText();
      stream->Consume(chunk.bytes.size());
    }
  }

  std::unique_ptr<TlsSession> stream;
  std::string to_send;
  std::string received;
  size_t read_at_once = 100000;
  bool reading = true;
  bool ended = false;
  int writables = 0;
  std::optional<Status> error;
};

class TlsSessionTest : public testing::Test {
 public:
  TlsSessionTest() : certificate(*Certificate::SelfSigned("server.test")) {
    client_options.trust = *TlsTrust::FromPem(ByteSpan(std::string_view{certificate->pem()}));
    client_options.server_name = "server.test";
    server_options.certificate = certificate;
  }
  ~TlsSessionTest() override {
    client.stream.reset();
    server.stream.reset();
    client_wire.reset();
    server_wire.reset();
    EXPECT_EQ(timers.alarm_count(), 0u);
  }

  void MakeWire(const FakeByteStreamOptions& options = {}) {
    std::tie(client_wire, server_wire) = FakeByteStream::CreatePair(timers, options);
    client_raw = client_wire.get();
    server_raw = server_wire.get();
  }
  void Start(const FakeByteStreamOptions& options = {}) {
    MakeWire(options);
    StartServer();
    StartClient();
  }
  void StartClient() {
    client.Use(std::make_unique<TlsSession>(client_options, timers, std::move(client_wire)));
  }
  void StartServer() {
    server.Use(std::make_unique<TlsSession>(server_options, timers, std::move(server_wire)));
  }
  void Settle() { support::SettleOrFail(timers, 10000000); }
  void Connect(const FakeByteStreamOptions& options = {}) {
    Start(options);
    Settle();
    ASSERT_TRUE(client.stream->connected()) << (client.error ? client.error->ToString() : "");
    ASSERT_TRUE(server.stream->connected()) << (server.error ? server.error->ToString() : "");
  }

  FakeTimerService timers;
  std::shared_ptr<const Certificate> certificate;
  TlsClientOptions client_options;
  TlsServerOptions server_options;
  std::unique_ptr<FakeByteStream> client_wire;
  std::unique_ptr<FakeByteStream> server_wire;
  FakeByteStream* client_raw = nullptr;
  FakeByteStream* server_raw = nullptr;
  Endpoint client;
  Endpoint server;
};

std::string Text(size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 7 + i / 256);
  return text;
}

class TlsSessionWireTest : public TlsSessionTest,
                           public testing::WithParamInterface<FakeByteStreamOptions> {};

TEST_P(TlsSessionWireTest, CarriesBothDirectionsAndEndsInOrder) {
  Start(GetParam());
  client.Send(Text(20000));
  server.Send(Text(17000));
  Settle();
  EXPECT_EQ(server.received, Text(20000));
  EXPECT_EQ(client.received, Text(17000));
  client.stream->CloseWrite();
  Settle();
  EXPECT_TRUE(server.ended);
  EXPECT_FALSE(client.ended);
  server.Send("after the client's end");
  Settle();
  EXPECT_EQ(client.received, Text(17000) + "after the client's end");
  server.stream->CloseWrite();
  Settle();
  EXPECT_TRUE(client.ended);
  EXPECT_FALSE(client.error || server.error);
}

INSTANTIATE_TEST_SUITE_P(Wires, TlsSessionWireTest,
                         testing::Values(FakeByteStreamOptions{},
                                         FakeByteStreamOptions{65536, 1, 1},
                                         FakeByteStreamOptions{1, 1, 1},
                                         FakeByteStreamOptions{1000, 7, 500}));

TEST_F(TlsSessionTest, SaysWritableWhenTheHandshakeIsDone) {
  Start();
  EXPECT_EQ(client.stream->WritableBytes(), 0u);
  EXPECT_EQ(client.stream->Peek(1).state, link::ReadState::kWouldBlock);
  Settle();
  EXPECT_EQ(client.writables, 1);
  EXPECT_GT(client.stream->WritableBytes(), 0u);
}

TEST_F(TlsSessionTest, AnEndBeforeTheHandshakeIsDoneFollowsIt) {
  Start();
  client.stream->CloseWrite();
  Settle();
  EXPECT_TRUE(server.ended);
  EXPECT_FALSE(server.error.has_value());
}

TEST_F(TlsSessionTest, ShowsPiecesOfARecordAsAsked) {
  Connect();
  server.read_at_once = 3;
  client.Send("twelve bytes");
  Settle();
  EXPECT_EQ(server.received, "twelve bytes");
}

TEST_F(TlsSessionTest, AStalledReaderStopsTheWriterInBoundedMemory) {
  Connect({4096, 4096, 4096});
  server.reading = false;
  const std::string text = Text(1000000);
  client.Send(text);
  Settle();
  EXPECT_GT(client.to_send.size(), text.size() - 65536);
  EXPECT_EQ(client.stream->WritableBytes(), 0u);
  EXPECT_LE(server_raw->max_buffered_bytes(), 4096u);
  server.reading = true;
  server.Pump();
  Settle();
  EXPECT_EQ(server.received, text);
}

TEST_F(TlsSessionTest, TruncationIsAnError) {
  Connect();
  server.read_at_once = 4;
  client.Send("half a message");
  client_raw->CloseWrite();  // below TLS: no goodbye
  Settle();
  EXPECT_FALSE(server.ended);
  ASSERT_TRUE(server.error.has_value());
  EXPECT_EQ(server.error->code(), StatusCode::kProtocolViolation);
  EXPECT_NE(server.error->message().find("goodbye"), std::string::npos);
}

TEST_F(TlsSessionTest, AForgedRecordIsAnErrorAtBothEnds) {
  Connect();
  ASSERT_GT(client_raw->Write(ByteSpan(std::string_view("\x17\x03\x03\x00\x20"
                                                        "0123456789abcdef0123456789abcdef",
                                                        37))),
            0u);
  Settle();
  ASSERT_TRUE(server.error.has_value());
  EXPECT_EQ(server.error->code(), StatusCode::kProtocolViolation);
  ASSERT_TRUE(client.error.has_value());  // the alert
  EXPECT_NE(client.error->message().find("refused"), std::string::npos);
}

TEST_F(TlsSessionTest, SomethingElseThanTlsIsRefused) {
  MakeWire();
  StartServer();
  ASSERT_GT(client_wire->Write(ByteSpan("GET / HTTP/1.1\r\n\r\n")), 0u);
  Settle();
  ASSERT_TRUE(server.error.has_value());
  EXPECT_EQ(server.error->code(), StatusCode::kProtocolViolation) << server.error->ToString();
}

TEST_F(TlsSessionTest, ASilentPeerIsATimeout) {
  MakeWire();
  StartClient();
  Settle();
  ASSERT_TRUE(client.error.has_value());
  EXPECT_EQ(client.error->code(), StatusCode::kTimeout);
}

TEST_F(TlsSessionTest, AFailureBelowIsPassedOn) {
  Connect();
  client_raw->Reset(Status(StatusCode::kUnavailable, "cable cut"));
  Settle();
  ASSERT_TRUE(server.error.has_value());
  EXPECT_EQ(server.error->message(), "cable cut");
}

TEST_F(TlsSessionTest, ResetTellsThePeerAndNotUs) {
  Connect();
  client.stream->Reset(Status(StatusCode::kClosed, "given up"));
  Settle();
  EXPECT_FALSE(client.error.has_value());
  EXPECT_TRUE(server.error.has_value());
}

TEST_F(TlsSessionTest, EventsWaitForAnObserver) {
  Connect();
  server.stream->SetObserver(nullptr);
  client.Send("early");
  client.stream->CloseWrite();
  Settle();
  EXPECT_EQ(server.received, "");
  server.stream->SetObserver(&server);
  Settle();
  EXPECT_EQ(server.received, "early");
  EXPECT_TRUE(server.ended);
}

TEST_F(TlsSessionTest, TrustsAnAuthorityForTheRightNameOnly) {
  const auto trust = TlsTrust::FromPem(ByteSpan(std::string_view{certificate->pem()}));
  ASSERT_TRUE(trust.ok()) << trust.status().ToString();
  client_options.trust = *trust;
  Connect();
}

TEST_F(TlsSessionTest, RefusesTheWrongNameUnderATrustedAuthority) {
  client_options.trust = *TlsTrust::FromPem(ByteSpan(std::string_view{certificate->pem()}));
  client_options.server_name = "other.test";
  Start();
  Settle();
  ASSERT_TRUE(client.error.has_value());
  EXPECT_EQ(client.error->code(), StatusCode::kPermissionDenied);
  EXPECT_NE(client.error->message().find("other.test"), std::string::npos);
}

TEST_F(TlsSessionTest, RefusesAnUnknownAuthority) {
  const auto other = Certificate::SelfSigned("server.test");
  client_options.trust = *TlsTrust::FromPem(ByteSpan(std::string_view{(*other)->pem()}));
  Start();
  Settle();
  ASSERT_TRUE(client.error.has_value());
  EXPECT_EQ(client.error->code(), StatusCode::kPermissionDenied) << client.error->ToString();
}

TEST_F(TlsSessionTest, InsecureTakesAnyone) {
  client_options.trust = TlsTrust::Insecure();
  client_options.server_name.clear();
  Connect();
}

TEST_F(TlsSessionTest, AgreesOnTheServersFavouriteProtocol) {
  client_options.alpn = {"http/1.1", "h2"};
  server_options.alpn = {"h2", "http/1.1"};
  Connect();
  EXPECT_EQ(client.stream->alpn(), "h2");
  EXPECT_EQ(server.stream->alpn(), "h2");
}

TEST_F(TlsSessionTest, RefusesAClientWithoutACommonProtocol) {
  client_options.alpn = {"spdy/1"};
  server_options.alpn = {"h2"};
  Start();
  Settle();
  ASSERT_TRUE(client.error.has_value());
  EXPECT_EQ(client.error->code(), StatusCode::kUnsupported) << client.error->ToString();
  ASSERT_TRUE(server.error.has_value());
}

TEST_F(TlsSessionTest, TakesAClientWithoutAlpn) {
  server_options.alpn = {"h2"};
  Connect();
  EXPECT_FALSE(server.stream->alpn().has_value());
}

TEST_F(TlsSessionTest, ReadsOnBehindSessionTickets) {
  MakeWire();
  TicketServer tickets(*server_wire, *certificate, "words behind the tickets");
  StartClient();
  Settle();
  EXPECT_EQ(client.received, "words behind the tickets");
  EXPECT_FALSE(client.error.has_value());
}

// A server that asks its clients who they are, and trusts those of `trusted`.
class TlsClientNameTest : public TlsSessionTest {
 public:
  void ConnectAs(const char* certificate_pem, const char* key_pem, const char* trusted) {
    const auto shown =
        Certificate::FromPem(ByteSpan(std::string_view{certificate_pem}), Secret(key_pem));
    ASSERT_TRUE(shown.ok()) << shown.status().ToString();
    client_options.certificate = *shown;
    const auto trust = TlsTrust::FromPem(ByteSpan(std::string_view{trusted}));
    ASSERT_TRUE(trust.ok()) << trust.status().ToString();
    server_options.client_trust = *trust;
    Connect();
  }
};

TEST_F(TlsClientNameTest, IsTheFirstDnsNameWhateverElseStandsThere) {
  ConnectAs(kAlternativeNamesCertificate, kAlternativeNamesKey, kAlternativeNamesCertificate);
  const auto name = server.stream->client_name();
  ASSERT_TRUE(name.ok()) << name.status().ToString();
  EXPECT_EQ(*name, "beta");
}

TEST_F(TlsClientNameTest, IsTheCommonNameWhereThereIsNoDnsName) {
  ConnectAs(kCommonNameOnlyCertificate, kCommonNameOnlyKey, kCommonNameOnlyCertificate);
  const auto name = server.stream->client_name();
  ASSERT_TRUE(name.ok()) << name.status().ToString();
  EXPECT_EQ(*name, "alpha");
}

TEST_F(TlsClientNameTest, IsRefusedForACertificateThatNamesNobody) {
  ConnectAs(kNamelessCertificate, kNamelessKey, kNamelessCertificate);
  const auto name = server.stream->client_name();
  ASSERT_FALSE(name.ok());
  EXPECT_EQ(name.status().code(), StatusCode::kPermissionDenied);
}

TEST_F(TlsClientNameTest, IsRefusedForACertificateOfAnotherAuthority) {
  ConnectAs(kCommonNameOnlyCertificate, kCommonNameOnlyKey, kAlternativeNamesCertificate);
  const auto name = server.stream->client_name();
  ASSERT_FALSE(name.ok());
  EXPECT_EQ(name.status().code(), StatusCode::kPermissionDenied);
}

TEST_F(TlsClientNameTest, IsRefusedWithoutACertificate) {
  server_options.client_trust = *TlsTrust::FromPem(ByteSpan(std::string_view{certificate->pem()}));
  Connect();
  EXPECT_FALSE(server.stream->client_name().ok());
}

TEST_F(TlsClientNameTest, IsNotAskedForWithoutTrust) {
  client_options.certificate = certificate;
  Connect();
  EXPECT_FALSE(server.stream->client_name().ok());
}

TEST(TlsTrustTest, RefusesATextWithoutCertificates) {
  EXPECT_FALSE(TlsTrust::FromPem(ByteSpan("")).ok());
  EXPECT_FALSE(TlsTrust::FromPem(ByteSpan("nonsense")).ok());
  const auto missing = TlsTrust::FromFile("/nonexistent/ca.pem");
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.status().message().find("/nonexistent/ca.pem"), std::string::npos);
}

}  // namespace
}  // namespace ming::tls
