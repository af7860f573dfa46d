#include "ming/cli/stop_signals.h"

#include <glog/logging.h>
#include <unistd.h>

#include <csignal>
#include <utility>

namespace ming::cli {
namespace {

// nohup asks for it.
bool HangupIsIgnored() {
  struct sigaction action {};
  return ::sigaction(SIGHUP, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

StopSignals::StopSignals(net::Reactor& reactor, ExitCode second, std::function<void()> on_stop)
    : second_(second),
      on_stop_(std::move(on_stop)),
      hangup_is_ignored_(HangupIsIgnored()),
      watch_(reactor, {SIGTERM, SIGINT, SIGHUP}, [this](int signal) { OnSignal(signal); }) {}

StopSignals::~StopSignals() {
  if (on_stop_) return;
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) std::signal(signal, SIG_IGN);
}

void StopSignals::OnSignal(int signal) {
  if (signal == SIGHUP && hangup_is_ignored_) return;
  if (!on_stop_) {
    google::FlushLogFiles(google::GLOG_INFO);
    ::_exit(static_cast<int>(second_));
  }
  std::exchange(on_stop_, nullptr)();
}

}  // namespace ming::cli
