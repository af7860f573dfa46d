#include "ming/tls/cipher_order.h"

#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace ming::tls {

CpuFeatures DetectCpuFeatures() {
  CpuFeatures features;
#if defined(__x86_64__) || defined(__i386__)
  features.aes = __builtin_cpu_supports("aes") != 0;
  features.carryless_multiply = __builtin_cpu_supports("pclmul") != 0;
#elif defined(__aarch64__)
  const unsigned long capabilities = getauxval(AT_HWCAP);  // NOLINT(google-runtime-int): its type
  features.aes = (capabilities & HWCAP_AES) != 0;
  features.carryless_multiply = (capabilities & HWCAP_PMULL) != 0;
#endif
  return features;
}

// What every WebRTC implementation speaks.
std::string DtlsPriority(const CpuFeatures& features) {
  const std::string aes = "+AES-128-GCM:+AES-256-GCM:";
  const std::string chacha = "+CHACHA20-POLY1305:";
  const bool aes_is_fast = features.aes && features.carryless_multiply;
  return "NONE:+VERS-DTLS1.2:+AEAD:+ECDHE-ECDSA:+ECDHE-RSA:" +
         (aes_is_fast ? aes + chacha : chacha + aes) +
         "+SIGN-ECDSA-SHA256:+SIGN-RSA-SHA256:+GROUP-X25519:+GROUP-SECP256R1:"
         "+COMP-NULL:+CTYPE-X509:%SERVER_PRECEDENCE";
}

}  // namespace ming::tls
