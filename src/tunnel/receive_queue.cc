#include "ming/tunnel/receive_queue.h"

#include <glog/logging.h>

#include <utility>

namespace ming::tunnel {
namespace {

// A message up to this size is appended to the one before it while that one is below
// kJoinedBytes: the bookkeeping of a message costs about as much as such a copy.
constexpr size_t kSmallMessageBytes = 512;
constexpr size_t kJoinedBytes = 4096;
// Slots that an empty queue keeps: a stream that is read about as fast as it comes allocates
// nothing here, and an idle one holds little.
constexpr size_t kKeptSlots = 8;

}  // namespace

void ReceiveQueue::Push(ByteBuffer message) {
  if (message.empty()) return;
  bytes_ += message.size();
  const bool joins = message.size() <= kSmallMessageBytes && head_ < messages_.size() &&
                     messages_.back().size() < kJoinedBytes;
  if (joins) {
    messages_.back().Append(message);
  } else {
    messages_.push_back(std::move(message));
  }
}

ByteSpan ReceiveQueue::Front() const { return empty() ? ByteSpan() : messages_[head_].span(); }

void ReceiveQueue::Consume(size_t count) {
  if (count == 0) return;
  DCHECK_LE(count, Front().size());
  bytes_ -= count;
  messages_[head_].RemovePrefix(count);
  if (!messages_[head_].empty()) return;
  messages_[head_] = ByteBuffer();
  ++head_;
  if (bytes_ == 0) {
    Clear();
  } else if (head_ * 2 >= messages_.size()) {
    messages_.erase(messages_.begin(), messages_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
}

void ReceiveQueue::Clear() {
  messages_.clear();
  if (messages_.capacity() > kKeptSlots) messages_.shrink_to_fit();
  head_ = 0;
  bytes_ = 0;
}

}  // namespace ming::tunnel
