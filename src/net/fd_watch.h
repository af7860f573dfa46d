// FdWatch: one descriptor's registration with the Reactor.
#ifndef MING_NET_FD_WATCH_H_
#define MING_NET_FD_WATCH_H_

#include <cstdint>
#include <functional>

namespace ming::net {

class Reactor;

// Whether a watch by itself keeps Reactor::Run from returning.
enum class WatchKind { kForeground, kBackground };

class FdWatch {
 public:
  using Callback = std::function<void(uint32_t epoll_events)>;

  // `fd` stays open until the watch is gone and has no other watch. Nothing is watched before
  // SetEvents. `callback` runs from the loop with the epoll events that are wanted now, or EPOLLERR
  // or EPOLLHUP; it may destroy the watch.
  FdWatch(Reactor& reactor, int fd, Callback callback, WatchKind kind = WatchKind::kForeground);
  ~FdWatch();
  FdWatch(const FdWatch&) = delete;
  FdWatch& operator=(const FdWatch&) = delete;

  // EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLET. Takes effect at once: an event of the current turn that
  // is no longer wanted is dropped. 0 takes the descriptor out of epoll, so that a level EPOLLHUP
  // or EPOLLERR cannot spin; EPOLLET alone reports those two once. Costs a system call only when
  // the events change.
  void SetEvents(uint32_t events);
  uint32_t events() const { return events_; }
  // What runs from the next event on; also inside the present callback.
  void SetCallback(Callback callback);
  // The descriptor is closed right after this, which takes it out of epoll without a call of its
  // own. Nothing is watched any more.
  void Abandon() { events_ = 0; }
  int fd() const { return fd_; }

 private:
  friend class Reactor;

  Reactor& reactor_;
  const int fd_;
  const WatchKind kind_;
  uint32_t slot_;
  uint32_t events_ = 0;
  Callback callback_;
};

}  // namespace ming::net

#endif  // MING_NET_FD_WATCH_H_
