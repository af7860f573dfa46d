#include "ming/support/fake_timer_service.h"

#include <glog/logging.h>

#include <algorithm>

namespace ming::support {

class FakeTimerService::FakeAlarm final : public link::Alarm {
 public:
  FakeAlarm(FakeTimerService& service, std::function<void()> callback)
      : service_(service), callback_(std::make_shared<std::function<void()>>(std::move(callback))) {
    ++service_.alarm_count_;
  }
  ~FakeAlarm() override {
    Cancel();
    --service_.alarm_count_;
  }

  void ArmAt(Timestamp when) override {
    Cancel();
    if (when == Timestamp::Max()) return;
    key_ = {std::max(when, service_.now_), service_.next_order_++};
    armed_ = true;
    service_.armed_.emplace(key_, this);
  }
  void Cancel() override {
    if (std::exchange(armed_, false)) service_.armed_.erase(key_);
  }
  bool armed() const override { return armed_; }

  void Fire() {
    Cancel();
    const std::shared_ptr<std::function<void()>> alive = callback_;  // the callback may destroy us
    (*alive)();
  }

 private:
  FakeTimerService& service_;
  std::shared_ptr<std::function<void()>> callback_;
  Key key_;
  bool armed_ = false;
};

FakeTimerService::~FakeTimerService() {
  deferred_.clear();
  CHECK_EQ(alarm_count_, 0U) << "alarms outlive the timer service";
}

std::unique_ptr<link::Alarm> FakeTimerService::CreateAlarm(std::function<void()> callback) {
  return std::make_unique<FakeAlarm>(*this, std::move(callback));
}

void FakeTimerService::DeferDestroy(std::shared_ptr<void> object) {
  deferred_.push_back(std::move(object));
}

bool FakeTimerService::Step() {
  if (armed_.empty()) {
    deferred_.clear();
    return false;
  }
  now_ = std::max(now_, armed_.begin()->first.first);
  RunTurn();
  return true;
}

// What is armed during the turn for now runs in the next one, as in the reactor.
void FakeTimerService::RunTurn() {
  const uint64_t turn_end = next_order_;
  while (true) {
    const auto due =
        std::find_if(armed_.begin(), armed_.upper_bound({now_, UINT64_MAX}),
                     [turn_end](const auto& entry) { return entry.first.second < turn_end; });
    if (due == armed_.upper_bound({now_, UINT64_MAX})) break;
    due->second->Fire();
  }
  while (!deferred_.empty()) {
    const std::vector<std::shared_ptr<void>> dying = std::exchange(deferred_, {});
  }
}

void FakeTimerService::Advance(Duration duration) {
  const Timestamp until = now_ + duration;
  while (!armed_.empty() && armed_.begin()->first.first <= until) Step();
  now_ = until;
}

bool FakeTimerService::RunUntil(const std::function<bool()>& done, size_t max_steps,
                                Timestamp deadline) {
  for (size_t i = 0; i < max_steps && !done(); ++i) {
    if (armed_.empty() || armed_.begin()->first.first > deadline) break;
    Step();
  }
  return done();
}

bool FakeTimerService::Settle(size_t max_steps) {
  return RunUntil([this] { return armed_.empty(); }, max_steps);
}

}  // namespace ming::support
