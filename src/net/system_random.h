// SystemRandom: the kernel's randomness (getrandom), fit for secrets.
#ifndef MING_NET_SYSTEM_RANDOM_H_
#define MING_NET_SYSTEM_RANDOM_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "ming/base/random.h"

namespace ming::net {

class SystemRandom final : public Random {
 public:
  uint64_t Next64() override;

 private:
  // One system call for many numbers; used ones are wiped.
  std::array<uint64_t, 32> pool_{};
  size_t left_ = 0;
};

}  // namespace ming::net

#endif  // MING_NET_SYSTEM_RANDOM_H_
