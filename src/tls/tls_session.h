// TlsSession: TLS 1.2 or 1.3, client or server, as a ByteStream over any other ByteStream.
#ifndef MING_TLS_TLS_SESSION_H_
#define MING_TLS_TLS_SESSION_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ming/base/bytes.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/link/byte_stream.h"
#include "ming/link/timer_service.h"
#include "ming/tls/certificate.h"
#include "ming/tls/tls_trust.h"

namespace ming::tls {

struct TlsClientOptions {
  // How the server is judged.
  std::shared_ptr<const TlsTrust> trust;
  // The name (sent as SNI) or IP address the server's certificate must be for. May be empty only
  // where `trust` is pinned or insecure.
  std::string server_name;
  // Protocols to offer, best first (RFC 7301), each 1 to 32 bytes; none: no ALPN.
  std::vector<std::string> alpn;
  // Shown when the server asks for one; may be null.
  std::shared_ptr<const Certificate> certificate;
  // Connecting is left to the caller; this bounds the handshake only.
  Duration handshake_limit = std::chrono::seconds(10);
};

struct TlsServerOptions {
  std::shared_ptr<const Certificate> certificate;
  // Protocols taken, best first. A client that offers none of them is refused; one that offers no
  // ALPN at all is not.
  std::vector<std::string> alpn;
  // How clients are judged that show a certificate; null: they are not asked for one. The handshake
  // succeeds without and with a bad one, too: client_name() tells, so that the refusal can be said
  // in the protocol above.
  std::shared_ptr<const TlsTrust> client_trust;
  Duration handshake_limit = std::chrono::seconds(10);
};

// The handshake starts at construction; until it is done WritableBytes is 0 and Peek says
// kWouldBlock, so OnWritable is also the word that it is done. OnStreamError tells a failure: of
// the handshake, of the stream below, or kProtocolViolation for an end without close_notify
// (truncation: what was read may not be all).
class TlsSession final : public link::ByteStream {
 public:
  TlsSession(const TlsClientOptions& options, link::TimerService& timers,
             std::unique_ptr<link::ByteStream> lower);
  TlsSession(const TlsServerOptions& options, link::TimerService& timers,
             std::unique_ptr<link::ByteStream> lower);
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;
  ~TlsSession() override;

  void SetObserver(link::ByteStream::Observer* observer) override;
  link::ReadChunk Peek(size_t max) override;
  void Consume(size_t count) override;
  size_t WritableBytes() override;
  size_t Write(ByteSpan bytes) override;
  void CloseWrite() override;
  bool IsFlushed() override;
  void Reset(const Status& why) override;

  // The handshake is done and the stream has not failed.
  bool connected() const;
  // What ALPN agreed on; none before the handshake is done.
  std::optional<std::string> alpn() const;
  // Of a server with client_trust, when connected: the first DNS name the client's certificate is
  // for, or else its common name. kPermissionDenied: it showed none, or one that is not trusted.
  Result<std::string> client_name() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ming::tls

#endif  // MING_TLS_TLS_SESSION_H_
