#include "ming/tls/dtls_records.h"

#include <cstddef>
#include <cstdint>

namespace ming::tls {
namespace {

constexpr size_t kHeader = 13;
constexpr size_t kLengthOffset = 11;
constexpr size_t kMaxContent = 16384 + 2048;  // 2^14 and what protection may add
constexpr uint8_t kFirstType = 20;            // change_cipher_spec
constexpr uint8_t kLastType = 24;             // heartbeat
constexpr uint8_t kVersionMajor = 254;

// What stands behind the header of the first record; at least a header is there.
size_t ContentOfFirst(ByteSpan row) {
  return static_cast<size_t>(row[kLengthOffset]) << 8 | static_cast<size_t>(row[kLengthOffset + 1]);
}

}  // namespace

bool IsRowOfRecords(ByteSpan datagram) {
  if (datagram.empty()) return false;
  while (!datagram.empty()) {
    if (datagram.size() < kHeader) return false;
    if (datagram[0] < kFirstType || datagram[0] > kLastType) return false;
    if (datagram[1] != kVersionMajor) return false;
    const size_t content = ContentOfFirst(datagram);
    if (content > kMaxContent || content > datagram.size() - kHeader) return false;
    datagram = datagram.Skip(kHeader + content);
  }
  return true;
}

bool IsOneRecord(ByteSpan row) {
  return row.size() >= kHeader && kHeader + ContentOfFirst(row) == row.size();
}

}  // namespace ming::tls
