#include "ming/load/relay.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <list>
#include <utility>
#include <vector>

namespace ming::load {
namespace {

constexpr size_t kBuffer = size_t{64} << 10;

// One direction: what was read and not yet written.
struct Lane {
  std::vector<char> held;
  size_t written = 0;
  bool read_ended = false;
  bool write_ended = false;

  bool empty() const { return written == held.size(); }
};

struct Pair;

struct End {
  Pair* pair = nullptr;
  UniqueFd fd;
  Lane out;  // towards this end
  uint32_t watched = 0;
};

struct Pair {
  End near;
  End far;
  std::list<Pair>::iterator place;

  End& Other(const End& end) { return &end == &near ? far : near; }
};

class Relay {
 public:
  Relay(const Endpoint& entry, Endpoint target)
      : target_(std::move(target)),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        listener_(Listen(entry, "")) {
    if (!epoll_.valid()) Die("epoll");
    epoll_event event{};
    event.events = EPOLLIN;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, listener_.get(), &event) != 0) Die("epoll");
  }

  [[noreturn]] void Run() {
    for (;;) {
      const int ready =
          ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), -1);
      if (ready < 0 && errno != EINTR) Die("epoll_wait");
      count_ = ready < 0 ? 0 : static_cast<size_t>(ready);
      for (size_t i = 0; i < count_; ++i) Dispatch(events_.at(i));
    }
  }

 private:
  void Dispatch(const epoll_event& event) {
    if (event.data.ptr != nullptr) return Move(*static_cast<End*>(event.data.ptr), event.events);
    if (event.events != 0) Take();
  }

  void Take() {
    UniqueFd caller(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!caller.valid()) return;
    SetNoDelay(caller);
    pairs_.emplace_front();
    Pair& pair = pairs_.front();
    pair.place = pairs_.begin();
    pair.near.fd = std::move(caller);
    pair.far.fd = StartConnect(target_);
    for (End* end : {&pair.near, &pair.far}) {
      end->pair = &pair;
      Watch(*end, EPOLL_CTL_ADD);
    }
  }

  // What an end waits for follows from the two lanes.
  void Watch(End& end, int operation) {
    const Lane& in = end.pair->Other(end).out;
    epoll_event event{};
    if (in.empty() && !in.read_ended) event.events |= EPOLLIN;
    if (!end.out.empty()) event.events |= EPOLLOUT;
    if (operation == EPOLL_CTL_MOD && event.events == end.watched) return;
    end.watched = event.events;
    event.data.ptr = &end;
    if (::epoll_ctl(epoll_.get(), operation, end.fd.get(), &event) != 0) Die("epoll");
  }

  void Move(End& end, uint32_t ready) {
    Pair& pair = *end.pair;
    End& other = pair.Other(end);
    bool alive = true;
    if ((ready & EPOLLOUT) != 0) alive = Write(end);
    if (alive && (ready & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) alive = Read(end, other);
    if (!alive || (end.out.write_ended && other.out.write_ended)) return Drop(pair);
    Watch(end, EPOLL_CTL_MOD);
    Watch(other, EPOLL_CTL_MOD);
  }

  static bool Read(const End& from, End& to) {
    if (!to.out.empty() || to.out.read_ended) return true;
    to.out.held.resize(kBuffer);
    const ssize_t got = ::recv(from.fd.get(), to.out.held.data(), kBuffer, 0);
    to.out.held.resize(got > 0 ? static_cast<size_t>(got) : 0);
    to.out.written = 0;
    if (got < 0) return errno == EAGAIN;
    to.out.read_ended = got == 0;
    return Write(to);
  }

  static bool Write(End& to) {
    Lane& lane = to.out;
    if (!lane.empty()) {
      const ssize_t sent = ::send(to.fd.get(), lane.held.data() + lane.written,
                                  lane.held.size() - lane.written, MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN;
      lane.written += static_cast<size_t>(sent);
    }
    if (lane.empty() && lane.read_ended && !lane.write_ended) {
      lane.write_ended = true;
      return ::shutdown(to.fd.get(), SHUT_WR) == 0;
    }
    return true;
  }

  // Events of this turn that name the pair are dropped.
  void Drop(Pair& pair) {
    for (size_t i = 0; i < count_; ++i) {
      epoll_event& event = events_.at(i);
      if (event.data.ptr == &pair.near || event.data.ptr == &pair.far) event = epoll_event{};
    }
    pairs_.erase(pair.place);
  }

  Endpoint target_;
  UniqueFd epoll_;
  UniqueFd listener_;
  std::array<epoll_event, 64> events_{};
  size_t count_ = 0;
  std::list<Pair> pairs_;
};

}  // namespace

void RunRelay(Options options) {
  const Endpoint entry = options.Place("entry");
  Endpoint target = options.Place("service");
  options.CheckAllUsed();
  Relay(entry, std::move(target)).Run();
}

}  // namespace ming::load
