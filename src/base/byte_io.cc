#include "ming/base/byte_io.h"

namespace ming {
namespace {

template <typename T>
void AppendBigEndian(ByteBuffer& out, T value) {
  const MutableByteSpan room = out.AppendUninitialized(sizeof(T));
  for (size_t i = 0; i < sizeof(T); ++i) {
    room.data()[i] = static_cast<uint8_t>(value >> (8 * (sizeof(T) - 1 - i)));
  }
}

}  // namespace

template <typename T>
std::optional<T> ByteReader::ReadBigEndian() {
  if (rest_.size() < sizeof(T)) return std::nullopt;
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>(static_cast<uint64_t>(value) << 8 | rest_[i]);
  }
  rest_ = rest_.Skip(sizeof(T));
  return value;
}

std::optional<uint8_t> ByteReader::ReadU8() { return ReadBigEndian<uint8_t>(); }
std::optional<uint16_t> ByteReader::ReadU16() { return ReadBigEndian<uint16_t>(); }
std::optional<uint32_t> ByteReader::ReadU32() { return ReadBigEndian<uint32_t>(); }
std::optional<uint64_t> ByteReader::ReadU64() { return ReadBigEndian<uint64_t>(); }

std::optional<ByteSpan> ByteReader::ReadBytes(size_t count) {
  if (rest_.size() < count) return std::nullopt;
  const ByteSpan taken = rest_.First(count);
  rest_ = rest_.Skip(count);
  return taken;
}

void ByteWriter::WriteU8(uint8_t value) { out_.Append(value); }
void ByteWriter::WriteU16(uint16_t value) { AppendBigEndian(out_, value); }
void ByteWriter::WriteU32(uint32_t value) { AppendBigEndian(out_, value); }
void ByteWriter::WriteU64(uint64_t value) { AppendBigEndian(out_, value); }

}  // namespace ming
