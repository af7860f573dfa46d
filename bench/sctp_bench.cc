// What SCTP costs: the checksum, and two associations joined by memory.
#include <benchmark/benchmark.h>
#include <glog/logging.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ming/net/reactor.h"
#include "ming/sctp/crc32c.h"
#include "ming/sctp/sctp_association.h"
#include "ming/sctp/sctp_stack.h"

namespace ming::sctp {
namespace {

constexpr Duration kLimit = std::chrono::minutes(1);
constexpr Ppid kBinary{53};
constexpr size_t kMessage = 16384;

template <uint32_t (*kFunction)(ByteSpan, uint32_t)>
void BM_Crc(benchmark::State& state) {
  const std::string packet(static_cast<size_t>(state.range(0)), 'p');
  uint32_t crc = 0;
  for ([[maybe_unused]] auto _ : state) {
    crc = kFunction(ByteSpan(packet), crc);
    benchmark::DoNotOptimize(crc);
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
void BM_Crc32c(benchmark::State& state) { BM_Crc<Crc32c>(state); }
BENCHMARK(BM_Crc32c)->Arg(64)->Arg(1163)->Arg(16384);
void BM_Crc32cPortable(benchmark::State& state) { BM_Crc<Crc32cPortable>(state); }
BENCHMARK(BM_Crc32cPortable)->Arg(64)->Arg(1163)->Arg(16384);

class End final : public SctpAssociation::Observer, public PacketSink {
 public:
  End() = default;
  End(const End&) = delete;
  End& operator=(const End&) = delete;
  ~End() override { association_.reset(); }  // its last packet goes to our members

  void Create(const SctpOptions& options, SctpStack& stack) {
    SctpAssociation::Observer& observer = *this;
    PacketSink& sink = *this;
    association_ = std::make_unique<SctpAssociation>(options, stack, observer, sink);
    CHECK(association_->Connect().ok());
  }
  void OnAssociationUp() override {}
  void OnMessage(InboundMessage message) override {
    received_ += message.bytes.size();
    ++messages_;
  }
  void OnSendReady() override {}
  void OnStreamsReset(ResetDirection /*direction*/, const std::vector<StreamId>& /*ids*/) override {
  }
  void OnStreamResetFailed(const std::vector<StreamId>& /*ids*/) override {}
  void OnStreamsAdded(const Status& /*result*/) override {}
  void OnAssociationClosed(const Status& why) override { LOG(FATAL) << why.ToString(); }
  void SendPacket(ByteSpan packet) override {
    outbox_.push_back(ByteBuffer::CopyOf(packet));
    ++packets_;
  }

  bool DeliverTo(End& peer) {
    std::vector<ByteBuffer> batch;
    batch.swap(outbox_);
    for (const ByteBuffer& packet : batch) peer.association_->HandlePacket(packet);
    return !batch.empty();
  }
  SctpAssociation& association() { return *association_; }
  uint64_t received() const { return received_; }
  uint64_t messages() const { return messages_; }
  uint64_t packets() const { return packets_; }

 private:
  std::unique_ptr<SctpAssociation> association_;
  std::vector<ByteBuffer> outbox_;
  uint64_t received_ = 0;
  uint64_t messages_ = 0;
  uint64_t packets_ = 0;
};

// Two associations; packets move when the loop turns and in Move().
class Pair {
 public:
  explicit Pair(size_t packet_size) : stack_(reactor_) {
    SctpOptions options;
    options.max_packet_size = packet_size;
    a_.Create(options, stack_);
    b_.Create(options, stack_);
    Run([this] { return a_.association().up() && b_.association().up(); });
  }

  void Move() {
    while (a_.DeliverTo(b_) || b_.DeliverTo(a_)) {
    }
  }
  template <typename Done>
  void Run(Done done) {
    CHECK(reactor_.RunUntil(
        [&] {
          Move();
          return done();
        },
        kLimit));
  }
  End& a() { return a_; }
  End& b() { return b_; }

 private:
  net::Reactor reactor_;
  SctpStack stack_;
  End a_;
  End b_;
};

// Bulk in one direction: both ends and the acknowledgments are in the time.
void BM_SctpBulk(benchmark::State& state) {
  Pair pair(static_cast<size_t>(state.range(0)));
  const std::string message(kMessage, 'm');
  const uint64_t packets_before = pair.a().packets();
  const uint64_t before = pair.b().received();
  for ([[maybe_unused]] auto _ : state) {
    const uint64_t target = pair.b().messages() + 1;
    while (pair.a().association().Send(StreamId(1), kBinary, ByteSpan(message), {}) ==
           link::SendResult::kWouldBlock) {
      pair.Run([&] { return pair.a().association().SendableBytes() >= kMessage; });
    }
    pair.Move();
    if (pair.b().messages() < target) {
      pair.Run([&] { return pair.b().messages() >= target; });
    }
  }
  state.SetBytesProcessed(static_cast<int64_t>(pair.b().received() - before));
  state.SetItemsProcessed(static_cast<int64_t>(pair.a().packets() - packets_before));
}
BENCHMARK(BM_SctpBulk)->Arg(1163)->Arg(8900)->Arg(16347);

// A message of 64 bytes and its answer.
void BM_SctpRoundTrip(benchmark::State& state) {
  Pair pair(1163);
  const std::string message(64, 'm');
  for ([[maybe_unused]] auto _ : state) {
    for (const auto& [from, to] :
         {std::pair{&pair.a(), &pair.b()}, std::pair{&pair.b(), &pair.a()}}) {
      const uint64_t target = to->messages() + 1;
      CHECK(from->association().Send(StreamId(1), kBinary, ByteSpan(message), {}) ==
            link::SendResult::kAccepted);
      pair.Move();
      if (to->messages() < target)
        pair.Run([end = to, target] { return end->messages() >= target; });
    }
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_SctpRoundTrip);

}  // namespace
}  // namespace ming::sctp
