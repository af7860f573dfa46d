// Views and buffers of bytes. ByteSpan looks, ByteBuffer owns; neither knows a protocol.
#ifndef MING_BASE_BYTES_H_
#define MING_BASE_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ming {

// A read-only view of bytes that somebody else keeps alive.
class ByteSpan {
 public:
  constexpr ByteSpan() = default;
  constexpr ByteSpan(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  // NOLINTNEXTLINE(google-explicit-constructor): a view
  ByteSpan(const std::vector<uint8_t>& bytes) : data_(bytes.data()), size_(bytes.size()) {}
  explicit ByteSpan(std::string_view text)
      : data_(reinterpret_cast<const uint8_t*>(text.data())), size_(text.size()) {}

  constexpr const uint8_t* data() const { return data_; }
  constexpr size_t size() const { return size_; }
  constexpr bool empty() const { return size_ == 0; }
  constexpr uint8_t operator[](size_t i) const { return data_[i]; }
  constexpr const uint8_t* begin() const { return data_; }
  constexpr const uint8_t* end() const { return data_ + size_; }

  // The first `count` bytes, or all where there are fewer.
  constexpr ByteSpan First(size_t count) const { return {data_, count < size_ ? count : size_}; }
  // What remains behind the first `count` bytes; empty where there are fewer.
  constexpr ByteSpan Skip(size_t count) const {
    return count < size_ ? ByteSpan(data_ + count, size_ - count) : ByteSpan();
  }
  std::string_view AsText() const { return {reinterpret_cast<const char*>(data_), size_}; }

 private:
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

bool operator==(ByteSpan a, ByteSpan b);
inline bool operator!=(ByteSpan a, ByteSpan b) { return !(a == b); }

// A writable view.
class MutableByteSpan {
 public:
  constexpr MutableByteSpan() = default;
  constexpr MutableByteSpan(uint8_t* data, size_t size) : data_(data), size_(size) {}

  constexpr uint8_t* data() const { return data_; }
  constexpr size_t size() const { return size_; }
  constexpr bool empty() const { return size_ == 0; }
  // NOLINTNEXTLINE(google-explicit-constructor): loses only a right
  operator ByteSpan() const { return {data_, size_}; }

 private:
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

// An owned run of bytes that moves but does not copy by accident. Growing does not zero what it
// adds, and taking from the front costs nothing.
class ByteBuffer {
 public:
  ByteBuffer() = default;
  ByteBuffer(ByteBuffer&& other) noexcept;
  ByteBuffer& operator=(ByteBuffer&& other) noexcept;
  ByteBuffer(const ByteBuffer&) = delete;
  ByteBuffer& operator=(const ByteBuffer&) = delete;
  ~ByteBuffer() = default;

  static ByteBuffer CopyOf(ByteSpan bytes);
  static ByteBuffer CopyOf(std::string_view text) { return CopyOf(ByteSpan(text)); }
  // Empty, with room for `capacity` bytes.
  static ByteBuffer WithCapacity(size_t capacity);
  // `size` bytes of unspecified content, to be filled by the caller.
  static ByteBuffer Uninitialized(size_t size);

  const uint8_t* data() const { return storage_.get() + begin_; }
  uint8_t* data() { return storage_.get() + begin_; }
  size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }
  size_t capacity() const { return capacity_ - begin_; }
  ByteSpan span() const { return {data(), size()}; }
  // NOLINTNEXTLINE(google-explicit-constructor): a view of itself
  operator ByteSpan() const { return span(); }
  MutableByteSpan mutable_span() { return {data(), size()}; }
  std::string_view AsText() const { return span().AsText(); }

  void Append(ByteSpan bytes);
  void Append(uint8_t byte) { Append(ByteSpan(&byte, 1)); }
  // Adds `count` bytes of unspecified content at the end and returns them. Valid until the next
  // growth.
  MutableByteSpan AppendUninitialized(size_t count);
  // Drops the first `count` bytes; at most size().
  void RemovePrefix(size_t count);
  // Keeps the first `size` bytes; at most size().
  void Truncate(size_t size);
  void Clear() { begin_ = end_ = 0; }

 private:
  void Reserve(size_t extra);

  std::unique_ptr<uint8_t[]> storage_;
  size_t capacity_ = 0;
  size_t begin_ = 0;
  size_t end_ = 0;
};

// "02 00 ff", for logs and failure messages.
std::string HexDump(ByteSpan bytes);

}  // namespace ming

#endif  // MING_BASE_BYTES_H_
