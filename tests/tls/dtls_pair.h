// Two DTLS sessions joined by memory, with what each observer was told.
#ifndef MING_TESTS_TLS_DTLS_PAIR_H_
#define MING_TESTS_TLS_DTLS_PAIR_H_

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ming/tls/dtls_session.h"

namespace ming::tls {

class DtlsEnd final : public DtlsSession::Observer, public DatagramSink {
 public:
  void OnDtlsConnected() override { ++connects; }
  void OnDtlsRecord(ByteSpan record) override {
    EXPECT_EQ(connects, 1);
    EXPECT_FALSE(closed.has_value());
    records.emplace_back(record.AsText());
    if (on_record) on_record();
  }
  void OnDtlsClosed(const Status& why) override {
    EXPECT_FALSE(closed.has_value()) << "two terminal events";
    closed = why;
  }
  void SendDatagram(ByteSpan datagram) override {
    largest = std::max(largest, datagram.size());
    ++sent;
    if (filter && !filter(datagram)) return;
    outbox.push_back(ByteBuffer::CopyOf(datagram));
  }

  std::unique_ptr<DtlsSession> session;
  std::deque<ByteBuffer> outbox;
  std::function<bool(ByteSpan)> filter;  // false: lost
  std::function<void()> on_record;
  int connects = 0;
  int sent = 0;
  size_t largest = 0;
  std::vector<std::string> records;
  std::optional<Status> closed;
};

class DtlsPairTest : public testing::Test {
 public:
  DtlsPairTest()
      : client_certificate(*Certificate::SelfSigned("client")),
        server_certificate(*Certificate::SelfSigned("server")) {
    client_options.role = DtlsRole::kClient;
    client_options.certificate = client_certificate.get();
    client_options.peer_fingerprints = {server_certificate->fingerprint()};
    server_options.role = DtlsRole::kServer;
    server_options.certificate = server_certificate.get();
    server_options.peer_fingerprints = {client_certificate->fingerprint()};
  }

  void Start() {
    client.session = std::make_unique<DtlsSession>(client_options, client, client);
    server.session = std::make_unique<DtlsSession>(server_options, server, server);
    server.session->Start(now);
    client.session->Start(now);
  }
  void Connect() {
    Start();
    Settle();
    ASSERT_TRUE(client.session->connected()) << (client.closed ? client.closed->ToString() : "");
    ASSERT_TRUE(server.session->connected()) << (server.closed ? server.closed->ToString() : "");
  }
  // Moves datagrams until both are silent.
  void Settle() {
    for (int turn = 0; turn < 1000; ++turn) {
      const bool forth = Move(client, server);
      const bool back = Move(server, client);
      if (!forth && !back) return;
    }
    FAIL() << "the two never stop";
  }
  bool Move(DtlsEnd& from, DtlsEnd& to) {
    std::deque<ByteBuffer> batch;
    batch.swap(from.outbox);
    for (const ByteBuffer& datagram : batch) {
      if (to.session != nullptr) to.session->HandleDatagram(now, datagram);
    }
    return !batch.empty();
  }

  Timestamp now{std::chrono::hours(1)};
  std::shared_ptr<const Certificate> client_certificate;
  std::shared_ptr<const Certificate> server_certificate;
  DtlsOptions client_options;
  DtlsOptions server_options;
  DtlsEnd client;
  DtlsEnd server;
};

}  // namespace ming::tls

#endif  // MING_TESTS_TLS_DTLS_PAIR_H_
