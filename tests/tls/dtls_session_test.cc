#include "ming/tls/dtls_session.h"

#include <gtest/gtest.h>

#include "ming/base/random.h"

#include "dtls_pair.h"

namespace ming::tls {
namespace {

using DtlsSessionTest = DtlsPairTest;

TEST_F(DtlsSessionTest, ConnectsAndNeedsNoTimerAfterwards) {
  Connect();
  EXPECT_EQ(client.connects, 1);
  EXPECT_EQ(server.connects, 1);
  EXPECT_EQ(client.session->NextTimeout(), Timestamp::Max());
  EXPECT_EQ(server.session->NextTimeout(), Timestamp::Max());
  EXPECT_LE(client.largest, 1200u);
  EXPECT_LE(server.largest, 1200u);
}

TEST_F(DtlsSessionTest, TheHandshakeFitsASmallMtu) {
  client_options.handshake_mtu = server_options.handshake_mtu = 256;
  Connect();
  EXPECT_LE(client.largest, 256u);
  EXPECT_LE(server.largest, 256u);
}

TEST_F(DtlsSessionTest, OneRecordIsOneDatagramBothWays) {
  Connect();
  for (const size_t size : {size_t{1}, size_t{1163}, size_t{8000}, DtlsSession::kMaxRecord}) {
    const std::string text(size, 'x');
    for (const auto& [from, to] : {std::pair(&client, &server), std::pair(&server, &client)}) {
      ASSERT_TRUE(from->session->Send(ByteSpan(text)).ok());
      ASSERT_EQ(from->outbox.size(), 1u);
      EXPECT_GT(from->outbox.front().size(), size);
      EXPECT_LE(from->outbox.front().size(), size + DtlsSession::kRecordOverhead);
      to->records.clear();
      Settle();
      ASSERT_EQ(to->records.size(), 1u);
      EXPECT_EQ(to->records[0], text);
    }
  }
}

TEST_F(DtlsSessionTest, SendsOnlyWhatFitsAndOnlyWhenConnected) {
  Start();
  EXPECT_EQ(client.session->Send(ByteSpan("early")).code(), StatusCode::kUnavailable);
  Settle();
  EXPECT_EQ(client.session->Send(ByteSpan()).code(), StatusCode::kInvalidArgument);
  const std::string large(DtlsSession::kMaxRecord + 1, 'x');
  EXPECT_EQ(client.session->Send(ByteSpan(large)).code(), StatusCode::kInvalidArgument);
  client.session->Close();
  EXPECT_EQ(client.session->Send(ByteSpan("late")).code(), StatusCode::kClosed);
}

TEST_F(DtlsSessionTest, AnyOfSeveralFingerprintsWillDo) {
  client_options.peer_fingerprints.insert(client_options.peer_fingerprints.begin(),
                                          Fingerprint(Sha256::Of(ByteSpan("another"))));
  Connect();
}

class DtlsFingerprintTest : public DtlsPairTest, public testing::WithParamInterface<DtlsRole> {};

TEST_P(DtlsFingerprintTest, AWrongCertificateEndsBothBeforeAnyByte) {
  const bool client_is_strict = GetParam() == DtlsRole::kClient;
  auto& strict_options = client_is_strict ? client_options : server_options;
  strict_options.peer_fingerprints = {Fingerprint(Sha256::Of(ByteSpan("another")))};
  DtlsEnd& strict = client_is_strict ? client : server;
  DtlsEnd& refused = client_is_strict ? server : client;
  Start();
  Settle();
  ASSERT_TRUE(strict.closed.has_value());
  EXPECT_EQ(strict.closed->code(), StatusCode::kPermissionDenied);
  EXPECT_NE(strict.closed->message().find("not the one that was signaled"), std::string::npos)
      << strict.closed->message();
  ASSERT_TRUE(refused.closed.has_value());
  EXPECT_EQ(refused.closed->code(), StatusCode::kPermissionDenied) << refused.closed->ToString();
  EXPECT_EQ(strict.connects, 0);
  EXPECT_EQ(refused.session->Send(ByteSpan("x")).code(), StatusCode::kClosed);
  EXPECT_TRUE(strict.records.empty() && refused.records.empty());
}

INSTANTIATE_TEST_SUITE_P(BothRoles, DtlsFingerprintTest,
                         testing::Values(DtlsRole::kClient, DtlsRole::kServer));

TEST_F(DtlsSessionTest, CloseTellsThePeerOnceAndUsNever) {
  Connect();
  ASSERT_TRUE(client.session->Send(ByteSpan("last words")).ok());
  client.session->Close();
  client.session->Close();
  Settle();
  ASSERT_TRUE(server.closed.has_value());
  EXPECT_TRUE(server.closed->ok()) << server.closed->ToString();
  EXPECT_EQ(server.records, std::vector<std::string>{"last words"});
  EXPECT_FALSE(client.closed.has_value());
  server.session->HandleTimeout(now);
  server.session->HandleDatagram(now, ByteSpan("x"));
}

TEST_F(DtlsSessionTest, CloseInsideACallbackStopsFurtherRecords) {
  Connect();
  for (const char* text : {"one", "two", "three"}) {
    ASSERT_TRUE(client.session->Send(ByteSpan(text)).ok());
  }
  server.on_record = [this] { server.session->Close(); };
  Settle();
  EXPECT_EQ(server.records, std::vector<std::string>{"one"});
  EXPECT_FALSE(server.closed.has_value());
  ASSERT_TRUE(client.closed.has_value());
  EXPECT_TRUE(client.closed->ok());
}

TEST_F(DtlsSessionTest, AnswersInsideACallback) {
  Connect();
  server.on_record = [this] { EXPECT_TRUE(server.session->Send(ByteSpan("answer")).ok()); };
  ASSERT_TRUE(client.session->Send(ByteSpan("question")).ok());
  Settle();
  EXPECT_EQ(client.records, std::vector<std::string>{"answer"});
}

TEST_F(DtlsSessionTest, GarbageTruncatedForgedAndReplayedRecordsAreDropped) {
  Connect();
  ASSERT_TRUE(client.session->Send(ByteSpan("first")).ok());
  const ByteBuffer good = std::move(client.outbox.front());
  client.outbox.clear();
  const uint64_t before = server.session->dropped();
  for (size_t size = 0; size < good.size(); ++size) {
    server.session->HandleDatagram(now, good.span().First(size));
  }
  for (size_t at = 0; at < good.size(); ++at) {
    ByteBuffer forged = ByteBuffer::CopyOf(good);
    forged.data()[at] ^= 0x40;
    server.session->HandleDatagram(now, forged);
  }
  SeededRandom random(7);
  for (int i = 0; i < 200; ++i) {
    ByteBuffer garbage = ByteBuffer::Uninitialized(static_cast<size_t>(random.Below(100)));
    random.Fill(garbage.mutable_span());
    server.session->HandleDatagram(now, garbage);
  }
  EXPECT_TRUE(server.records.empty());
  EXPECT_GE(server.session->dropped() - before, good.size());
  EXPECT_FALSE(server.closed.has_value());
  server.session->HandleDatagram(now, good);
  server.session->HandleDatagram(now, good);
  EXPECT_EQ(server.records, std::vector<std::string>{"first"});
}

TEST_F(DtlsSessionTest, ReadsSeveralRecordsOfOneDatagram) {
  Connect();
  ByteBuffer row;
  for (const char* text : {"one", "two", "three"}) {
    ASSERT_TRUE(client.session->Send(ByteSpan(text)).ok());
    row.Append(client.outbox.front());
    client.outbox.pop_front();
  }
  server.session->HandleDatagram(now, row);
  EXPECT_EQ(server.records, (std::vector<std::string>{"one", "two", "three"}));
}

TEST_F(DtlsSessionTest, AHandshakeWithoutEndIsCut) {
  server_options.max_handshake_bytes = 4096;
  Start();
  ASSERT_FALSE(client.outbox.empty());
  const ByteBuffer hello = std::move(client.outbox.front());
  for (int i = 0; i < 100 && !server.closed; ++i) server.session->HandleDatagram(now, hello);
  ASSERT_TRUE(server.closed.has_value());
  EXPECT_EQ(server.closed->code(), StatusCode::kResourceExhausted);
}

TEST_F(DtlsSessionTest, AHandshakeWithoutAnswerTimesOut) {
  Start();
  client.session->HandleTimeout(now + client_options.handshake_limit - std::chrono::seconds(1));
  EXPECT_FALSE(client.closed.has_value());
  client.session->HandleTimeout(now + client_options.handshake_limit);
  ASSERT_TRUE(client.closed.has_value());
  EXPECT_EQ(client.closed->code(), StatusCode::kTimeout);
  EXPECT_EQ(client.session->NextTimeout(), Timestamp::Max());
}

TEST_F(DtlsSessionTest, AnAlertOfUnknownNumberEndsTheHandshakeByNumber) {
  Start();
  const std::vector<uint8_t> alert = {21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 184};
  client.session->HandleDatagram(now, alert);
  ASSERT_TRUE(client.closed.has_value());
  EXPECT_NE(client.closed->message().find("alert 184"), std::string::npos)
      << client.closed->message();
}

TEST_F(DtlsSessionTest, DatagramsBeforeTheStartAreDropped) {
  server.session = std::make_unique<DtlsSession>(server_options, server, server);
  server.session->HandleDatagram(now, ByteSpan("x"));
  EXPECT_EQ(server.session->dropped(), 1u);
  EXPECT_EQ(server.sent, 0);
}

TEST_F(DtlsSessionTest, AServerThatHeardNothingOnlyWaitsForItsDeadline) {
  Start();
  EXPECT_EQ(server.session->NextTimeout(), now + server_options.handshake_limit);
}

}  // namespace
}  // namespace ming::tls
