#include "ming/net/fd_watch.h"

#include <glog/logging.h>
#include <sys/epoll.h>

#include <utility>

#include "ming/net/reactor.h"

namespace ming::net {

FdWatch::FdWatch(Reactor& reactor, int fd, Callback callback, WatchKind kind)
    : reactor_(reactor),
      fd_(fd),
      kind_(kind),
      slot_(reactor.AddWatch(this)),
      callback_(std::move(callback)) {
  if (kind_ == WatchKind::kBackground) ++reactor_.background_watch_count_;
}

FdWatch::~FdWatch() {
  SetEvents(0);
  if (kind_ == WatchKind::kBackground) --reactor_.background_watch_count_;
  reactor_.RemoveWatch(slot_);
}

void FdWatch::SetEvents(uint32_t events) {
  reactor_.CheckThread();
  if (events == events_) return;
  int operation = EPOLL_CTL_MOD;
  if (events_ == 0) operation = EPOLL_CTL_ADD;
  if (events == 0) operation = EPOLL_CTL_DEL;
  events_ = events;
  epoll_event event{};
  event.events = events;
  event.data.u64 = reactor_.EpollDataOf(slot_);
  // Fails for a closed or doubly watched descriptor, which is a bug here, or without memory.
  PCHECK(::epoll_ctl(reactor_.epoll_.get(), operation, fd_, &event) == 0)
      << "epoll_ctl " << operation << " fd=" << fd_;
}

void FdWatch::SetCallback(Callback callback) {
  reactor_.CheckThread();
  if (reactor_.dispatching_watch_ == this) reactor_.dispatching_watch_ = nullptr;
  callback_ = std::move(callback);
}

}  // namespace ming::net
