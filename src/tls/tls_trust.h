// TlsTrust: how one end of a TLS connection decides whether the other is who it should be.
#ifndef MING_TLS_TLS_TRUST_H_
#define MING_TLS_TLS_TRUST_H_

#include <memory>
#include <string>

#include "ming/base/bytes.h"
#include "ming/base/status.h"

struct gnutls_session_int;
struct gnutls_x509_trust_list_st;

namespace ming::tls {

// Immutable, hence shared. Loading the system's list takes tens of milliseconds: do it once.
class TlsTrust {
 public:
  // The certification authorities of the system.
  static Result<std::shared_ptr<const TlsTrust>> System();
  // The authorities (or self-signed servers) of a PEM text; at least one.
  static Result<std::shared_ptr<const TlsTrust>> FromPem(ByteSpan pem);
  static Result<std::shared_ptr<const TlsTrust>> FromFile(const std::string& path);
  // Anyone. For tests and for users who asked for it in so many words.
  static std::shared_ptr<const TlsTrust> Insecure();

  TlsTrust(const TlsTrust&) = delete;
  TlsTrust& operator=(const TlsTrust&) = delete;
  ~TlsTrust();

  // For TlsSession: judges the chain the peer of `session` showed, for `server_name` (a DNS name or
  // an IP address).
  Status Verify(gnutls_session_int* session, const std::string& server_name) const;
  // The same for the client of `session`, whatever its name.
  Status VerifyClient(gnutls_session_int* session) const;

 private:
  enum class Kind { kAuthorities, kInsecure };

  explicit TlsTrust(Kind kind) : kind_(kind) {}
  // `server_name` null: whatever its name.
  Status VerifyChain(gnutls_session_int* session, std::string purpose,
                     const std::string* server_name) const;

  Kind kind_;
  gnutls_x509_trust_list_st* authorities_ = nullptr;  // owned; kAuthorities only
};

}  // namespace ming::tls

#endif  // MING_TLS_TLS_TRUST_H_
