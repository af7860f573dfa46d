#include "ming/sctp/reordering.h"

#include <algorithm>

#include "ming/sctp/tsn.h"

namespace ming::sctp {
namespace {

constexpr Duration kLeastWindow = std::chrono::milliseconds(1);
constexpr int kMostQuarters = 8;
constexpr size_t kEnoughArrived = 3;

}  // namespace

void Reordering::NoteRepeated(uint32_t tsn) { repeated_[repeated_count_++ % kRemembered] = tsn; }

void Reordering::NoteDelivered(uint32_t tsn, uint32_t transmissions) {
  if (IsAfter(tsn, highest_delivered_)) {
    highest_delivered_ = tsn;
  } else if (transmissions == 1) {
    quarters_ = std::max(quarters_, 1);
  }
}

void Reordering::NoteDuplicate(uint32_t tsn) {
  const size_t known = std::min(repeated_count_, kRemembered);
  const auto end = repeated_.begin() + static_cast<std::ptrdiff_t>(known);
  if (std::find(repeated_.begin(), end, tsn) != end) {
    quarters_ = std::min(quarters_ + 1, kMostQuarters);
  }
}

Duration Reordering::Window(std::optional<Duration> shortest_round_trip,
                            std::optional<Duration> smoothed_round_trip,
                            size_t arrived_packets) const {
  if (quarters_ == 0 && arrived_packets >= kEnoughArrived) return Duration(0);
  const Duration shortest = shortest_round_trip.value_or(kLeastWindow);
  const Duration window = std::max(kLeastWindow, std::max(1, quarters_) * shortest / 4);
  if (!smoothed_round_trip) return window;
  return std::min(window, std::max(*smoothed_round_trip, kLeastWindow));
}

}  // namespace ming::sctp
