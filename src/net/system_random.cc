#include "ming/net/system_random.h"

#include <glog/logging.h>
#include <sys/random.h>

#include <utility>

namespace ming::net {

uint64_t SystemRandom::Next64() {
  if (left_ == 0) {
    // Up to 256 bytes come whole and without interruption (getrandom(2)).
    constexpr size_t kBytes = sizeof(pool_);
    static_assert(kBytes <= 256);
    PCHECK(::getrandom(pool_.data(), kBytes, 0) == ssize_t{kBytes}) << "getrandom";
    left_ = pool_.size();
  }
  return std::exchange(pool_[--left_], 0);
}

}  // namespace ming::net
