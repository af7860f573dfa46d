// A fuzz input as a row of bytes that a driver takes its steps and their arguments from.
#ifndef MING_FUZZ_SUPPORT_INPUT_H_
#define MING_FUZZ_SUPPORT_INPUT_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <type_traits>

#include "ming/base/byte_io.h"

namespace ming::fuzz {

// The next `size` bytes, or what is left.
inline ByteSpan TakeBytes(ByteReader& input, size_t size) {
  return *input.ReadBytes(std::min(size, input.remaining()));
}

// As many as the next byte says.
inline ByteSpan TakeCounted(ByteReader& input) {
  const size_t size = input.ReadU8().value_or(0);
  return TakeBytes(input, size);
}

// Changes one byte, which the input picks. `bytes` are not empty.
inline void Damage(ByteReader& input, uint8_t flip, ByteBuffer& bytes) {
  const size_t at = input.ReadU16().value_or(0) % bytes.size();
  bytes.data()[at] = static_cast<uint8_t>(bytes.data()[at] ^ flip);
}

// The first byte picks what a Driver begins with, or as many as a Driver takes that is made from
// the input.
template <typename Driver>
Driver MakeDriver(ByteReader& input) {
  if constexpr (std::is_constructible_v<Driver, ByteReader&>) {
    return Driver(input);
  } else {
    return Driver(input.ReadU8().value_or(0));
  }
}

// Each byte behind what MakeDriver took is an opcode for the Driver's Step, which takes the
// arguments. Finish comes last.
template <typename Driver>
void RunOpcodes(ByteSpan data, size_t max_steps = std::numeric_limits<size_t>::max()) {
  ByteReader input(data);
  Driver driver = MakeDriver<Driver>(input);
  for (size_t step = 0; step < max_steps; ++step) {
    const std::optional<uint8_t> opcode = input.ReadU8();
    if (!opcode) break;
    driver.Step(*opcode, input);
  }
  driver.Finish();
}

}  // namespace ming::fuzz

#endif  // MING_FUZZ_SUPPORT_INPUT_H_
