#include "ming/base/bytes.h"

#include <glog/logging.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace ming {

bool operator==(ByteSpan a, ByteSpan b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

ByteBuffer::ByteBuffer(ByteBuffer&& other) noexcept
    : storage_(std::move(other.storage_)),
      capacity_(std::exchange(other.capacity_, 0)),
      begin_(std::exchange(other.begin_, 0)),
      end_(std::exchange(other.end_, 0)) {}

ByteBuffer& ByteBuffer::operator=(ByteBuffer&& other) noexcept {
  storage_ = std::move(other.storage_);
  capacity_ = std::exchange(other.capacity_, 0);
  begin_ = std::exchange(other.begin_, 0);
  end_ = std::exchange(other.end_, 0);
  return *this;
}

ByteBuffer ByteBuffer::CopyOf(ByteSpan bytes) {
  ByteBuffer buffer = WithCapacity(bytes.size());
  buffer.Append(bytes);
  return buffer;
}

ByteBuffer ByteBuffer::WithCapacity(size_t capacity) {
  ByteBuffer buffer;
  if (capacity > 0) buffer.Reserve(capacity);
  return buffer;
}

ByteBuffer ByteBuffer::Uninitialized(size_t size) {
  ByteBuffer buffer = WithCapacity(size);
  buffer.end_ = size;
  return buffer;
}

void ByteBuffer::Append(ByteSpan bytes) {
  if (bytes.empty()) return;
  const MutableByteSpan room = AppendUninitialized(bytes.size());
  std::memcpy(room.data(), bytes.data(), bytes.size());
}

MutableByteSpan ByteBuffer::AppendUninitialized(size_t count) {
  Reserve(count);
  const size_t at = end_;
  end_ += count;
  return {storage_.get() + at, count};
}

void ByteBuffer::RemovePrefix(size_t count) {
  DCHECK_LE(count, size());
  begin_ += count;
  if (begin_ == end_) Clear();
}

void ByteBuffer::Truncate(size_t size) {
  DCHECK_LE(size, this->size());
  end_ = begin_ + size;
}

void ByteBuffer::Reserve(size_t extra) {
  const size_t used = size();
  if (capacity_ - end_ >= extra) return;
  if (capacity_ - used >= extra && begin_ >= used) {
    if (used > 0)
      std::memcpy(storage_.get(), data(), used);  // begin_ >= used: the ranges do not overlap
    begin_ = 0;
    end_ = used;
    return;
  }
  const size_t grown = capacity_ == 0 ? extra : std::max(used + extra, 2 * used);
  std::unique_ptr<uint8_t[]> storage(new uint8_t[grown]);
  if (used > 0) std::memcpy(storage.get(), data(), used);
  storage_ = std::move(storage);
  capacity_ = grown;
  begin_ = 0;
  end_ = used;
}

std::string HexDump(ByteSpan bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 3);
  for (const uint8_t byte : bytes) {
    if (!text.empty()) text += ' ';
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace ming
