// TimerService: time and deferred work, as the parts above the reactor see them. A simulation
// replaces it.
#ifndef MING_LINK_TIMER_SERVICE_H_
#define MING_LINK_TIMER_SERVICE_H_

#include <functional>
#include <memory>
#include <utility>

#include "ming/base/time.h"

namespace ming::link {

// One callback at one time. Destroying it cancels it.
class Alarm {
 public:
  virtual ~Alarm() = default;

  // Runs the callback once, from the loop, not before `when`; Timestamp::Max() disarms. Replaces an
  // earlier arming. A time that has passed means the next turn of the loop: the callback never runs
  // inside this call.
  virtual void ArmAt(Timestamp when) = 0;
  virtual void Cancel() = 0;
  virtual bool armed() const = 0;
};

class TimerService {
 public:
  virtual ~TimerService() = default;

  // Frozen during one turn of the loop.
  virtual Timestamp Now() const = 0;
  // The clock itself: what a round trip is measured by, for a turn may be long when the machine is
  // busy. Never before Now().
  virtual Timestamp ReadClock() const { return Now(); }
  // `callback` may destroy the alarm. Capture `this` only where the alarm is a member of `this`.
  virtual std::unique_ptr<Alarm> CreateAlarm(std::function<void()> callback) = 0;
  // Keeps `object` alive until the current turn of the loop ends: how an object dies inside its own
  // callback.
  virtual void DeferDestroy(std::shared_ptr<void> object) = 0;

  template <typename T>
  void DeferDelete(std::unique_ptr<T> object) {
    DeferDestroy(std::shared_ptr<T>(std::move(object)));
  }
};

}  // namespace ming::link

#endif  // MING_LINK_TIMER_SERVICE_H_
