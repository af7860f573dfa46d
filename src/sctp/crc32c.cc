#include "ming/sctp/crc32c.h"

#include <glog/logging.h>

#include <array>
#include <cstddef>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace ming::sctp {
namespace {

constexpr size_t kCommonHeaderSize = 12;
constexpr size_t kChecksumOffset = 8;
constexpr uint32_t kPolynomial = 0x82F63B78;  // Castagnoli, reflected

using Table = std::array<uint32_t, 256>;

// What one byte adds: the classic table of the reflected form.
constexpr Table MakeByteTable() {
  Table table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ kPolynomial : crc >> 1;
    table[i] = crc;
  }
  return table;
}

constexpr Table kByteTable = MakeByteTable();

uint32_t UpdateByTable(uint32_t crc, ByteSpan bytes) {
  for (const uint8_t byte : bytes) crc = kByteTable[(crc ^ byte) & 0xff] ^ crc >> 8;
  return crc;
}

#if defined(__x86_64__) || defined(__aarch64__)
#define MING_SCTP_CRC32C_INSTRUCTION 1

// The instruction has a latency of 3 cycles and a throughput of 1, so three lanes run side by side
// over adjacent blocks; their results are joined by advancing a CRC over a block of zeros, which is
// linear and hence four table lookups.
constexpr size_t kLane = 128;  // bytes; a multiple of 8. Three lanes fit an Internet packet thrice.

struct ShiftTable {
  std::array<Table, 4> bytes;
};

constexpr uint32_t AppendZeros(uint32_t crc, size_t count) {
  for (size_t i = 0; i < count; ++i) crc = kByteTable[crc & 0xff] ^ crc >> 8;
  return crc;
}

// Built from the images of the 32 bits: the map is linear over XOR.
constexpr ShiftTable MakeShiftTable(size_t count) {
  std::array<uint32_t, 32> image{};
  for (uint32_t bit = 0; bit < 32; ++bit) image[bit] = AppendZeros(uint32_t{1} << bit, count);
  ShiftTable table{};
  for (uint32_t position = 0; position < 4; ++position) {
    for (uint32_t value = 0; value < 256; ++value) {
      uint32_t sum = 0;
      for (uint32_t bit = 0; bit < 8; ++bit) {
        if ((value >> bit & 1) != 0) sum ^= image[8 * position + bit];
      }
      table.bytes[position][value] = sum;
    }
  }
  return table;
}

constexpr ShiftTable kShiftOneLane = MakeShiftTable(kLane);
constexpr ShiftTable kShiftTwoLanes = MakeShiftTable(2 * kLane);

uint32_t Shift(const ShiftTable& table, uint64_t crc) {
  return table.bytes[0][crc & 0xff] ^ table.bytes[1][crc >> 8 & 0xff] ^
         table.bytes[2][crc >> 16 & 0xff] ^ table.bytes[3][crc >> 24 & 0xff];
}

#if defined(__x86_64__)
#define MING_SCTP_CRC32C_TARGET __attribute__((target("sse4.2")))
MING_SCTP_CRC32C_TARGET uint64_t Step8(uint64_t crc, uint64_t word) {
  return _mm_crc32_u64(crc, word);
}
MING_SCTP_CRC32C_TARGET uint64_t Step1(uint64_t crc, uint8_t byte) {
  return _mm_crc32_u8(static_cast<uint32_t>(crc), byte);
}
bool HasInstruction() {
  static const bool kHas = __builtin_cpu_supports("sse4.2") != 0;
  return kHas;
}
#else
#define MING_SCTP_CRC32C_TARGET __attribute__((target("+crc")))
MING_SCTP_CRC32C_TARGET uint64_t Step8(uint64_t crc, uint64_t word) {
  return __crc32cd(static_cast<uint32_t>(crc), word);
}
MING_SCTP_CRC32C_TARGET uint64_t Step1(uint64_t crc, uint8_t byte) {
  return __crc32cb(static_cast<uint32_t>(crc), byte);
}
bool HasInstruction() {
  static const bool kHas = (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
  return kHas;
}
#endif

uint64_t Load8(const uint8_t* at) {
  uint64_t word = 0;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

MING_SCTP_CRC32C_TARGET uint32_t UpdateByInstruction(uint32_t initial, ByteSpan bytes) {
  const uint8_t* at = bytes.data();
  size_t left = bytes.size();
  uint64_t crc = initial;
  while (left >= 3 * kLane) {
    uint64_t second = 0;
    uint64_t third = 0;
    for (size_t i = 0; i < kLane; i += 8) {
      crc = Step8(crc, Load8(at + i));
      second = Step8(second, Load8(at + kLane + i));
      third = Step8(third, Load8(at + 2 * kLane + i));
    }
    crc = Shift(kShiftTwoLanes, crc) ^ Shift(kShiftOneLane, second) ^ third;
    at += 3 * kLane;
    left -= 3 * kLane;
  }
  for (; left >= 8; left -= 8, at += 8) crc = Step8(crc, Load8(at));
  for (; left > 0; --left, ++at) crc = Step1(crc, *at);
  return static_cast<uint32_t>(crc);
}
#endif

}  // namespace

uint32_t Crc32cPortable(ByteSpan bytes, uint32_t previous) {
  return ~UpdateByTable(~previous, bytes);
}

uint32_t Crc32c(ByteSpan bytes, uint32_t previous) {
#if defined(MING_SCTP_CRC32C_INSTRUCTION)
  if (HasInstruction()) return ~UpdateByInstruction(~previous, bytes);
#endif
  return Crc32cPortable(bytes, previous);
}

uint32_t PacketChecksum(ByteSpan packet) {
  std::array<uint8_t, kCommonHeaderSize> header{};
  DCHECK_GE(packet.size(), header.size());
  std::memcpy(header.data(), packet.data(), kChecksumOffset);
  return Crc32c(packet.Skip(header.size()), Crc32c(ByteSpan(header.data(), header.size())));
}

uint32_t ReadPacketChecksum(ByteSpan packet) {
  DCHECK_GE(packet.size(), kCommonHeaderSize);
  uint32_t checksum = 0;
  for (size_t i = 0; i < 4; ++i) {
    checksum |= uint32_t{packet[kChecksumOffset + i]} << (8 * i);
  }
  return checksum;
}

}  // namespace ming::sctp
