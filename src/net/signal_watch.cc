#include "ming/net/signal_watch.h"

#include <glog/logging.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace ming::net {
namespace {

// Blocks them and returns the mask from before.
sigset_t Block(const sigset_t& signals) {
  sigset_t previous;
  PCHECK(::pthread_sigmask(SIG_BLOCK, &signals, &previous) == 0) << "pthread_sigmask";
  return previous;
}

sigset_t SetOf(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  return set;
}

UniqueFd MakeSignalFd(const sigset_t& signals) {
  UniqueFd fd(::signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
  PCHECK(fd.valid()) << "signalfd";
  return fd;
}

}  // namespace

SignalWatch::SignalWatch(Reactor& reactor, std::initializer_list<int> signals,
                         std::function<void(int signal)> on_signal)
    : previous_mask_(Block(SetOf(signals))),
      fd_(MakeSignalFd(SetOf(signals))),
      on_signal_(std::move(on_signal)),
      watch_(
          reactor, fd_.get(), [this](uint32_t) { OnReadable(); }, WatchKind::kBackground) {
  watch_.SetEvents(EPOLLIN);
}

SignalWatch::~SignalWatch() {
  PCHECK(::pthread_sigmask(SIG_SETMASK, &previous_mask_, nullptr) == 0) << "pthread_sigmask";
}

// One signal a turn: the callback may destroy the watch.
void SignalWatch::OnReadable() {
  signalfd_siginfo info{};
  const ssize_t size = ::read(fd_.get(), &info, sizeof(info));
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  PCHECK(size == ssize_t{sizeof(info)}) << "signalfd read";
  const auto on_signal = on_signal_;
  on_signal(static_cast<int>(info.ssi_signo));
}

}  // namespace ming::net
