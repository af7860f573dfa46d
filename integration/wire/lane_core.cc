#include "ming/wire/lane_core.h"

#include <algorithm>
#include <utility>

namespace ming::wire {

bool LaneCore::IsLater(const Held& a, const Held& b) {
  return a.due == b.due ? a.number > b.number : a.due > b.due;
}

void LaneCore::HandleFrame(Timestamp now, ByteSpan frame) {
  if (impairment_.drop_larger && frame.size() > *impairment_.drop_larger + kEthernetHeader) {
    ++counters_.too_large;
    return;
  }
  const auto sent = PassBottleneck(now, frame.size());
  if (!sent || held_bytes_ + frame.size() > kMaxHeld) {
    ++counters_.queue_full;
    return;
  }
  // Behind the bottleneck: a lost frame took its share of the rate.
  if (IsLost()) {
    ++counters_.lost;
    return;
  }
  const Timestamp due = ArrivalTime(*sent);
  Hold(due, frame);
  if (Happens(impairment_.duplicate)) {
    ++counters_.duplicated;
    Hold(due, frame);
  }
}

bool LaneCore::IsLost() {
  const bool ends = in_burst_ && Happens(1 / impairment_.burst_length);
  const bool begins = !in_burst_ && Happens(impairment_.burst_start);
  in_burst_ = impairment_.burst_start > 0 && (begins || (in_burst_ && !ends));
  return in_burst_ || Happens(impairment_.loss);
}

std::optional<Timestamp> LaneCore::PassBottleneck(Timestamp now, size_t size) {
  if (!impairment_.rate) return now;
  const double ns_per_byte = 8e9 / static_cast<double>(*impairment_.rate);
  const Timestamp start = std::max(now, bottleneck_free_);
  const double waiting = static_cast<double>((start - now).count()) / ns_per_byte;
  if (waiting > static_cast<double>(impairment_.queue)) return std::nullopt;
  const double own = ns_per_byte * static_cast<double>(size);
  bottleneck_free_ = start + Duration(static_cast<Duration::rep>(own));
  return bottleneck_free_;
}

Timestamp LaneCore::ArrivalTime(Timestamp sent) {
  const auto jitter = static_cast<double>(impairment_.jitter.count());
  const auto shift = static_cast<Duration::rep>(jitter * (2 * random_.Fraction() - 1));
  const Timestamp due = std::max(sent, sent + impairment_.delay + Duration(shift));
  if (Happens(impairment_.reorder)) {
    ++counters_.reordered;
    return due + impairment_.reorder_by;
  }
  last_in_order_ = std::max(last_in_order_, due);
  return last_in_order_;
}

void LaneCore::Hold(Timestamp due, ByteSpan frame) {
  held_bytes_ += frame.size();
  held_.push_back(Held{due, next_number_++, ByteBuffer::CopyOf(frame)});
  std::push_heap(held_.begin(), held_.end(), IsLater);
}

std::optional<ByteBuffer> LaneCore::PollFrame(Timestamp now) {
  if (NextTimeout() > now) return std::nullopt;
  std::pop_heap(held_.begin(), held_.end(), IsLater);
  ByteBuffer frame = std::move(held_.back().frame);
  held_.pop_back();
  held_bytes_ -= frame.size();
  ++counters_.carried;
  counters_.carried_bytes += frame.size();
  return frame;
}

}  // namespace ming::wire
