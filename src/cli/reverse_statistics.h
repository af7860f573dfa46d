// ReverseStatistics: what an end of a reverse tunnel has done, in the log at intervals and at
// SIGUSR1, and over HTTP.
#ifndef MING_CLI_REVERSE_STATISTICS_H_
#define MING_CLI_REVERSE_STATISTICS_H_

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "ming/admin/role_report.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/cli/admin_setup.h"
#include "ming/cli/flag_spec.h"
#include "ming/cli/role_reports.h"
#include "ming/cli/setting.h"
#include "ming/link/timer_service.h"
#include "ming/net/glib_bridge.h"
#include "ming/net/reactor.h"
#include "ming/net/signal_watch.h"
#include "ming/reverse/reverse_counters.h"
#include "ming/ws/ws_context.h"

namespace ming::cli {

// --stats-interval and --stats-listen.
std::vector<FlagSpec> StatisticsFlags();

class ReverseStatistics final {
 public:
  using Counters = std::function<reverse::ReverseCounters()>;
  using Reporter = admin::RoleReport (*)(const reverse::ReverseCounters&, RunState);

  // Make it before anything starts a thread. `reactor` outlives it.
  explicit ReverseStatistics(net::Reactor& reactor);

  // Begins, as the flags say: kUnavailable where the address is taken. `counters` is asked from the
  // loop until this is destroyed.
  Status Start(const Settings& settings, Counters counters, Reporter reporter);
  // From now on /readyz says no.
  void NoteStopping() { state_ = RunState::kStopping; }

 private:
  void Log() const;
  void OnInterval();

  net::Reactor& reactor_;
  const net::SignalWatch signal_;
  const std::unique_ptr<link::Alarm> alarm_;
  Duration interval_{};
  Counters counters_;
  RunState state_ = RunState::kRunning;
  // The HTTP engine, where it is wanted.
  std::optional<net::GlibBridge> glib_;
  std::unique_ptr<ws::WsContext> websockets_;
  std::unique_ptr<AdminInterface> admin_;
};

}  // namespace ming::cli

#endif  // MING_CLI_REVERSE_STATISTICS_H_
