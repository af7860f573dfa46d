// Failures of GnuTLS as Status.
#ifndef MING_TLS_GNUTLS_STATUS_H_
#define MING_TLS_GNUTLS_STATUS_H_

#include <string_view>

#include "ming/base/status.h"

struct gnutls_session_int;

namespace ming::tls {

// "<what>: <GnuTLS's sentence>". `code` is negative.
Status GnutlsStatus(StatusCode status_code, std::string_view what, int code);

// Why a handshake or a session failed with `code`; an alert of the peer is told by name. `what`
// is "dtls: handshake" and the like.
Status SessionFailure(gnutls_session_int* session, std::string_view what, int code);

}  // namespace ming::tls

#endif  // MING_TLS_GNUTLS_STATUS_H_
