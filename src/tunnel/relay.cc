#include "ming/tunnel/relay.h"

#include <glog/logging.h>

#include "ming/base/option_problems.h"
#include "ming/tunnel/copy_relay.h"
#include "ming/tunnel/splice_relay.h"

namespace ming::tunnel {

Status Validate(const RelayOptions& options) {
  OptionProblems problems;
  problems.Require(!options.idle_timeout || *options.idle_timeout > Duration::zero(),
                   "the idle time-out is not positive");
  problems.Require(!options.half_close_timeout || *options.half_close_timeout > Duration::zero(),
                   "the half-close time-out is not positive");
  problems.Require(options.turn_budget > 0, "the turn budget is not positive");
  return problems.ToStatus();
}

std::unique_ptr<Relay> CreateRelay(link::TimerService& timers, link::ByteStream& a,
                                   link::ByteStream& b, const RelayOptions& options,
                                   Relay::Observer& observer) {
  const Status valid = Validate(options);
  CHECK(valid.ok()) << valid.message();
  if (options.pipes != nullptr && a.splice_end() != nullptr && b.splice_end() != nullptr) {
    return std::make_unique<SpliceRelay>(timers, a, b, options, observer);
  }
  return std::make_unique<CopyRelay>(timers, a, b, options, observer);
}

}  // namespace ming::tunnel
