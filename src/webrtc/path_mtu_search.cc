#include "ming/webrtc/path_mtu_search.h"

#include <algorithm>
#include <array>
#include <utility>

namespace ming::webrtc {
namespace {

// What links have that are wider than Ethernet usually is.
constexpr std::array<size_t, 7> kUsualMtus = {3000, 4000, 4464, 6000, 8000, 8896, 9000};

}  // namespace

void PathMtuSearch::HandleNewPath(const PathMtuLimits& limits) {
  limits_ = limits;
  state_ = limits.limit >= 2 * limits.base ? State::kWaiting : State::kOff;
  packet_size_ = limits.base;
  bulk_ = 0;
  attempts_ = 0;
  to_send_.reset();
  round_trip_.reset();
  answer_time_.reset();
  deadline_ = confirm_at_ = Timestamp::Max();
}

void PathMtuSearch::HandleSent(Timestamp now, size_t size) {
  if (state_ == State::kWaiting) {
    if (2 * size > limits_.base) bulk_ += size;
    if (bulk_ >= kBulk) deadline_ = std::min(deadline_, now);
  } else if (state_ == State::kComplete && size > limits_.base && !asking()) {
    confirm_at_ = std::min(confirm_at_, std::max(now, confirmed_at_ + kConfirmInterval));
  }
}

void PathMtuSearch::HandleAnswer(Timestamp now, uint32_t id, size_t size) {
  if (!asking() || id != id_ || size != asked_) return;
  if (attempts_ == 1) answer_time_ = now - asked_at_;
  attempts_ = 0;
  to_send_.reset();
  deadline_ = Timestamp::Max();
  confirmed_at_ = now;
  switch (state_) {
    case State::kBase:
      state_ = State::kSearching;
      failed_ = limits_.limit + 1;
      first_tried_ = false;
      return SearchOn(now);
    case State::kSearching:
      packet_size_ = asked_;
      return SearchOn(now);
    case State::kComplete:
      confirm_at_ = Timestamp::Max();
      deadline_ = now + kRaiseInterval;
      return;
    case State::kOff:
    case State::kWaiting:
    case State::kError:
      return;
  }
}

void PathMtuSearch::HandleTooLarge(Timestamp now) {
  if (asking() && asked_ > limits_.base) return GiveUp(now);
  if (packet_size_ > limits_.base) FallBack(now);
}

void PathMtuSearch::HandleTimeout(Timestamp now) {
  if (now < NextTimeout()) return;
  if (asking()) return attempts_ < kMaxProbes ? SendAgain(now) : GiveUp(now);
  switch (state_) {
    case State::kWaiting:
    case State::kError:
      return StartBase(now);
    case State::kComplete:
      if (now >= confirm_at_) return Ask(now, packet_size_);
      state_ = State::kSearching;
      failed_ = limits_.limit + 1;
      first_tried_ = false;
      return SearchOn(now);
    case State::kOff:
    case State::kBase:
    case State::kSearching:
      return;
  }
}

Timestamp PathMtuSearch::NextTimeout() const {
  return asking() ? deadline_ : std::min(deadline_, confirm_at_);
}

std::optional<PathMtuSearch::Probe> PathMtuSearch::PollProbe() {
  return std::exchange(to_send_, std::nullopt);
}

void PathMtuSearch::StartBase(Timestamp now) {
  state_ = State::kBase;
  Ask(now, limits_.base);
}

// An answer to any of the probes of one size will do, so all have one id.
void PathMtuSearch::Ask(Timestamp now, size_t size) {
  asked_ = size;
  ++id_;
  attempts_ = 0;
  asked_at_ = now;
  SendAgain(now);
}

void PathMtuSearch::SendAgain(Timestamp now) {
  deadline_ = now + WaitForAnswer() * (1 << attempts_);
  ++attempts_;
  to_send_ = Probe{id_, asked_};
}

void PathMtuSearch::GiveUp(Timestamp now) {
  attempts_ = 0;
  to_send_.reset();
  switch (state_) {
    case State::kBase:
      state_ = State::kError;
      deadline_ = now + kErrorInterval;
      return;
    case State::kSearching:
      failed_ = asked_;
      return SearchOn(now);
    case State::kComplete:
      return FallBack(now);
    case State::kOff:
    case State::kWaiting:
    case State::kError:
      return;
  }
}

void PathMtuSearch::FallBack(Timestamp now) {
  packet_size_ = limits_.base;
  confirm_at_ = Timestamp::Max();
  StartBase(now);
}

void PathMtuSearch::SearchOn(Timestamp now) {
  const size_t next = NextCandidate();
  if (next != 0) return Ask(now, next);
  state_ = State::kComplete;
  confirm_at_ = Timestamp::Max();
  deadline_ = now + kRaiseInterval;
}

// 0: nothing is left between what passes and what does not.
size_t PathMtuSearch::NextCandidate() {
  const size_t least = std::max(packet_size_ + 1, 2 * limits_.base);
  const auto open = [this, least](size_t size) { return size >= least && size < failed_; };
  if (!std::exchange(first_tried_, true) && open(limits_.first)) return limits_.first;
  std::array<size_t, kUsualMtus.size() + 1> left{};
  size_t count = 0;
  for (const size_t mtu : kUsualMtus) {
    if (mtu <= limits_.overhead || mtu - limits_.overhead >= limits_.limit) break;
    if (open(mtu - limits_.overhead)) left[count++] = mtu - limits_.overhead;
  }
  if (open(limits_.limit)) left[count++] = limits_.limit;
  return count == 0 ? 0 : left[count / 2];
}

Duration PathMtuSearch::WaitForAnswer() const {
  if (!round_trip_ && !answer_time_) return kFirstWait;
  const Duration longest =
      std::max(round_trip_.value_or(Duration(0)), answer_time_.value_or(Duration(0)));
  return std::max<Duration>(3 * longest, kLeastWait);
}

}  // namespace ming::webrtc
