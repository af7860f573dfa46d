// WindowBudget: the memory by which the receive windows of all streams together may grow beyond
// what they begin with. A long fast path needs a window of its rate times its round trip; a
// thousand stalled readers must not hold a thousand of those.
#ifndef MING_TUNNEL_WINDOW_BUDGET_H_
#define MING_TUNNEL_WINDOW_BUDGET_H_

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>

namespace ming::tunnel {

// Used by one thread.
class WindowBudget {
 public:
  static constexpr size_t kDefaultBytes = size_t{64} << 20;

  explicit WindowBudget(size_t bytes = kDefaultBytes) : left_(bytes) {}
  WindowBudget(const WindowBudget&) = delete;
  WindowBudget& operator=(const WindowBudget&) = delete;
  ~WindowBudget() = default;

  size_t left() const { return left_; }

 private:
  friend class WindowShare;
  size_t left_;
};

// What one stream took, given back when it ends. Shared ownership: streams that die at the end of a
// turn may outlive whoever made the budget.
class WindowShare {
 public:
  // Without a budget there is nothing to take.
  explicit WindowShare(std::shared_ptr<WindowBudget> budget) : budget_(std::move(budget)) {}
  WindowShare(const WindowShare&) = delete;
  WindowShare& operator=(const WindowShare&) = delete;
  ~WindowShare() { GiveBack(); }

  // Takes up to `wanted` bytes more, and never more than a quarter of what is left, so that there
  // is something for those who come later; what it got.
  size_t Take(size_t wanted) {
    if (budget_ == nullptr) return 0;
    const size_t got = std::min(wanted, budget_->left_ / 4);
    budget_->left_ -= got;
    taken_ += got;
    return got;
  }
  void GiveBack() {
    if (budget_ != nullptr) budget_->left_ += std::exchange(taken_, 0);
  }
  size_t taken() const { return taken_; }

 private:
  std::shared_ptr<WindowBudget> budget_;
  size_t taken_ = 0;
};

}  // namespace ming::tunnel

#endif  // MING_TUNNEL_WINDOW_BUDGET_H_
