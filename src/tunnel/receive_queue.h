// ReceiveQueue: received messages as one run of bytes. Large messages are moved in, small ones are
// joined, so that the memory stays in proportion to the bytes whatever the peer's message sizes
// are.
#ifndef MING_TUNNEL_RECEIVE_QUEUE_H_
#define MING_TUNNEL_RECEIVE_QUEUE_H_

#include <cstddef>
#include <vector>

#include "ming/base/bytes.h"

namespace ming::tunnel {

class ReceiveQueue {
 public:
  void Push(ByteBuffer message);
  // The bytes that can be shown without copying: all or a part of what is queued, empty only when
  // the queue is. Valid until the next Push, Consume or Clear.
  ByteSpan Front() const;
  // Drops the first `count` bytes; at most Front().size().
  void Consume(size_t count);
  void Clear();

  size_t size() const { return bytes_; }
  bool empty() const { return bytes_ == 0; }

 private:
  // Live elements are [head_, end).
  std::vector<ByteBuffer> messages_;
  size_t head_ = 0;
  size_t bytes_ = 0;
};

}  // namespace ming::tunnel

#endif  // MING_TUNNEL_RECEIVE_QUEUE_H_
