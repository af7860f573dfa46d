#include "ming/load/datagram_load.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>

#include "ming/load/latencies.h"

namespace ming::load {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr size_t kBatch = 64;
constexpr Clock::duration kPace = std::chrono::microseconds(200);
constexpr Clock::duration kGrace = std::chrono::milliseconds(300);  // for what is still under way
constexpr double kPatience = 10;                                    // until the first one arrives
constexpr uint64_t kProbe = UINT64_MAX - 1;  // the number of those that only open the way

// Counts the numbers that come in, each once, in a thread of its own.
class Receiver {
 public:
  Receiver(const Endpoint& at, size_t expected, size_t size)
      : socket_(BindDatagrams(at)), size_(size), seen_(expected), thread_([this] { Run(); }) {}
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;
  ~Receiver() { Stop(); }

  void Stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  bool probed() const { return probed_; }
  size_t arrived() const { return arrived_; }

 private:
  void Run() {
    std::array<uint64_t, kBatch> numbers{};
    std::array<iovec, kBatch> pieces{};
    std::array<mmsghdr, kBatch> messages{};
    for (size_t i = 0; i < kBatch; ++i) {
      pieces.at(i) = {&numbers.at(i), sizeof(uint64_t)};
      messages.at(i).msg_hdr.msg_iov = &pieces.at(i);
      messages.at(i).msg_hdr.msg_iovlen = 1;
    }
    while (!stopping_) {
      pollfd wait{socket_.get(), POLLIN, 0};
      if (::poll(&wait, 1, 20) <= 0) continue;
      const int got =
          ::recvmmsg(socket_.get(), messages.data(), kBatch, MSG_DONTWAIT | MSG_TRUNC, nullptr);
      if (got < 0 && errno != EAGAIN && errno != ECONNREFUSED) Die("recvmmsg");
      for (int i = 0; i < got; ++i) {
        const auto at = static_cast<size_t>(i);
        if (messages.at(at).msg_len != size_) DieOf("a datagram came in another size");
        Note(numbers.at(at));
      }
    }
  }

  void Note(uint64_t number) {
    if (number == kProbe) {
      probed_ = true;
    } else if (number < seen_.size() && !seen_[number]) {
      seen_[number] = true;
      ++arrived_;
    }
  }

  UniqueFd socket_;
  size_t size_;
  std::vector<bool> seen_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> probed_{false};
  std::atomic<size_t> arrived_{0};
  std::thread thread_;
};

class Sender {
 public:
  Sender(const Endpoint& entry, size_t size) : socket_(ConnectDatagrams(entry)) {
    for (size_t i = 0; i < kBatch; ++i) {
      bytes_.at(i).resize(size, 'd');
      pieces_.at(i) = {bytes_.at(i).data(), size};
      messages_.at(i).msg_hdr.msg_iov = &pieces_.at(i);
      messages_.at(i).msg_hdr.msg_iovlen = 1;
    }
  }

  // Datagrams `first` to `last` - 1; what the kernel refuses is lost.
  void Send(uint64_t first, uint64_t last) {
    while (first < last) {
      const size_t count = std::min<uint64_t>(kBatch, last - first);
      for (size_t i = 0; i < count; ++i) {
        const uint64_t number = first + i;
        std::memcpy(bytes_.at(i).data(), &number, sizeof number);
      }
      const int sent = ::sendmmsg(socket_.get(), messages_.data(), static_cast<unsigned>(count), 0);
      if (sent <= 0 && errno != ECONNREFUSED && errno != ENOBUFS) Die("sendmmsg");
      first += sent > 0 ? static_cast<uint64_t>(sent) : 1;
    }
  }

  void Probe() { Send(kProbe, kProbe + 1); }

 private:
  UniqueFd socket_;
  std::array<std::vector<char>, kBatch> bytes_;
  std::array<iovec, kBatch> pieces_{};
  std::array<mmsghdr, kBatch> messages_{};
};

void OpenTheWay(Sender& sender, const Receiver& receiver) {
  const Clock::time_point start = Clock::now();
  while (!receiver.probed()) {
    if (Seconds(Clock::now() - start).count() > kPatience) DieOf("no datagram arrives");
    sender.Probe();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

// Seconds that it took: more than it should where the sender could not keep the pace.
double SendAtRate(Sender& sender, double rate, uint64_t count) {
  const Clock::time_point start = Clock::now();
  uint64_t sent = 0;
  for (Clock::time_point next = start; sent < count; next += kPace) {
    std::this_thread::sleep_until(next);
    const double elapsed = Seconds(Clock::now() - start).count();
    const uint64_t due = std::min(count, static_cast<uint64_t>(elapsed * rate) + 1);
    sender.Send(sent, due);
    sent = due;
  }
  return Seconds(Clock::now() - start).count();
}

}  // namespace

void RunDatagrams(Options options) {
  const Endpoint service = options.Place("service");
  const Endpoint entry = options.Place("entry");
  const size_t size = options.Count("size", 1200);
  const double rate = options.Number("rate", 10'000);
  const auto count = static_cast<uint64_t>(rate * options.Number("seconds", 1));
  options.CheckAllUsed();
  if (size < sizeof(uint64_t) || count == 0) DieOf("--size is 8 at least, --rate x --seconds is 1");
  prctl(PR_SET_TIMERSLACK, 1UL);
  Receiver receiver(service, count, size);
  Sender sender(entry, size);
  OpenTheWay(sender, receiver);
  std::puts("begin");
  std::fflush(stdout);
  const double seconds = SendAtRate(sender, rate, count);
  std::puts("end");
  std::this_thread::sleep_for(kGrace);
  receiver.Stop();
  const auto lost = static_cast<double>(count - receiver.arrived());
  std::printf(R"({"sent": %llu, "sent_s": %.1f, "arrived": %zu, "loss": %.6f})"
              "\n",
              static_cast<unsigned long long>(count), static_cast<double>(count) / seconds,
              receiver.arrived(), lost / static_cast<double>(count));
}

}  // namespace ming::load
