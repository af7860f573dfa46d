// RealTimeLoop: a TimerService on the real steady clock, for engines that read their own clock and
// so cannot be simulated.
#ifndef MING_TESTS_SCTP_REAL_TIME_LOOP_H_
#define MING_TESTS_SCTP_REAL_TIME_LOOP_H_

#include <poll.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "ming/base/time.h"
#include "ming/link/timer_service.h"

namespace ming::test {

class RealTimeLoop final : public link::TimerService {
 public:
  RealTimeLoop() { Refresh(); }

  Timestamp Now() const override { return now_; }
  Timestamp ReadClock() const override {
    return Timestamp(std::chrono::steady_clock::now().time_since_epoch());
  }
  std::unique_ptr<link::Alarm> CreateAlarm(std::function<void()> callback) override {
    return std::make_unique<LoopAlarm>(*this, std::move(callback));
  }
  void DeferDestroy(std::shared_ptr<void> object) override { doomed_.push_back(std::move(object)); }

  size_t armed_alarms() const { return armed_.size(); }
  // Runs once in each turn, before the alarms: where a test moves packets. True: it did something.
  void SetPump(std::function<bool()> pump) { pump_ = std::move(pump); }

  // Turns until `done`; false when `limit` has passed.
  bool RunUntil(const std::function<bool()>& done, Duration limit) {
    Refresh();
    const Timestamp deadline = now_ + limit;
    while (!done()) {
      if (now_ >= deadline) return false;
      Turn(deadline);
    }
    return true;
  }
  void RunFor(Duration span) {
    (void)RunUntil([] { return false; }, span);
  }

 private:
  class LoopAlarm final : public link::Alarm {
   public:
    LoopAlarm(RealTimeLoop& loop, std::function<void()> callback)
        : loop_(loop), callback_(std::make_shared<std::function<void()>>(std::move(callback))) {}
    ~LoopAlarm() override { Cancel(); }
    LoopAlarm(const LoopAlarm&) = delete;
    LoopAlarm& operator=(const LoopAlarm&) = delete;

    void ArmAt(Timestamp when) override {
      Cancel();
      when_ = when;
      if (when != Timestamp::Max()) loop_.armed_.insert(this);
    }
    void Cancel() override { loop_.armed_.erase(this); }
    bool armed() const override { return loop_.armed_.count(const_cast<LoopAlarm*>(this)) > 0; }
    Timestamp when() const { return when_; }
    void Fire() {
      Cancel();
      const auto callback = callback_;  // it may destroy us
      (*callback)();
    }

   private:
    RealTimeLoop& loop_;
    std::shared_ptr<std::function<void()>> callback_;
    Timestamp when_;
  };

  void Refresh() { now_ = ReadClock(); }

  void Turn(Timestamp deadline) {
    const bool moved = pump_ && pump_();
    std::vector<LoopAlarm*> due;
    Timestamp next = deadline;
    for (LoopAlarm* alarm : armed_) {
      if (alarm->when() <= now_) due.push_back(alarm);
      next = std::min(next, alarm->when());
    }
    for (LoopAlarm* alarm : due) {
      if (armed_.count(alarm) > 0) alarm->Fire();  // an earlier one may have cancelled it
    }
    doomed_.clear();
    if (due.empty() && !moved && next > now_) {
      const auto wait = std::chrono::ceil<std::chrono::milliseconds>(next - now_);
      poll(nullptr, 0, static_cast<int>(wait.count()));
    }
    Refresh();
  }

  Timestamp now_;
  std::set<LoopAlarm*> armed_;
  std::vector<std::shared_ptr<void>> doomed_;
  std::function<bool()> pump_;
};

}  // namespace ming::test

#endif  // MING_TESTS_SCTP_REAL_TIME_LOOP_H_
