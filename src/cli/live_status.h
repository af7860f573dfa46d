// LiveStatus: keeps the status line of a long-running command up to date.
#ifndef MING_CLI_LIVE_STATUS_H_
#define MING_CLI_LIVE_STATUS_H_

#include <functional>
#include <memory>
#include <string>

#include "ming/cli/status_line.h"
#include "ming/link/timer_service.h"

namespace ming::cli {

class LiveStatus {
 public:
  // Asks `describe` twice a second, if there is a terminal to show it on. `timers` outlives this.
  LiveStatus(link::TimerService& timers, std::function<std::string()> describe);

 private:
  void Refresh();

  link::TimerService& timers_;
  std::function<std::string()> describe_;
  StatusLine line_;
  std::unique_ptr<link::Alarm> alarm_;
};

}  // namespace ming::cli

#endif  // MING_CLI_LIVE_STATUS_H_
