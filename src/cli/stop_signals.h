// StopSignals: SIGTERM, SIGINT, and SIGHUP of a closed terminal ask for an orderly stop; the second
// one stops at once. Under nohup SIGHUP does nothing.
#ifndef MING_CLI_STOP_SIGNALS_H_
#define MING_CLI_STOP_SIGNALS_H_

#include <functional>

#include "ming/cli/exit_code.h"
#include "ming/net/reactor.h"
#include "ming/net/signal_watch.h"

namespace ming::cli {

class StopSignals {
 public:
  // Make it before anything starts a thread. `on_stop` runs once, from the loop. The second signal
  // ends the process with `second` without further ado.
  StopSignals(net::Reactor& reactor, ExitCode second, std::function<void()> on_stop);
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  // After a stop the process is about to exit with a code of its own: a signal that comes in
  // between may not end it with another one.
  ~StopSignals();

 private:
  void OnSignal(int signal);

  const ExitCode second_;
  std::function<void()> on_stop_;
  const bool hangup_is_ignored_;
  net::SignalWatch watch_;
};

}  // namespace ming::cli

#endif  // MING_CLI_STOP_SIGNALS_H_
