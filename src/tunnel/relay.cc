#include "ming/tunnel/relay.h"

#include <glog/logging.h>

#include <string>

#include "ming/tunnel/copy_relay.h"

namespace ming::tunnel {

Status Validate(const RelayOptions& options) {
  std::string problems;
  if (options.idle_timeout && *options.idle_timeout <= Duration::zero()) {
    problems = "the idle time-out must be positive";
  }
  if (options.turn_budget == 0) {
    problems += (problems.empty() ? "" : "; ") + std::string("the turn budget must be positive");
  }
  return problems.empty() ? Status::Ok() : Status(StatusCode::kInvalidArgument, problems);
}

std::unique_ptr<Relay> CreateRelay(link::TimerService& timers, link::ByteStream& a,
                                   link::ByteStream& b, const RelayOptions& options,
                                   Relay::Observer& observer) {
  const Status valid = Validate(options);
  CHECK(valid.ok()) << valid.message();
  return std::make_unique<CopyRelay>(timers, a, b, options, observer);
}

}  // namespace ming::tunnel
