// FakeTimerService: simulated time. Turns run when the test says so; between them time stands
// still.
#ifndef MING_SUPPORT_FAKE_TIMER_SERVICE_H_
#define MING_SUPPORT_FAKE_TIMER_SERVICE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "ming/base/time.h"
#include "ming/link/timer_service.h"

namespace ming::support {

class FakeTimerService final : public link::TimerService {
 public:
  // Every alarm is gone by now.
  ~FakeTimerService() override;

  Timestamp Now() const override { return now_; }
  std::unique_ptr<link::Alarm> CreateAlarm(std::function<void()> callback) override;
  void DeferDestroy(std::shared_ptr<void> object) override;

  // One turn: runs what is due now; where nothing is, time first jumps to the next alarm. False:
  // nothing is armed, nothing happened.
  bool Step();
  // Runs every turn that is due up to now + `duration`, and then it is that late.
  void Advance(Duration duration);
  // Steps until `done`, at most `max_steps` times and not past `deadline`.
  bool RunUntil(const std::function<bool()>& done, size_t max_steps,
                Timestamp deadline = Timestamp::Max());
  // Steps until nothing is armed; false when that takes more than `max_steps`.
  bool Settle(size_t max_steps);

  size_t alarm_count() const { return alarm_count_; }
  size_t armed_count() const { return armed_.size(); }

 private:
  class FakeAlarm;
  // Alarms of one time run in the order they were armed.
  using Key = std::pair<Timestamp, uint64_t>;

  void RunTurn();

  Timestamp now_{std::chrono::hours(1)};
  std::map<Key, FakeAlarm*> armed_;
  uint64_t next_order_ = 0;
  size_t alarm_count_ = 0;
  std::vector<std::shared_ptr<void>> deferred_;
};

}  // namespace ming::support

#endif  // MING_SUPPORT_FAKE_TIMER_SERVICE_H_
