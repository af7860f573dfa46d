// What the tunnel itself costs beside what carries it: the queue of received messages, the relay.
#include <benchmark/benchmark.h>
#include <glog/logging.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include "ming/net/reactor.h"
#include "ming/tunnel/receive_queue.h"
#include "ming/tunnel/relay.h"

namespace ming::tunnel {
namespace {

constexpr Duration kLimit = std::chrono::minutes(1);

// Eight messages in, then out by pieces of 64 KiB at most.
void BM_ReceiveQueue(benchmark::State& state) {
  const auto size = static_cast<size_t>(state.range(0));
  ReceiveQueue queue;
  uint64_t moved = 0;
  for ([[maybe_unused]] auto _ : state) {
    for (int i = 0; i < 8; ++i) queue.Push(ByteBuffer::Uninitialized(size));
    while (!queue.empty()) {
      const size_t taken = std::min(queue.Front().size(), size_t{65536});
      queue.Consume(taken);
      moved += taken;
    }
  }
  state.SetBytesProcessed(static_cast<int64_t>(moved));
  state.SetItemsProcessed(state.iterations() * 8);
}
BENCHMARK(BM_ReceiveQueue)->Arg(64)->Arg(1200)->Arg(16384);

// Shows `chunk` bytes whenever it is asked, or takes everything: a stream that costs nothing.
class MemoryStream final : public link::ByteStream {
 public:
  explicit MemoryStream(size_t chunk) : bytes_(chunk, 'x') {}
  void SetObserver(Observer* /*observer*/) override {}
  link::ReadChunk Peek(size_t max) override {
    if (bytes_.empty()) return {};
    return {link::ReadState::kData, ByteSpan(bytes_.data(), std::min(max, bytes_.size()))};
  }
  void Consume(size_t /*count*/) override {}
  size_t WritableBytes() override { return size_t{1} << 20; }
  size_t Write(ByteSpan bytes) override {
    written_ += bytes.size();
    return bytes.size();
  }
  void CloseWrite() override {}
  void Reset(const Status& /*why*/) override {}
  uint64_t written() const { return written_; }

 private:
  std::vector<uint8_t> bytes_;
  uint64_t written_ = 0;
};

class Ignore final : public Relay::Observer {
 public:
  void OnRelayDone(const Status& /*why*/, const RelayCounts& /*counts*/) override {}
};

// One way, by chunks of so many bytes; the loop turns each 256 KiB.
void BM_Relay(benchmark::State& state) {
  net::Reactor reactor;
  MemoryStream source(static_cast<size_t>(state.range(0)));
  MemoryStream sink(0);
  Ignore observer;
  const auto relay = CreateRelay(reactor, source, sink, {}, observer);
  relay->Start();
  for ([[maybe_unused]] auto _ : state) {
    const uint64_t target = sink.written() + (uint64_t{1} << 20);
    CHECK(reactor.RunUntil([&] { return sink.written() >= target; }, kLimit));
  }
  state.SetBytesProcessed(static_cast<int64_t>(sink.written()));
  state.SetItemsProcessed(static_cast<int64_t>(sink.written()) / state.range(0));
}
BENCHMARK(BM_Relay)->Arg(64)->Arg(1200)->Arg(16384)->Arg(65536);

}  // namespace
}  // namespace ming::tunnel
