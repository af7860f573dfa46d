// Certificate: a certificate chain with its private key, ready for any number of sessions.
#ifndef MING_TLS_CERTIFICATE_H_
#define MING_TLS_CERTIFICATE_H_

#include <memory>
#include <string>

#include "ming/base/bytes.h"
#include "ming/base/secret.h"
#include "ming/base/status.h"
#include "ming/tls/fingerprint.h"

struct gnutls_certificate_credentials_st;

namespace ming::tls {

// Immutable, hence shared between the sessions that use it.
class Certificate {
 public:
  // A new ECDSA P-256 key with a self-signed certificate, valid from yesterday for a year, with a
  // random serial number. About 0.1 ms. `common_name` is also the DNS name it is for.
  static Result<std::shared_ptr<const Certificate>> SelfSigned(const std::string& common_name);
  // A PEM chain, the leaf first, and its unencrypted PEM key.
  static Result<std::shared_ptr<const Certificate>> FromPem(ByteSpan chain, const Secret& key);
  // The same from files of at most 1 MiB. The message names the file that is wrong.
  static Result<std::shared_ptr<const Certificate>> FromFiles(const std::string& chain_path,
                                                              const std::string& key_path);

  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;
  ~Certificate();

  // Of the leaf.
  const Fingerprint& fingerprint() const { return fingerprint_; }
  // The leaf as PEM, for a peer that is to trust it.
  const std::string& pem() const { return pem_; }

  // For the sessions of this folder only.
  gnutls_certificate_credentials_st* credentials() const { return credentials_; }

 private:
  Certificate(gnutls_certificate_credentials_st* credentials, const Fingerprint& fingerprint,
              std::string pem);
  static Result<std::shared_ptr<const Certificate>> Adopt(
      gnutls_certificate_credentials_st* credentials);

  gnutls_certificate_credentials_st* credentials_;
  Fingerprint fingerprint_;
  std::string pem_;
};

}  // namespace ming::tls

#endif  // MING_TLS_CERTIFICATE_H_
