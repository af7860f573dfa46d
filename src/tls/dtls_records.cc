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

}  // namespace

bool IsRowOfRecords(ByteSpan datagram) {
  if (datagram.empty()) return false;
  while (!datagram.empty()) {
    if (datagram.size() < kHeader) return false;
    if (datagram[0] < kFirstType || datagram[0] > kLastType) return false;
    if (datagram[1] != kVersionMajor) return false;
    const size_t content = static_cast<size_t>(datagram[kLengthOffset]) << 8 |
                           static_cast<size_t>(datagram[kLengthOffset + 1]);
    if (content > kMaxContent || content > datagram.size() - kHeader) return false;
    datagram = datagram.Skip(kHeader + content);
  }
  return true;
}

}  // namespace ming::tls
