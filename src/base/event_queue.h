// EventQueue: what a core has to tell its shell, in order, until the shell takes it.
#ifndef MING_BASE_EVENT_QUEUE_H_
#define MING_BASE_EVENT_QUEUE_H_

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace ming {

// Made for a shell that polls until nothing is left after every call to the core: only then are the
// places of polled events free again.
template <typename Event>
class EventQueue {
 public:
  void Push(Event event) { events_.push_back(std::move(event)); }

  // The oldest; nothing where all have been taken. More may be pushed before the next call.
  std::optional<Event> Poll() {
    if (next_ == events_.size()) return std::nullopt;
    std::optional<Event> event(std::move(events_[next_]));
    if (++next_ == events_.size()) Clear();
    return event;
  }

 private:
  static constexpr size_t kKept = 16;  // places, from one burst to the next

  void Clear() {
    next_ = 0;
    events_.clear();
    if (events_.capacity() > kKept) events_.shrink_to_fit();
  }

  std::vector<Event> events_;
  size_t next_ = 0;  // of those to poll
};

}  // namespace ming

#endif  // MING_BASE_EVENT_QUEUE_H_
