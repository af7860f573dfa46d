// DrainGate: the last phase of a forwarder: wait until no flow is left, but not longer than a
// deadline.
#ifndef MING_TUNNEL_DRAIN_GATE_H_
#define MING_TUNNEL_DRAIN_GATE_H_

#include <functional>
#include <memory>

#include "ming/base/time.h"
#include "ming/link/timer_service.h"

namespace ming::tunnel {

class DrainGate {
 public:
  // `on_deadline` ends the flows that are left; it runs at most once, from the loop. `timers`
  // outlives the gate.
  DrainGate(link::TimerService& timers, std::function<void()> on_deadline);

  bool draining() const { return on_drained_ != nullptr; }
  // `on_drained` runs once, from the loop, when Update says that nothing is left. Once.
  void Begin(Timestamp deadline, std::function<void()> on_drained);
  // Call it when the number of flows may have changed; harmless while not draining.
  void Update(bool empty);

 private:
  void OnAlarm();

  link::TimerService& timers_;
  const std::function<void()> on_deadline_;
  std::function<void()> on_drained_;
  std::unique_ptr<link::Alarm> alarm_;
  bool empty_ = false;
  bool finished_ = false;
};

}  // namespace ming::tunnel

#endif  // MING_TUNNEL_DRAIN_GATE_H_
