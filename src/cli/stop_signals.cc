#include "ming/cli/stop_signals.h"

#include <glog/logging.h>
#include <unistd.h>

#include <csignal>
#include <utility>

namespace ming::cli {

StopSignals::StopSignals(net::Reactor& reactor, ExitCode second, std::function<void()> on_stop)
    : second_(second),
      on_stop_(std::move(on_stop)),
      watch_(reactor, {SIGTERM, SIGINT}, [this](int) { OnSignal(); }) {}

void StopSignals::OnSignal() {
  if (!on_stop_) {
    google::FlushLogFiles(google::GLOG_INFO);
    ::_exit(static_cast<int>(second_));
  }
  std::exchange(on_stop_, nullptr)();
}

}  // namespace ming::cli
