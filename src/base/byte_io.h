// ByteReader and ByteWriter: fixed-width big-endian fields, bounds checked. The base of every
// binary codec.
#ifndef MING_BASE_BYTE_IO_H_
#define MING_BASE_BYTE_IO_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "ming/base/bytes.h"

namespace ming {

// Takes fields from the front of a span. A read past the end returns nothing and takes nothing.
class ByteReader {
 public:
  explicit ByteReader(ByteSpan bytes) : rest_(bytes) {}

  std::optional<uint8_t> ReadU8();
  std::optional<uint16_t> ReadU16();
  std::optional<uint32_t> ReadU32();
  std::optional<uint64_t> ReadU64();
  // A view into the span given to the constructor.
  std::optional<ByteSpan> ReadBytes(size_t count);

  ByteSpan rest() const { return rest_; }
  size_t remaining() const { return rest_.size(); }

 private:
  template <typename T>
  std::optional<T> ReadBigEndian();

  ByteSpan rest_;
};

// Appends fields to a buffer that outlives it.
class ByteWriter {
 public:
  explicit ByteWriter(ByteBuffer& out) : out_(out) {}

  void WriteU8(uint8_t value);
  void WriteU16(uint16_t value);
  void WriteU32(uint32_t value);
  void WriteU64(uint64_t value);
  void WriteBytes(ByteSpan bytes) { out_.Append(bytes); }

 private:
  ByteBuffer& out_;
};

}  // namespace ming

#endif  // MING_BASE_BYTE_IO_H_
