#include "ming/load/crowd_load.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ming/load/latencies.h"

namespace ming::load {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr double kPatience = 15;  // how long the last answers may take
constexpr int kPaceMilliseconds = 1;

class Poller {
 public:
  Poller() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (!epoll_.valid()) Die("epoll");
  }

  void Watch(int fd, uint32_t events, int operation) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    if (::epoll_ctl(epoll_.get(), operation, fd, &event) != 0) Die("epoll");
  }

  template <typename Handler>
  void Wait(int milliseconds, Handler handle) {
    const int ready =
        ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), milliseconds);
    if (ready < 0 && errno != EINTR) Die("epoll_wait");
    for (int i = 0; i < ready; ++i) {
      const epoll_event& event = events_.at(static_cast<size_t>(i));
      handle(event.data.fd, event.events);
    }
  }

 private:
  UniqueFd epoll_;
  std::array<epoll_event, 256> events_{};
};

// The callers of one crowd, by descriptor.
class Crowd {
 public:
  Crowd(Endpoint entry, size_t count, double seconds, bool hold)
      : entry_(std::move(entry)), count_(count), seconds_(seconds), hold_(hold) {}

  // Until everybody was answered or lost.
  void Run() {
    start_ = Clock::now();
    while (latencies_.count() + lost_ < count_) {
      const double elapsed = Elapsed();
      if (elapsed > seconds_ + kPatience) break;
      StartThoseDue(elapsed);
      poller_.Wait(kPaceMilliseconds, [this](int fd, uint32_t events) { Handle(fd, events); });
    }
    finished_ = Elapsed();
  }

  void Report() {
    std::printf(R"({"answered": %zu, "lost": %zu, "seconds": %.3f, %s})"
                "\n",
                latencies_.count(), count_ - latencies_.count(), finished_,
                latencies_.Json().c_str());
    std::fflush(stdout);
  }

 private:
  struct Caller {
    UniqueFd fd;
    Clock::time_point start;
  };

  double Elapsed() const { return Seconds(Clock::now() - start_).count(); }

  void StartThoseDue(double elapsed) {
    const double share = seconds_ > 0 ? std::min(1.0, elapsed / seconds_) : 1.0;
    const auto due = static_cast<size_t>(share * static_cast<double>(count_));
    for (; started_ < due; ++started_) {
      Caller caller{StartConnect(entry_), Clock::now()};
      const int fd = caller.fd.get();
      poller_.Watch(fd, EPOLLOUT, EPOLL_CTL_ADD);
      callers_[fd] = std::move(caller);
    }
  }

  void Handle(int fd, uint32_t events) {
    Caller& caller = callers_[fd];
    char byte = 'x';
    if ((events & EPOLLOUT) != 0 && TakeError(caller.fd) == 0 &&
        ::send(fd, &byte, 1, MSG_NOSIGNAL) == 1) {
      return poller_.Watch(fd, EPOLLIN, EPOLL_CTL_MOD);
    }
    const bool answered = (events & EPOLLOUT) == 0 && ::recv(fd, &byte, 1, 0) == 1;
    if (answered) {
      latencies_.Add(Clock::now() - caller.start);
    } else {
      ++lost_;
    }
    if (answered && hold_) return poller_.Watch(fd, 0, EPOLL_CTL_MOD);
    callers_.erase(fd);
  }

  Endpoint entry_;
  size_t count_;
  double seconds_;
  bool hold_;
  Poller poller_;
  std::unordered_map<int, Caller> callers_;
  Clock::time_point start_;
  double finished_ = 0;
  size_t started_ = 0;
  size_t lost_ = 0;
  Latencies latencies_;
};

}  // namespace

void RunEcho(Options options) {
  const UniqueFd listener = Listen(options.Place("service"), "");
  options.CheckAllUsed();
  Poller poller;
  std::unordered_map<int, UniqueFd> connections;
  std::vector<char> bytes(65536);
  poller.Watch(listener.get(), EPOLLIN, EPOLL_CTL_ADD);
  std::puts("ready");
  std::fflush(stdout);
  const auto handle = [&](int fd, uint32_t) {
    if (fd == listener.get()) {
      UniqueFd taken(::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!taken.valid()) return;
      const int number = taken.get();
      poller.Watch(number, EPOLLIN, EPOLL_CTL_ADD);
      connections[number] = std::move(taken);
      return;
    }
    const ssize_t got = ::recv(fd, bytes.data(), bytes.size(), 0);
    const bool sent =
        got > 0 && ::send(fd, bytes.data(), static_cast<size_t>(got), MSG_NOSIGNAL) == got;
    if (!sent) connections.erase(fd);
  };
  for (;;) poller.Wait(-1, handle);
}

void RunCrowd(Options options) {
  const size_t count = options.Count("count", 1000);
  const double seconds = options.Number("seconds", 1);
  const bool hold = options.Count("hold", 0) != 0;
  Crowd crowd(options.Place("entry"), count, seconds, hold);
  options.CheckAllUsed();
  std::puts("begin");
  std::fflush(stdout);
  crowd.Run();
  std::puts("end");
  crowd.Report();
  char byte = 0;
  while (hold && ::read(STDIN_FILENO, &byte, 1) > 0) {
  }
}

}  // namespace ming::load
