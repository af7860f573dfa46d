#include "ming/load/datagram_load.h"

#include <netinet/udp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

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

constexpr size_t kBatch = 64;                // what the kernel cuts, and reads, in one call
constexpr size_t kLongestBatch = 65'000;     // bytes
constexpr size_t kJoined = size_t{1} << 16;  // what it joins
constexpr Clock::duration kPace = std::chrono::microseconds(200);
constexpr Clock::duration kGrace = std::chrono::milliseconds(300);  // for what is still under way
constexpr double kPatience = 10;                                    // until the first one arrives
constexpr uint64_t kProbe = UINT64_MAX - 1;  // the number of those that only open the way

// The size of each datagram that the kernel joined into one buffer, or that of a lone one.
size_t SegmentOf(msghdr& message, size_t size) {
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_UDP || header->cmsg_type != UDP_GRO) continue;
    int segment = 0;
    std::memcpy(&segment, CMSG_DATA(header), sizeof segment);
    return static_cast<size_t>(segment);
  }
  return size;
}

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
    const int on = 1;
    if (::setsockopt(socket_.get(), SOL_UDP, UDP_GRO, &on, sizeof on) != 0) Die("UDP_GRO");
    std::vector<char> bytes(kJoined);
    while (!stopping_) {
      pollfd wait{socket_.get(), POLLIN, 0};
      if (::poll(&wait, 1, 20) > 0) Receive(bytes);
    }
  }

  void Receive(std::vector<char>& bytes) {
    for (size_t i = 0; i < kBatch; ++i) {
      iovec piece{bytes.data(), bytes.size()};
      alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
      msghdr message{};
      message.msg_iov = &piece;
      message.msg_iovlen = 1;
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      const ssize_t got = ::recvmsg(socket_.get(), &message, MSG_DONTWAIT);
      if (got < 0 && errno != EAGAIN && errno != ECONNREFUSED) Die("recvmsg");
      if (got < 0) return;
      const auto all = static_cast<size_t>(got);
      if (SegmentOf(message, all) != size_ || all % size_ != 0) {
        DieOf("a datagram came in another size");
      }
      for (size_t at = 0; at < all; at += size_) {
        uint64_t number = 0;
        std::memcpy(&number, bytes.data() + at, sizeof number);
        Note(number);
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

// Many datagrams in one call, as the senders of QUIC do it: else the load would take more of the
// processors than what it measures.
class Sender {
 public:
  Sender(const Endpoint& entry, size_t size)
      : socket_(ConnectDatagrams(entry)),
        size_(size),
        batch_(std::min(kBatch, kLongestBatch / size)),
        bytes_(batch_ * size, 'd') {
    const int segment = static_cast<int>(size);
    if (::setsockopt(socket_.get(), SOL_UDP, UDP_SEGMENT, &segment, sizeof segment) != 0) {
      Die("UDP_SEGMENT");
    }
  }

  // Datagrams `first` to `last` - 1; what the kernel refuses is lost.
  void Send(uint64_t first, uint64_t last) {
    while (first < last) {
      const size_t count = std::min<uint64_t>(batch_, last - first);
      for (size_t i = 0; i < count; ++i) {
        const uint64_t number = first + i;
        std::memcpy(bytes_.data() + i * size_, &number, sizeof number);
      }
      const ssize_t sent = ::send(socket_.get(), bytes_.data(), count * size_, 0);
      if (sent < 0 && errno != ECONNREFUSED && errno != ENOBUFS) Die("send");
      first += count;
    }
  }

  void Probe() { Send(kProbe, kProbe + 1); }

 private:
  UniqueFd socket_;
  const size_t size_;
  const size_t batch_;
  std::vector<char> bytes_;
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
