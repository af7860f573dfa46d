#include "ming/sctp/send_queue_limit.h"

#include <algorithm>

namespace ming::sctp {
namespace {

// What a small message may wait for behind bulk.
constexpr Duration kQueueTime = std::chrono::milliseconds(1);
// A window is at least so long: shorter ones measure the bursts, not the rate.
constexpr Duration kMinWindow = std::chrono::milliseconds(5);
constexpr int kLongWindow = 8;
// A queue that is never empty hides a longer round trip, and its own delay passes for one.
constexpr Duration kMeasureAgain = std::chrono::seconds(10);

}  // namespace

SendQueueLimit::SendQueueLimit(size_t floor, size_t ceiling)
    : floor_(floor), ceiling_(std::max(floor, ceiling)), limit_(floor) {}

void SendQueueLimit::NoteSent(Timestamp now, size_t bytes) {
  const uint64_t ahead = sent_ - acknowledged_;
  sent_ += bytes;
  is_full_ = false;
  // Measuring anew begins when the old queue is gone.
  if (!mark_ && (shortest_ || ahead <= floor_)) mark_ = Mark{sent_, now};
}

void SendQueueLimit::NoteQueued(Timestamp now, size_t queued) {
  // The engine counts a few bytes more for each message than it was given.
  const uint64_t acknowledged = sent_ - std::min<uint64_t>(queued, sent_);
  const bool progress = acknowledged > acknowledged_;
  acknowledged_ = std::max(acknowledged_, acknowledged);
  SampleRoundTrip(now);
  if (acknowledged_ == sent_ && !is_full_) {
    window_start_.reset();  // nothing to send is no sign of a slow path
  } else if (window_start_) {
    SetLimit(now);
  } else if (progress) {
    StartWindow(now);  // the round trip before the first acknowledgment is none either
  }
  // From here on it is the sender's matter; a queue that went from full to empty at once still
  // counted as full.
  if (queued <= resume_at()) is_full_ = false;
}

void SendQueueLimit::HandleNewPath() {
  shortest_.reset();
  mark_.reset();
  window_start_.reset();
  limit_ = floor_;
}

void SendQueueLimit::SampleRoundTrip(Timestamp now) {
  if (!mark_ || acknowledged_ < mark_->offset) return;
  const Duration sample = now - mark_->sent_at;
  mark_.reset();
  if (!shortest_) {
    shortest_ = sample;
    shortest_until_ = now + kMeasureAgain;
  } else if (now < shortest_until_) {
    shortest_ = std::min(*shortest_, sample);
  } else {
    shortest_.reset();
    limit_ = floor_;
  }
}

void SendQueueLimit::StartWindow(Timestamp now) {
  window_start_ = now;
  window_acknowledged_ = acknowledged_;
  was_full_ = is_full_;
}

void SendQueueLimit::SetLimit(Timestamp now) {
  if (!shortest_) return;
  const Duration elapsed = now - *window_start_;
  const Duration wanted_window = std::max(kMinWindow, *shortest_);
  if (elapsed < wanted_window) return;
  // A window that nobody looked at for so long was a pause.
  if (was_full_ && elapsed < kLongWindow * wanted_window) {
    const double rate = static_cast<double>(acknowledged_ - window_acknowledged_) /
                        static_cast<double>(elapsed.count());
    const double wanted = rate * static_cast<double>((2 * *shortest_ + kQueueTime).count());
    limit_ = std::clamp(static_cast<size_t>(wanted), floor_, ceiling_);
  }
  StartWindow(now);
}

}  // namespace ming::sctp
