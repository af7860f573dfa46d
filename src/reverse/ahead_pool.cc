#include "ming/reverse/ahead_pool.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

namespace ming::reverse {
namespace {

// What waits for the first caller after a quiet time.
constexpr size_t kLeastGoal = 2;
constexpr Duration kReviewInterval = std::chrono::seconds(10);
// After one was refused or lost: the client may be in trouble.
constexpr Duration kRest = std::chrono::seconds(1);
// The goal is made up in steps of this part of it, so that one segment asks for several.
constexpr size_t kPartsOfGoal = 4;

}  // namespace

AheadPool::AheadPool(size_t limit) : limit_(limit), goal_(std::min(limit, kLeastGoal)) {}

size_t AheadPool::least() const { return std::min(limit_, kLeastGoal); }

std::optional<AheadPool::Waiting> AheadPool::Take(Timestamp now) {
  if (waiting_.empty()) {
    idle_ = 0;
    goal_ = std::min(limit_, goal_ * 2);
    if (goal_ > least()) BeginReviews(now);
    return std::nullopt;
  }
  const Waiting first = waiting_.front();
  waiting_.pop_front();
  idle_ = std::min(idle_, waiting_.size());
  return first;
}

void AheadPool::BeginReviews(Timestamp now) {
  if (review_ == Timestamp::Max()) review_ = now + kReviewInterval;
}

AheadPool::Epoch AheadPool::Lend(Timestamp now) {
  ++lent_now_;
  BeginReviews(now);
  return epoch_;
}

bool AheadPool::HandleReturned(Epoch lent, const Waiting& waiting) {
  HandleSpent(lent);
  if (have() >= limit_) return false;
  waiting_.push_back(waiting);
  return true;
}

void AheadPool::HandleSpent(Epoch lent) {
  if (lent == epoch_) {
    --lent_now_;
  } else if (lent + 1 == epoch_) {
    --lent_before_;
  }
}

size_t AheadPool::Ask(size_t room) {
  if (have() >= limit_ || rest_until_ != Timestamp::Max()) return 0;
  // However many are lent, the next callers find the least.
  const size_t free = waiting_.size() + asked_;
  const size_t wanted = std::max(have() + least() - std::min(free, least()), goal_);
  if (wanted <= have()) return 0;
  const size_t missing = std::min(wanted, limit_) - have();
  if (free > 0 && missing < goal_ / kPartsOfGoal) return 0;
  const size_t count = std::min(missing, room);
  asked_ += count;
  return count;
}

void AheadPool::HandleArrived(const Waiting& waiting) {
  CHECK_GT(asked_, 0u);
  --asked_;
  waiting_.push_back(waiting);
}

void AheadPool::HandleRefused(Timestamp now) {
  CHECK_GT(asked_, 0u);
  --asked_;
  goal_ = std::max(least(), goal_ / 2);
  rest_until_ = now + kRest;
}

bool AheadPool::HandleLost(Timestamp now, LinkId link) {
  const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                  [link](const Waiting& one) { return one.link == link; });
  if (found == waiting_.end()) return false;
  waiting_.erase(found);
  idle_ = std::min(idle_, waiting_.size());
  rest_until_ = now + kRest;
  return true;
}

std::vector<AheadPool::Waiting> AheadPool::HandleTimeout(Timestamp now) {
  if (now >= rest_until_) rest_until_ = Timestamp::Max();
  std::vector<Waiting> surplus;
  if (now < review_) return surplus;
  // Half of what nobody took: the next crowd may come soon.
  const size_t shrink = std::min((idle_ + 1) / 2, goal_ - least());
  goal_ -= shrink;
  lent_before_ = std::exchange(lent_now_, 0);
  ++epoch_;
  while (!waiting_.empty() && have() > goal_) {
    surplus.push_back(waiting_.front());
    waiting_.pop_front();
  }
  idle_ = waiting_.size();
  const bool goes_on = goal_ > least() || lent() > 0;
  review_ = goes_on ? now + kReviewInterval : Timestamp::Max();
  return surplus;
}

}  // namespace ming::reverse
