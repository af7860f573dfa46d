// A TURN server (coturn) on free ports of loopback, for the time of a test.
#ifndef MING_TESTS_WEBRTC_COTURN_H_
#define MING_TESTS_WEBRTC_COTURN_H_

#include <memory>
#include <optional>
#include <string>

#include "ming/base/ip_address.h"
#include "ming/codec/ice_server_url.h"
#include "ming/net/reactor.h"
#include "ming/net/resolver.h"

namespace ming::webrtc {

class Coturn {
 public:
  // Waits until the server takes connections. Nothing where coturn or openssl is not installed.
  static std::unique_ptr<Coturn> Start(net::Reactor& reactor, net::Resolver& resolver);
  ~Coturn();
  Coturn(const Coturn&) = delete;
  Coturn& operator=(const Coturn&) = delete;

  codec::IceServer Server(codec::IceServerTransport transport) const;
  // The PEM of the certificate that the TLS port shows, for "localhost".
  std::string certificate() const;

 private:
  Coturn() = default;
  bool MakeCertificate() const;
  void Spawn();

  std::string folder_;
  Port port_;
  Port tls_port_;
  int pid_ = -1;
};

}  // namespace ming::webrtc

#endif  // MING_TESTS_WEBRTC_COTURN_H_
