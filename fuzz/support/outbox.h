// Outbox: the packets one end has sent, until a fuzz driver passes them on.
#ifndef MING_FUZZ_SUPPORT_OUTBOX_H_
#define MING_FUZZ_SUPPORT_OUTBOX_H_

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "ming/base/bytes.h"

namespace ming::fuzz {

class Outbox {
 public:
  // What is sent while it holds `capacity` packets is lost.
  explicit Outbox(size_t capacity) : capacity_(capacity) {}

  void Add(ByteSpan packet) {
    if (packets_.size() < capacity_) packets_.push_back(ByteBuffer::CopyOf(packet));
  }

  // The oldest.
  std::optional<ByteBuffer> Take() {
    if (packets_.empty()) return std::nullopt;
    std::optional<ByteBuffer> first(std::move(packets_.front()));
    packets_.pop_front();
    return first;
  }

 private:
  const size_t capacity_;
  std::deque<ByteBuffer> packets_;
};

}  // namespace ming::fuzz

#endif  // MING_FUZZ_SUPPORT_OUTBOX_H_
