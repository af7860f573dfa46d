#include "ming/sctp/rate_control.h"

#include <algorithm>

namespace ming::sctp {
namespace {

constexpr size_t kFirstWindow = 32;  // packets
constexpr size_t kLeastWindow = 4;
// 4 ln 2: the least with which the rate doubles in each round trip.
constexpr double kStartupGain = 2.773;
constexpr double kDrainGain = 1 / kStartupGain;
constexpr double kWindowGain = 2;
constexpr std::array<double, 8> kCycle = {1.25, 0.75, 1, 1, 1, 1, 1, 1};
// The start is over when the rate grew less than this in three round trips, or in one behind which
// a queue stands: so much of it was lost, or the round trip has become so much longer. Going on
// would double what the queue holds, and all that overflows waits for its repair.
constexpr double kGrowth = 1.25;
constexpr int kRoundsWithoutGrowth = 3;
constexpr double kLossyShare = 0.1;
constexpr size_t kFewLosses = 8;  // packets; fewer prove nothing
constexpr double kLateTimes = 1.5;
// A queue that is never empty hides a shorter round trip: it is drained to half of what the path
// holds, for a moment, where none was seen for so long.
constexpr Duration kShortestMemory = std::chrono::seconds(10);
constexpr Duration kMeasureTime = std::chrono::milliseconds(200);
constexpr double kMeasureGain = 0.5;
// A burst of the sender comes on top of what the path holds.
constexpr double kBurst = 0.001;  // seconds
// Lumps of acknowledgments count up to this.
constexpr double kMostLump = 0.1;  // seconds

constexpr Duration kUnknown = std::chrono::milliseconds(100);

double Seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

RateControl::RateControl(size_t packet_size)
    : packet_size_(packet_size), window_(kFirstWindow * packet_size) {}

void RateControl::Restart() { *this = RateControl(packet_size_); }

void RateControl::HandleAck(Timestamp now, const AckSample& sample) {
  CountRound(sample);
  silent_ = false;
  UpdateBandwidth(sample);
  UpdateAggregation(now, sample);
  CheckFull(sample);
  UpdateShortest(now, sample);
  UpdateMode(now, sample);
  UpdateWindow(sample);
}

void RateControl::HandleIdleStart(Timestamp now) {
  lump_began_ = now;
  lump_ = 0;
  // A queue cannot have grown meanwhile: what was idle measured nothing, and needs no draining.
  if (mode_ == Mode::kCruise) StartCruise(now);
}

void RateControl::CountRound(const AckSample& sample) {
  round_began_ = sample.delivered_before >= round_end_;
  if (!round_began_) return;
  round_end_ = sample.delivered;
  const auto lost = static_cast<double>(sample.lost - round_lost_);
  const auto delivered = static_cast<double>(sample.delivered - round_delivered_);
  lossy_round_ = lost > std::max(kLossyShare * (lost + delivered),
                                 static_cast<double>(kFewLosses * packet_size_));
  round_lost_ = sample.lost;
  round_delivered_ = sample.delivered;
  ++round_;
  best_[round_ % kRounds] = 0;
  lumps_[round_ % kRounds] = 0;
}

void RateControl::UpdateBandwidth(const AckSample& sample) {
  double& best = best_[round_ % kRounds];
  if (sample.rate && (!sample.limited_by_sender || *sample.rate > bandwidth_)) {
    best = std::max(best, *sample.rate);
  }
  const double highest = *std::max_element(best_.begin(), best_.end());
  // A sender that has little to say for ten round trips learns nothing, and forgets nothing.
  if (highest > 0) bandwidth_ = highest;
}

void RateControl::UpdateAggregation(Timestamp now, const AckSample& sample) {
  const double expected = bandwidth_ * Seconds(now - lump_began_);
  if (static_cast<double>(lump_) <= expected) {
    lump_began_ = now;
    lump_ = sample.acknowledged;
    return;
  }
  lump_ += sample.acknowledged;
  const double beyond = static_cast<double>(lump_) - expected;
  const auto counted = static_cast<size_t>(std::min(beyond, kMostLump * bandwidth_));
  size_t& most = lumps_[round_ % kRounds];
  most = std::max(most, counted);
}

void RateControl::CheckFull(const AckSample& sample) {
  if (full_ || !round_began_ || sample.limited_by_sender) return;
  if (bandwidth_ >= kGrowth * full_bandwidth_) {
    full_bandwidth_ = bandwidth_;
    rounds_without_growth_ = 0;
  } else if (++rounds_without_growth_ >= kRoundsWithoutGrowth || QueueStands(sample)) {
    full_ = true;
  }
}

bool RateControl::QueueStands(const AckSample& sample) const {
  if (lossy_round_) return true;
  return shortest_ && Seconds(sample.smoothed_round_trip) > kLateTimes * Seconds(*shortest_);
}

void RateControl::UpdateShortest(Timestamp now, const AckSample& sample) {
  shortest_expired_ = shortest_ && now - shortest_at_ > kShortestMemory;
  if (!sample.round_trip) return;
  if (!shortest_ || *sample.round_trip <= *shortest_ || shortest_expired_) {
    shortest_ = sample.round_trip;
    shortest_at_ = now;
  }
}

void RateControl::UpdateMode(Timestamp now, const AckSample& sample) {
  if (mode_ == Mode::kStartup && full_) mode_ = Mode::kDrain;
  if (mode_ == Mode::kDrain && sample.on_the_way <= InFlight(1)) StartCruise(now);
  if (mode_ == Mode::kCruise) UpdateCycle(now, sample);
  if (shortest_expired_ && mode_ != Mode::kMeasure) {
    mode_ = Mode::kMeasure;
    measured_until_.reset();
  }
  if (mode_ == Mode::kMeasure) Measure(now, sample);
}

void RateControl::StartCruise(Timestamp now) {
  mode_ = Mode::kCruise;
  phase_ = 2;
  phase_began_ = now;
}

void RateControl::UpdateCycle(Timestamp now, const AckSample& sample) {
  if (!shortest_) return;
  const double gain = kCycle[phase_];
  bool over = now - phase_began_ > *shortest_;
  if (gain > 1) over = over && sample.on_the_way >= InFlight(gain);
  if (gain > 1) over = over || now - phase_began_ > 2 * *shortest_;
  if (gain < 1) over = over || sample.on_the_way <= InFlight(1);
  if (!over) return;
  phase_ = (phase_ + 1) % kCycle.size();
  phase_began_ = now;
}

void RateControl::Measure(Timestamp now, const AckSample& sample) {
  if (!measured_until_) {
    if (sample.on_the_way > InFlight(kMeasureGain)) return;
    measured_until_ = now + kMeasureTime;
    measure_round_ = round_;
    shortest_ = sample.round_trip ? sample.round_trip : shortest_;
    shortest_at_ = now;
  }
  if (now < *measured_until_ || round_ == measure_round_) return;
  if (full_) {
    StartCruise(now);
  } else {
    mode_ = Mode::kStartup;
  }
  shortest_at_ = now;
}

size_t RateControl::InFlight(double gain) const {
  const size_t least = kLeastWindow * packet_size_;
  if (!shortest_ || bandwidth_ == 0) return kFirstWindow * packet_size_;
  const double held = bandwidth_ * Seconds(*shortest_);
  return std::max(least, static_cast<size_t>(gain * held));
}

void RateControl::UpdateWindow(const AckSample& sample) {
  const size_t lump = *std::max_element(lumps_.begin(), lumps_.end());
  const size_t burst = std::max(3 * packet_size_, static_cast<size_t>(kBurst * bandwidth_));
  const size_t target = InFlight(kWindowGain) + lump + burst;
  if (full_) {
    window_ = std::min(window_ + sample.acknowledged, target);
  } else if (window_ < target || sample.delivered < kFirstWindow * packet_size_) {
    window_ += sample.acknowledged;
  }
  window_ = std::max(window_, kLeastWindow * packet_size_);
}

size_t RateControl::window() const {
  if (silent_) return packet_size_;
  if (mode_ == Mode::kMeasure) return std::min(window_, InFlight(kMeasureGain));
  return window_;
}

double RateControl::pacing_gain() const {
  switch (mode_) {
    case Mode::kStartup:
      return kStartupGain;
    case Mode::kDrain:
      return kDrainGain;
    case Mode::kCruise:
      return kCycle[phase_];
    case Mode::kMeasure:
      return 1;
  }
  return 1;
}

std::optional<double> RateControl::pacing_rate() const {
  if (bandwidth_ == 0) return std::nullopt;
  const double held = static_cast<double>(packet_size_) / Seconds(shortest_.value_or(kUnknown));
  // The start goes by its window, whatever a first small message measured.
  const double least = full_ ? 2 * held : kStartupGain * kFirstWindow * held;
  return std::max(least, pacing_gain() * bandwidth_);
}

}  // namespace ming::sctp
