#include "ming/tls/gnutls_status.h"

#include <gnutls/gnutls.h>

#include <string>

namespace ming::tls {
namespace {

// What GnuTLS may return for a peer's alert goes beyond the values of its enum, and beyond what
// that enum can hold.
constexpr int kMaxKnownAlert = GNUTLS_A_MAX;

StatusCode CodeForAlert(int alert) {
  switch (alert) {
    case GNUTLS_A_BAD_CERTIFICATE:
    case GNUTLS_A_UNSUPPORTED_CERTIFICATE:
    case GNUTLS_A_CERTIFICATE_REVOKED:
    case GNUTLS_A_CERTIFICATE_EXPIRED:
    case GNUTLS_A_CERTIFICATE_UNKNOWN:
    case GNUTLS_A_UNKNOWN_CA:
    case GNUTLS_A_ACCESS_DENIED:
    case GNUTLS_A_CERTIFICATE_REQUIRED:
      return StatusCode::kPermissionDenied;
    case GNUTLS_A_HANDSHAKE_FAILURE:
    case GNUTLS_A_PROTOCOL_VERSION:
    case GNUTLS_A_INSUFFICIENT_SECURITY:
    case GNUTLS_A_NO_APPLICATION_PROTOCOL:
      return StatusCode::kUnsupported;
    default:
      return StatusCode::kClosed;
  }
}

StatusCode CodeForError(int code) {
  switch (code) {
    case GNUTLS_E_TIMEDOUT:
      return StatusCode::kTimeout;
    case GNUTLS_E_CERTIFICATE_ERROR:
    case GNUTLS_E_NO_CERTIFICATE_FOUND:
    case GNUTLS_E_CERTIFICATE_REQUIRED:
      return StatusCode::kPermissionDenied;
    case GNUTLS_E_NO_CIPHER_SUITES:
    case GNUTLS_E_NO_APPLICATION_PROTOCOL:
    case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
      return StatusCode::kUnsupported;
    default:
      return StatusCode::kProtocolViolation;
  }
}

}  // namespace

Status GnutlsStatus(StatusCode status_code, std::string_view what, int code) {
  std::string message(what);
  message += ": ";
  message += gnutls_strerror(code);
  if (!message.empty() && message.back() == '.') message.pop_back();
  return {status_code, std::move(message), code};
}

Status SessionFailure(gnutls_session_int* session, std::string_view what, int code) {
  if (code != GNUTLS_E_FATAL_ALERT_RECEIVED) return GnutlsStatus(CodeForError(code), what, code);
  const int alert = gnutls_alert_get(session);
  const char* name = nullptr;
  if (alert <= kMaxKnownAlert) {
    name = gnutls_alert_get_name(static_cast<gnutls_alert_description_t>(alert));
  }
  std::string message(what);
  message += ": the peer refused: ";
  message += name == nullptr ? "alert " + std::to_string(alert) : name;
  return {CodeForAlert(alert), std::move(message), alert};
}

}  // namespace ming::tls
