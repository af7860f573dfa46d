// Sha256: an incremental SHA-256 (FIPS 180-4).
#ifndef MING_TLS_SHA256_H_
#define MING_TLS_SHA256_H_

#include <array>
#include <cstdint>
#include <string>

#include "ming/base/bytes.h"

namespace ming::tls {

class Sha256 {
 public:
  using Digest = std::array<uint8_t, 32>;

  Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  ~Sha256();

  void Update(ByteSpan bytes);
  // The digest of all bytes since construction or the last Finish; starts over.
  Digest Finish();

  static Digest Of(ByteSpan bytes);

 private:
  void* hash_ = nullptr;  // gnutls_hash_hd_t, owned
};

// 64 lower-case digits.
std::string ToHex(const Sha256::Digest& digest);

}  // namespace ming::tls

#endif  // MING_TLS_SHA256_H_
