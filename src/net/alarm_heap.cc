#include "ming/net/alarm_heap.h"

#include <algorithm>

namespace ming::net {
namespace {

// Four children a node: half the levels of a binary heap, and the children share a cache line or
// two.
constexpr size_t kArity = 4;

constexpr size_t ParentOf(size_t position) { return (position - 1) / kArity; }

}  // namespace

void AlarmHeap::Arm(Node& node, Timestamp when) {
  const Entry entry{when, next_sequence_++, &node};
  if (!node.position_) {
    entries_.push_back(entry);
    SiftUp(entries_.size() - 1, entry);
    return;
  }
  const size_t position = *node.position_;
  if (Before(entry, entries_[position])) {
    SiftUp(position, entry);
  } else {
    SiftDown(position, entry);
  }
}

void AlarmHeap::Cancel(Node& node) {
  if (node.position_) RemoveAt(*node.position_);
}

AlarmHeap::Node* AlarmHeap::PopDue(Timestamp now, uint64_t arm_limit) {
  if (empty()) return nullptr;
  const Entry first = entries_.front();
  if (first.when > now || first.sequence >= arm_limit) return nullptr;
  RemoveAt(0);
  return first.node;
}

void AlarmHeap::Place(size_t position, const Entry& entry) {
  entries_[position] = entry;
  entry.node->position_ = position;
}

void AlarmHeap::SiftUp(size_t position, const Entry& entry) {
  while (position > 0 && Before(entry, entries_[ParentOf(position)])) {
    Place(position, entries_[ParentOf(position)]);
    position = ParentOf(position);
  }
  Place(position, entry);
}

void AlarmHeap::SiftDown(size_t position, const Entry& entry) {
  const size_t size = entries_.size();
  for (;;) {
    const size_t first_child = position * kArity + 1;
    if (first_child >= size) break;
    size_t best = first_child;
    for (size_t child = first_child + 1; child < std::min(first_child + kArity, size); ++child) {
      if (Before(entries_[child], entries_[best])) best = child;
    }
    if (!Before(entries_[best], entry)) break;
    Place(position, entries_[best]);
    position = best;
  }
  Place(position, entry);
}

void AlarmHeap::RemoveAt(size_t position) {
  entries_[position].node->position_.reset();
  const Entry last = entries_.back();
  entries_.pop_back();
  if (position == entries_.size()) return;
  if (position > 0 && Before(last, entries_[ParentOf(position)])) {
    SiftUp(position, last);
  } else {
    SiftDown(position, last);
  }
}

bool AlarmHeap::IsConsistent() const {
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].node->position_ != i) return false;
    if (i > 0 && Before(entries_[i], entries_[ParentOf(i)])) return false;
  }
  return true;
}

}  // namespace ming::net
