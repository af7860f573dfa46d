#include "ming/tls/peer_name.h"

#include <glog/logging.h>
#include <gnutls/gnutls.h>

#include <array>
#include <optional>

#include <gnutls/x509.h>

#include "ming/tls/gnutls_status.h"

namespace ming::tls {
namespace {

// A DNS name has at most 253 bytes; longer ones are nobody's.
using NameBuffer = std::array<char, 256>;
constexpr unsigned int kMaxAlternativeNames = 100;

class Leaf {
 public:
  Leaf() { CHECK_EQ(gnutls_x509_crt_init(&certificate_), 0); }
  Leaf(const Leaf&) = delete;
  Leaf& operator=(const Leaf&) = delete;
  ~Leaf() { gnutls_x509_crt_deinit(certificate_); }
  gnutls_x509_crt_t get() const { return certificate_; }

 private:
  gnutls_x509_crt_t certificate_ = nullptr;
};

std::optional<std::string> FirstDnsName(gnutls_x509_crt_t certificate) {
  for (unsigned int at = 0; at < kMaxAlternativeNames; ++at) {
    NameBuffer name{};
    size_t size = name.size();
    const int type =
        gnutls_x509_crt_get_subject_alt_name(certificate, at, name.data(), &size, nullptr);
    if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) return std::nullopt;
    if (type == GNUTLS_SAN_DNSNAME) return std::string(name.data(), size);
    // The first name being too long, the second must not take its place.
    if (type < 0) return std::string();
  }
  return std::nullopt;
}

std::optional<std::string> CommonName(gnutls_x509_crt_t certificate) {
  NameBuffer name{};
  size_t size = name.size();
  const int code = gnutls_x509_crt_get_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0,
                                                 name.data(), &size);
  if (code < 0) return std::nullopt;
  return std::string(name.data(), size);
}

}  // namespace

Result<std::string> NameOfPeer(gnutls_session_int* session) {
  unsigned int count = 0;
  const gnutls_datum_t* chain = gnutls_certificate_get_peers(session, &count);
  if (chain == nullptr || count == 0) {
    return Status(StatusCode::kPermissionDenied, "tls: the peer showed no certificate");
  }
  const Leaf leaf;
  const int code = gnutls_x509_crt_import(leaf.get(), &chain[0], GNUTLS_X509_FMT_DER);
  if (code < 0) return GnutlsStatus(StatusCode::kMalformed, "tls: the peer's certificate", code);
  if (const auto dns = FirstDnsName(leaf.get())) return *dns;
  if (const auto common = CommonName(leaf.get())) return *common;
  return Status(StatusCode::kPermissionDenied, "tls: the peer's certificate names nobody");
}

}  // namespace ming::tls
