// SignalWatch: signals of the process as callbacks of the loop.
#ifndef MING_NET_SIGNAL_WATCH_H_
#define MING_NET_SIGNAL_WATCH_H_

#include <csignal>
#include <functional>
#include <initializer_list>

#include "ming/net/fd_watch.h"
#include "ming/net/reactor.h"
#include "ming/net/unique_fd.h"

namespace ming::net {

class SignalWatch {
 public:
  // Blocks `signals` (SIGTERM, SIGINT, SIGHUP ...) for the calling thread and takes them from a
  // signalfd instead. Make it before anything starts a thread: threads inherit the mask, and one
  // without it would take the signal and die of it. `on_signal` gets the number; several of the
  // same kind that come close together may arrive as one. Does not keep Reactor::Run going.
  SignalWatch(Reactor& reactor, std::initializer_list<int> signals,
              std::function<void(int signal)> on_signal);
  // Restores the mask; a signal that is pending then takes its default action.
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  void OnReadable();

  sigset_t previous_mask_;
  UniqueFd fd_;
  std::function<void(int signal)> on_signal_;
  FdWatch watch_;
};

}  // namespace ming::net

#endif  // MING_NET_SIGNAL_WATCH_H_
