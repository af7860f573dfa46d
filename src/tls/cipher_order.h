// Which ciphers of DTLS go first, by what this processor computes fast. Pure, but for
// DetectCpuFeatures.
#ifndef MING_TLS_CIPHER_ORDER_H_
#define MING_TLS_CIPHER_ORDER_H_

#include <string>

namespace ming::tls {

// Instructions that AES-GCM needs to be fast.
struct CpuFeatures {
  bool aes = false;
  bool carryless_multiply = false;
};

// Of the processor we run on; none where it is of a kind that we do not know.
CpuFeatures DetectCpuFeatures();

// GnuTLS's priority string of our DTLS sessions, in which a server has its own way. With both
// instructions AES-GCM is ten times as fast as ChaCha20-Poly1305. Without them it is slower, and
// its table lookups tell the time.
std::string DtlsPriority(const CpuFeatures& features);

}  // namespace ming::tls

#endif  // MING_TLS_CIPHER_ORDER_H_
