// What DTLS costs: a handshake, sealing a record, opening one.
#include <benchmark/benchmark.h>
#include <glog/logging.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "ming/tls/certificate.h"
#include "ming/tls/dtls_session.h"

namespace ming::tls {
namespace {

constexpr Timestamp kNow{std::chrono::hours(1)};

// One session with what it sent.
class End final : public DtlsSession::Observer, public DatagramSink {
 public:
  void OnDtlsConnected() override {}
  void OnDtlsRecord(ByteSpan record) override { opened_ += record.size(); }
  void OnDtlsClosed(const Status& why) override { LOG(FATAL) << why.ToString(); }
  void SendDatagram(ByteSpan datagram) override {
    if (keep_) outbox_.push_back(ByteBuffer::CopyOf(datagram));
  }

  void Create(const DtlsOptions& options) {
    session_ = std::make_unique<DtlsSession>(options, *this, *this);
  }
  DtlsSession& session() { return *session_; }
  // Whether what is sent is kept for the other end, or lost.
  void set_keep(bool keep) { keep_ = keep; }
  std::deque<ByteBuffer>& outbox() { return outbox_; }
  uint64_t opened() const { return opened_; }

 private:
  std::unique_ptr<DtlsSession> session_;
  std::deque<ByteBuffer> outbox_;
  bool keep_ = true;
  uint64_t opened_ = 0;
};

class Pair {
 public:
  Pair() {
    DtlsOptions options;
    options.role = DtlsRole::kClient;
    options.certificate = client_certificate_.get();
    options.peer_fingerprints = {server_certificate_->fingerprint()};
    client_.Create(options);
    options.role = DtlsRole::kServer;
    options.certificate = server_certificate_.get();
    options.peer_fingerprints = {client_certificate_->fingerprint()};
    server_.Create(options);
  }

  void Connect() {
    server_.session().Start(kNow);
    client_.session().Start(kNow);
    while (!client_.outbox().empty() || !server_.outbox().empty()) {
      Deliver(client_, server_);
      Deliver(server_, client_);
    }
    CHECK(client_.session().connected() && server_.session().connected());
  }
  static void Deliver(End& from, End& to) {
    std::deque<ByteBuffer> batch;
    batch.swap(from.outbox());
    for (const ByteBuffer& datagram : batch) to.session().HandleDatagram(kNow, datagram);
  }
  End& client() { return client_; }
  End& server() { return server_; }

 private:
  const std::shared_ptr<const Certificate> client_certificate_ = *Certificate::SelfSigned("c");
  const std::shared_ptr<const Certificate> server_certificate_ = *Certificate::SelfSigned("s");
  End client_;
  End server_;
};

void BM_DtlsHandshake(benchmark::State& state) {
  for ([[maybe_unused]] auto _ : state) {
    state.PauseTiming();
    auto pair = std::make_unique<Pair>();
    state.ResumeTiming();
    pair->Connect();
    state.PauseTiming();
    pair.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_DtlsHandshake)->Unit(benchmark::kMicrosecond);

void BM_DtlsSeal(benchmark::State& state) {
  Pair pair;
  pair.Connect();
  pair.client().set_keep(false);
  const std::string record(static_cast<size_t>(state.range(0)), 'r');
  for ([[maybe_unused]] auto _ : state) CHECK(pair.client().session().Send(ByteSpan(record)).ok());
  state.SetBytesProcessed(state.iterations() * state.range(0));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_DtlsSeal)->Arg(64)->Arg(1163)->Arg(8192)->Arg(int64_t{DtlsSession::kMaxRecord});

// Sealing is not timed; records are opened by batches of 256.
void BM_DtlsOpen(benchmark::State& state) {
  Pair pair;
  pair.Connect();
  const std::string record(static_cast<size_t>(state.range(0)), 'r');
  for ([[maybe_unused]] auto _ : state) {
    if (pair.client().outbox().empty()) {
      state.PauseTiming();
      for (int i = 0; i < 256; ++i) CHECK(pair.client().session().Send(ByteSpan(record)).ok());
      state.ResumeTiming();
    }
    pair.server().session().HandleDatagram(kNow, pair.client().outbox().front());
    pair.client().outbox().pop_front();
  }
  CHECK_EQ(pair.server().opened(), static_cast<uint64_t>(state.iterations() * state.range(0)));
  state.SetBytesProcessed(state.iterations() * state.range(0));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_DtlsOpen)->Arg(64)->Arg(1163)->Arg(8192)->Arg(int64_t{DtlsSession::kMaxRecord});

}  // namespace
}  // namespace ming::tls
