// AlarmHeap: armed alarms by time. Arm and cancel are O(log n), the next one is O(1). Pure.
#ifndef MING_NET_ALARM_HEAP_H_
#define MING_NET_ALARM_HEAP_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "ming/base/time.h"

namespace ming::net {

class AlarmHeap {
 public:
  // What an alarm derives from; outlives its stay in the heap.
  class Node {
   public:
    bool in_heap() const { return position_.has_value(); }

   private:
    friend class AlarmHeap;
    std::optional<size_t> position_;
  };

  // Adds `node`, or moves it to another time. Among equal times the one armed first comes first.
  void Arm(Node& node, Timestamp when);
  // Takes `node` out; harmless where it is not in.
  void Cancel(Node& node);

  bool empty() const { return entries_.empty(); }
  size_t size() const { return entries_.size(); }
  // Timestamp::Max() when empty.
  Timestamp next_time() const { return empty() ? Timestamp::Max() : entries_.front().when; }
  // How many times Arm was called.
  uint64_t arm_count() const { return next_sequence_; }
  // Takes out and returns the first node if it is due at `now` and was armed before the
  // `arm_limit`-th call of Arm; else null.
  Node* PopDue(Timestamp now, uint64_t arm_limit);

  // Whether the order holds everywhere; for tests.
  bool IsConsistent() const;

 private:
  struct Entry {
    Timestamp when;
    uint64_t sequence;
    Node* node;
  };

  static bool Before(const Entry& a, const Entry& b) {
    return a.when != b.when ? a.when < b.when : a.sequence < b.sequence;
  }
  void Place(size_t position, const Entry& entry);
  void SiftUp(size_t position, const Entry& entry);
  void SiftDown(size_t position, const Entry& entry);
  void RemoveAt(size_t position);

  std::vector<Entry> entries_;
  uint64_t next_sequence_ = 0;
};

}  // namespace ming::net

#endif  // MING_NET_ALARM_HEAP_H_
