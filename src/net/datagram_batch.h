// DatagramBatch: datagrams of one loop turn on their way to one address, in order, laid out so that
// runs of equal size leave in one system call (UDP generic segmentation offload). Pure.
#ifndef MING_NET_DATAGRAM_BATCH_H_
#define MING_NET_DATAGRAM_BATCH_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ming/base/bytes.h"

namespace ming::net {

class DatagramBatch {
 public:
  // What the kernel takes in one call: UDP_MAX_SEGMENTS, and an IP packet's size with its headers.
  static constexpr size_t kMaxRunDatagrams = 64;
  static constexpr size_t kMaxRunBytes = 65000;

  // Datagrams that stand one behind the other: `count` of `segment` bytes, the last may be shorter.
  struct Run {
    ByteSpan bytes;
    size_t segment = 0;
    size_t count = 0;
  };

  // `datagram` is not empty.
  void Append(ByteSpan datagram);
  // The longest run at the front, not empty; CHECKs that there is one. Valid until the next change.
  Run Front() const;
  // Whether everything with one more datagram might still be one run.
  bool RunHasRoomFor(size_t datagram) const {
    return count() < kMaxRunDatagrams && bytes() + datagram <= kMaxRunBytes;
  }
  // Only the first datagram.
  Run FrontAlone() const;
  // Takes off what Front or FrontAlone gave.
  void Pop(const Run& run);
  void Clear();

  bool empty() const { return head_ == sizes_.size(); }
  size_t count() const { return sizes_.size() - head_; }
  size_t bytes() const { return bytes_.size(); }

 private:
  ByteBuffer bytes_;
  std::vector<uint32_t> sizes_;  // those before head_ are gone
  size_t head_ = 0;
};

}  // namespace ming::net

#endif  // MING_NET_DATAGRAM_BATCH_H_
