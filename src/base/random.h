// Random: where pure code gets its randomness, so that a simulation can seed it.
#ifndef MING_BASE_RANDOM_H_
#define MING_BASE_RANDOM_H_

#include <cstdint>
#include <string>

#include "ming/base/bytes.h"

namespace ming {

class Random {
 public:
  virtual ~Random() = default;

  virtual uint64_t Next64() = 0;

  // Uniform in [0, bound); `bound` is at least 1.
  uint64_t Below(uint64_t bound);
  // Uniform in [0, 1).
  double Fraction();
  void Fill(MutableByteSpan out);
  // `count` characters of a-zA-Z0-9: fit for ICE credentials and ids.
  std::string Alphanumeric(size_t count);
};

// A reproducible sequence (SplitMix64). Not for secrets.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : state_(seed) {}
  uint64_t Next64() override;

 private:
  uint64_t state_;
};

// A random UUID, version 4 (RFC 9562, section 5.4), lower case.
std::string RandomUuid(Random& random);

}  // namespace ming

#endif  // MING_BASE_RANDOM_H_
