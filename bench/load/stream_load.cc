#include "ming/load/stream_load.h"

#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

#include "ming/load/latencies.h"
#include "ming/load/service.h"

namespace ming::load {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr double kStallSeconds = 20;  // a stream that moves nothing for so long is an error

struct StreamOptions {
  explicit StreamOptions(Options& options)
      : service(options.Place("service")),
        entry(options.Place("entry")),
        congestion(options.Text("congestion", "")),
        direction(options.Text("direction", "up")),
        streams(options.Count("streams", 1)),
        ping_size(options.Count("ping-size", 0)),
        warm(options.Number("warm", 0.5)),
        seconds(options.Number("seconds", 2)) {
    options.CheckAllUsed();
  }

  Endpoint service;
  Endpoint entry;
  std::string congestion;
  std::string direction;  // up, down or both, seen from the application
  size_t streams;
  size_t ping_size;  // 0: no ping-pong
  double warm;
  double seconds;
};

// Sends and waits for the answer, again and again, in a thread of its own.
class PingPong {
 public:
  PingPong(const Endpoint& entry, size_t size)
      : connection_(Connect(entry, "")), message_(size, 'p'), thread_([this] { Run(); }) {}
  PingPong(const PingPong&) = delete;
  PingPong& operator=(const PingPong&) = delete;
  ~PingPong() { Stop(); }

  // Those that begin from now on count.
  void Begin() { counts_ = true; }
  void Stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  bool answered() const { return answered_; }
  // After Stop().
  Latencies& latencies() { return latencies_; }

 private:
  void Run() {
    SendAll(connection_, &kEcho, 1);
    std::vector<char> answer(message_.size());
    while (!stopping_) {
      const bool counts = counts_;
      const Clock::time_point start = Clock::now();
      SendAll(connection_, message_.data(), message_.size());
      ReceiveAll(connection_, answer.data(), answer.size());
      if (counts) latencies_.Add(Clock::now() - start);
      answered_ = true;
    }
  }

  UniqueFd connection_;
  std::vector<char> message_;
  std::atomic<bool> counts_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> answered_{false};
  Latencies latencies_;
  std::thread thread_;
};

char FirstByte(const std::string& direction) {
  if (direction == "up") return kUp;
  if (direction == "down") return kDown;
  if (direction == "both") return kBoth;
  DieOf("--direction is up, down or both");
}

Direction OfApplication(char first) {
  if (first == kUp) return Direction::kSend;
  return first == kDown ? Direction::kReceive : Direction::kBoth;
}

// Received by the two ends, stream by stream.
class Progress {
 public:
  Progress(const Mover& application, const Mover& service)
      : up_(service.Received()), down_(application.Received()) {}

  static uint64_t Sum(const std::vector<uint64_t>& counts) {
    return std::accumulate(counts.begin(), counts.end(), uint64_t{0});
  }
  uint64_t up() const { return Sum(up_); }
  uint64_t down() const { return Sum(down_); }
  bool AllBegan(size_t streams, char first) const {
    return (first == kDown || Began(up_, streams)) && (first == kUp || Began(down_, streams));
  }
  // Jain's index of what each stream received since `before`: 1 is fair, 1 / streams is one for
  // all.
  double FairnessSince(const Progress& before) const {
    double sum = 0;
    double squares = 0;
    size_t count = 0;
    for (const auto& [now, then] :
         {std::pair{&up_, &before.up_}, std::pair{&down_, &before.down_}}) {
      for (size_t i = 0; i < then->size(); ++i) {
        const auto moved = static_cast<double>((*now)[i] - (*then)[i]);
        sum += moved;
        squares += moved * moved;
        ++count;
      }
    }
    return squares > 0 ? sum * sum / (static_cast<double>(count) * squares) : 0;
  }

 private:
  static bool Began(const std::vector<uint64_t>& counts, size_t streams) {
    if (counts.size() < streams) return false;
    for (const uint64_t count : counts) {
      if (count == 0) return false;
    }
    return true;
  }

  std::vector<uint64_t> up_;
  std::vector<uint64_t> down_;
};

void Sleep(double seconds) { std::this_thread::sleep_for(Seconds(seconds)); }

void Say(const char* line) {
  std::puts(line);
  std::fflush(stdout);
}

template <typename Condition>
void WaitUntil(const char* what, Condition condition) {
  const Clock::time_point start = Clock::now();
  while (!condition()) {
    if (Seconds(Clock::now() - start).count() > kStallSeconds) DieOf(what);
    Sleep(0.001);
  }
}

}  // namespace

void RunStreams(Options raw) {
  const StreamOptions options(raw);
  const char first = FirstByte(options.direction);
  Service service(options.service, options.congestion);
  Mover application;
  std::unique_ptr<PingPong> ping;
  if (options.ping_size > 0) {
    ping = std::make_unique<PingPong>(options.entry, options.ping_size);
    WaitUntil("no answer to the first ping", [&] { return ping->answered(); });
  }
  for (size_t i = 0; i < options.streams; ++i) {
    UniqueFd connection = Connect(options.entry, options.congestion);
    SendAll(connection, &first, 1);
    application.Add(std::move(connection), OfApplication(first));
  }
  WaitUntil("not every stream began to move", [&] {
    return Progress(application, service.mover()).AllBegan(options.streams, first);
  });
  Sleep(options.warm);
  Say("begin");
  if (ping) ping->Begin();
  const Progress before(application, service.mover());
  const Clock::time_point start = Clock::now();
  Sleep(options.seconds);
  const Progress after(application, service.mover());
  const double seconds = Seconds(Clock::now() - start).count();
  Say("end");
  application.Stop();
  service.mover().Stop();
  const uint64_t up = after.up() - before.up();
  const uint64_t down = after.down() - before.down();
  if (options.streams > 0 && up + down == 0) DieOf("nothing moved");
  std::string pings;
  if (ping) {
    ping->Stop();
    if (ping->latencies().count() == 0) DieOf("no ping was answered in time");
    pings = ", \"ping\": {" + ping->latencies().Json() + "}";
  }
  std::printf(R"({"seconds": %.6f, "up_bytes": %llu, "down_bytes": %llu, "fairness": %.4f%s})"
              "\n",
              seconds, static_cast<unsigned long long>(up), static_cast<unsigned long long>(down),
              after.FairnessSince(before), pings.c_str());
}

void RunConnect(Options options) {
  const Endpoint service_at = options.Place("service");
  const Endpoint entry = options.Place("entry");
  const size_t count = options.Count("count", 100);
  options.CheckAllUsed();
  const Service service(service_at, "");
  Latencies latencies;
  Say("begin");
  for (size_t i = 0; i < count; ++i) {
    const Clock::time_point start = Clock::now();
    const UniqueFd connection = Connect(entry, "");
    const char two[] = {kEcho, 'x'};
    SendAll(connection, two, sizeof two);
    char answer = 0;
    ReceiveAll(connection, &answer, 1);
    latencies.Add(Clock::now() - start);
  }
  Say("end");
  std::printf("{%s}\n", latencies.Json().c_str());
}

}  // namespace ming::load
