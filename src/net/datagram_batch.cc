#include "ming/net/datagram_batch.h"

#include <glog/logging.h>

#include "ming/base/checked_cast.h"

namespace ming::net {

void DatagramBatch::Append(ByteSpan datagram) {
  DCHECK(!datagram.empty());
  bytes_.Append(datagram);
  sizes_.push_back(base::CheckedCast<uint32_t>(datagram.size()));
}

DatagramBatch::Run DatagramBatch::Front() const {
  CHECK(!empty());
  Run run;
  run.segment = sizes_[head_];
  size_t total = 0;
  for (size_t i = head_; i < sizes_.size() && run.count < kMaxRunDatagrams; ++i) {
    const size_t size = sizes_[i];
    if (size > run.segment) break;
    if (run.count > 0 && total + size > kMaxRunBytes) break;
    total += size;
    ++run.count;
    if (size < run.segment) break;  // a shorter one ends the run
  }
  run.bytes = bytes_.span().First(total);
  return run;
}

DatagramBatch::Run DatagramBatch::FrontAlone() const {
  CHECK(!empty());
  return {bytes_.span().First(sizes_[head_]), sizes_[head_], 1};
}

void DatagramBatch::Pop(const Run& run) {
  bytes_.RemovePrefix(run.bytes.size());
  head_ += run.count;
  if (empty()) Clear();
}

void DatagramBatch::Clear() {
  bytes_.Clear();
  sizes_.clear();
  head_ = 0;
}

}  // namespace ming::net
