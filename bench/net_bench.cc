// What the reactor costs: arming alarms, dispatching descriptors, moving bytes through streams.
#include <benchmark/benchmark.h>
#include <glog/logging.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ming/net/alarm_heap.h"
#include "ming/net/fd_watch.h"
#include "ming/net/reactor.h"
#include "ming/net/tcp_stream.h"
#include "ming/net/unique_fd.h"

namespace ming::net {
namespace {

constexpr Duration kLimit = std::chrono::minutes(1);

// Moves one of many armed alarms, as a connection's idle timer does with each packet.
void BM_RearmAlarm(benchmark::State& state) {
  Reactor reactor;
  std::vector<std::unique_ptr<link::Alarm>> alarms(static_cast<size_t>(state.range(0)));
  for (size_t i = 0; i < alarms.size(); ++i) {
    alarms[i] = reactor.CreateAlarm([] {});
    alarms[i]->ArmAt(reactor.Now() + std::chrono::seconds(60 + i % 61));
  }
  size_t next = 0;
  for ([[maybe_unused]] auto _ : state) {
    alarms[next]->ArmAt(reactor.Now() + std::chrono::seconds(60 + next % 61));
    next = (next + 7919) % alarms.size();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_RearmAlarm)->Arg(10)->Arg(1000)->Arg(100000);

// The same without the reactor: one arm of a heap with so many nodes.
void BM_AlarmHeapArm(benchmark::State& state) {
  AlarmHeap heap;
  std::vector<AlarmHeap::Node> nodes(static_cast<size_t>(state.range(0)));
  Timestamp when{std::chrono::hours(1)};
  for (AlarmHeap::Node& node : nodes) heap.Arm(node, when = when + std::chrono::milliseconds(1));
  size_t next = 0;
  for ([[maybe_unused]] auto _ : state) {
    heap.Arm(nodes[next], when = when + std::chrono::microseconds(10));
    next = (next + 7919) % nodes.size();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_AlarmHeapArm)->Arg(10)->Arg(1000)->Arg(100000);

void BM_FireAlarm(benchmark::State& state) {
  Reactor reactor;
  uint64_t fired = 0;
  const auto alarm = reactor.CreateAlarm([&] { ++fired; });
  for ([[maybe_unused]] auto _ : state) {
    const uint64_t target = fired + 1;
    alarm->ArmAt(reactor.Now());
    CHECK(reactor.RunUntil([&] { return fired == target; }, kLimit));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_FireAlarm);

// One turn with so many ready descriptors.
void BM_DispatchReady(benchmark::State& state) {
  Reactor reactor;
  std::vector<UniqueFd> fds(static_cast<size_t>(state.range(0)));
  std::vector<std::unique_ptr<FdWatch>> watches;
  watches.reserve(fds.size());
  uint64_t calls = 0;
  for (auto& fd : fds) {
    fd = UniqueFd(::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
    watches.push_back(std::make_unique<FdWatch>(reactor, fd.get(), [&](uint32_t) { ++calls; }));
    watches.back()->SetEvents(EPOLLIN);
  }
  for ([[maybe_unused]] auto _ : state) {
    const uint64_t target = calls + fds.size();
    CHECK(reactor.RunUntil([&] { return calls >= target; }, kLimit));
  }
  state.SetItemsProcessed(static_cast<int64_t>(calls));
}
BENCHMARK(BM_DispatchReady)->Arg(1)->Arg(100);

// Reads all that comes and counts it.
class Sink final : public link::ByteStream::Observer {
 public:
  explicit Sink(std::unique_ptr<TcpStream> stream) : stream_(std::move(stream)) {
    stream_->SetObserver(this);
    OnReadable();
  }
  void OnReadable() override {
    for (;;) {
      const link::ReadChunk chunk = stream_->Peek(kStreamBytesPerTurn);
      if (chunk.state != link::ReadState::kData) return;
      received_ += chunk.bytes.size();
      stream_->Consume(chunk.bytes.size());
    }
  }
  void OnWritable() override {}
  void OnStreamError(const Status& why) override { LOG(FATAL) << why.ToString(); }
  uint64_t received() const { return received_; }

 private:
  std::unique_ptr<TcpStream> stream_;
  uint64_t received_ = 0;
};

// One message at a time through a socket pair and the loop.
void BM_StreamMessage(benchmark::State& state) {
  Reactor reactor;
  std::array<int, 2> pair{};
  PCHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) == 0);
  const auto source = TcpStream::Adopt(reactor, UniqueFd(pair[0]));
  Sink sink(TcpStream::Adopt(reactor, UniqueFd(pair[1])));
  const std::string message(static_cast<size_t>(state.range(0)), 'x');
  uint64_t sent = 0;
  for ([[maybe_unused]] auto _ : state) {
    sent += source->Write(ByteSpan(message));
    CHECK(reactor.RunUntil([&] { return sink.received() == sent; }, kLimit));
  }
  state.SetBytesProcessed(static_cast<int64_t>(sent));
}
BENCHMARK(BM_StreamMessage)->Arg(64)->Arg(16384)->Arg(65536);

}  // namespace
}  // namespace ming::net
