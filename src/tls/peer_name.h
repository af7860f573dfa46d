// The name in the certificate that the other end of a TLS connection showed.
#ifndef MING_TLS_PEER_NAME_H_
#define MING_TLS_PEER_NAME_H_

#include <string>

#include "ming/base/status.h"

struct gnutls_session_int;

namespace ming::tls {

// The first DNS name among the leaf's alternative names, or else its (first) common name, as it
// stands there: any bytes. kPermissionDenied: there is neither. Says nothing about trust.
Result<std::string> NameOfPeer(gnutls_session_int* session);

}  // namespace ming::tls

#endif  // MING_TLS_PEER_NAME_H_
