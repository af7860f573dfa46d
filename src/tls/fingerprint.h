// Fingerprint: the SHA-256 of a certificate's DER form, as SDP carries it (RFC 8122, section 5).
#ifndef MING_TLS_FINGERPRINT_H_
#define MING_TLS_FINGERPRINT_H_

#include <string>
#include <string_view>

#include "ming/base/bytes.h"
#include "ming/base/status.h"
#include "ming/tls/sha256.h"

namespace ming::tls {

class Fingerprint {
 public:
  explicit Fingerprint(const Sha256::Digest& digest) : digest_(digest) {}

  // The value of an a=fingerprint attribute: "sha-256 AA:BB:...". Letters of both cases are taken.
  // Another hash function is kUnsupported: skip that attribute.
  static Result<Fingerprint> Parse(std::string_view text);
  // What a codec has taken apart already: the name of the hash function, in lower case, and what
  // it gave. Another one is kUnsupported, a wrong length kMalformed.
  static Result<Fingerprint> FromBytes(std::string_view algorithm, ByteSpan digest);
  // Only the digits: "AA:BB:...", 32 pairs; anything else is kMalformed.
  static Result<Fingerprint> ParseDigits(std::string_view text);

  const Sha256::Digest& digest() const { return digest_; }
  // "AA:BB:...", upper case.
  std::string Digits() const;
  // "sha-256 AA:BB:...".
  std::string ToString() const;

  friend bool operator==(const Fingerprint& a, const Fingerprint& b) {
    return a.digest_ == b.digest_;
  }
  friend bool operator!=(const Fingerprint& a, const Fingerprint& b) { return !(a == b); }

 private:
  Sha256::Digest digest_;
};

}  // namespace ming::tls

#endif  // MING_TLS_FINGERPRINT_H_
