#include "ming/sctp/congestion_unit.h"

#include <algorithm>

namespace ming::sctp {
namespace {

constexpr Duration kInterval = std::chrono::milliseconds(100);
// How long a round trip counts as the shortest: a route may change.
constexpr Duration kMemory = std::chrono::seconds(30);
// The round trip time is known to the millisecond, and a receiver may wait for a second packet.
constexpr Duration kNoise = std::chrono::milliseconds(3);
// What is lost beyond this share is not the cable's fault.
constexpr double kTooMuch = 0.08;
// Fewer chunks say nothing about shares.
constexpr double kEnoughChunks = 50;
constexpr double kFading = 0.9;
constexpr double kLossy = 0.002;  // less is hardly noticed
// Losses are the cable's where most come without a queue; counted by intervals, over some seconds.
constexpr double kMost = 0.8;
constexpr double kEnoughLosses = 5;
constexpr double kSlowFading = 0.98;
// A path that lost too much, maybe because of us, is not tried again for so long.
constexpr Duration kWarning = std::chrono::minutes(1);

}  // namespace

void CongestionUnit::NoteChunk(uint32_t tsn) {
  chunks_ += 1;
  // RFC 1982: behind the last one, or it is one again.
  const bool is_new = !sent_any_ || static_cast<int32_t>(tsn - last_tsn_) > 0;
  if (is_new) {
    last_tsn_ = tsn;
  } else {
    repeated_ += 1;
    repeated_now_ = true;
  }
  sent_any_ = true;
}

bool CongestionUnit::Update(Timestamp now, Duration smoothed_rtt) {
  if (now < next_update_) return false;
  next_update_ = now + kInterval;
  const bool queue = HasQueue(now, smoothed_rtt);
  losses_ = kSlowFading * losses_ + (repeated_now_ ? 1 : 0);
  clear_losses_ = kSlowFading * clear_losses_ + (repeated_now_ && !queue ? 1 : 0);
  repeated_now_ = false;
  const size_t chosen = Choose(now);
  if (chosen == kCautious) normal_until_ = now + kWarning;
  chunks_ *= kFading;
  repeated_ *= kFading;
  const bool changed = chosen != packets_;
  packets_ = chosen;
  return changed;
}

bool CongestionUnit::HasQueue(Timestamp now, Duration smoothed_rtt) {
  if (smoothed_rtt == Duration(0)) return true;  // not known
  if (shortest_now_ == Duration(0) || now >= shortest_until_) {
    shortest_ = shortest_now_;
    shortest_now_ = smoothed_rtt;
    shortest_until_ = now + kMemory;
  }
  shortest_now_ = std::min(shortest_now_, smoothed_rtt);
  shortest_ = shortest_ == Duration(0) ? shortest_now_ : std::min(shortest_, shortest_now_);
  return smoothed_rtt > shortest_ + shortest_ / 8 + kNoise;
}

size_t CongestionUnit::Choose(Timestamp now) const {
  if (chunks_ < kEnoughChunks) return kNormal;
  if (repeated_ > kTooMuch * chunks_) return kCautious;
  const bool eager = repeated_ > kLossy * chunks_ && losses_ > kEnoughLosses &&
                     clear_losses_ > kMost * losses_ && now >= normal_until_;
  return eager ? kEager : kNormal;
}

void CongestionUnit::Reset(Timestamp now) {
  *this = CongestionUnit();
  next_update_ = now + kInterval;
}

}  // namespace ming::sctp
