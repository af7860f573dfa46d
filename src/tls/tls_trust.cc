#include "ming/tls/tls_trust.h"

#include <glog/logging.h>
#include <gnutls/gnutls.h>

#include <array>
#include <utility>

#include <gnutls/x509.h>

#include "ming/base/checked_cast.h"
#include "ming/tls/gnutls_status.h"
#include "ming/tls/pem_file.h"

namespace ming::tls {
namespace {

// Longer chains are refused before any of it is parsed.
constexpr unsigned int kMaxChain = 16;

// The certificates of the peer, parsed; frees them.
class Chain {
 public:
  Chain() = default;
  Chain(const Chain&) = delete;
  Chain& operator=(const Chain&) = delete;
  ~Chain() {
    for (unsigned int i = 0; i < size_; ++i) gnutls_x509_crt_deinit(certificates_[i]);
  }

  Status Load(const gnutls_datum_t* ders, unsigned int count) {
    if (count > kMaxChain) {
      return {StatusCode::kResourceExhausted, "tls: the peer's certificate chain is too long"};
    }
    for (unsigned int i = 0; i < count; ++i) {
      CHECK_EQ(gnutls_x509_crt_init(&certificates_[i]), 0);
      ++size_;
      const int code = gnutls_x509_crt_import(certificates_[i], &ders[i], GNUTLS_X509_FMT_DER);
      if (code < 0) {
        return GnutlsStatus(StatusCode::kMalformed, "tls: the peer's certificate", code);
      }
    }
    return Status::Ok();
  }

  gnutls_x509_crt_t* data() { return certificates_.data(); }
  unsigned int size() const { return size_; }

 private:
  std::array<gnutls_x509_crt_t, kMaxChain> certificates_{};
  unsigned int size_ = 0;
};

std::string Reasons(unsigned int verdict) {
  gnutls_datum_t text{};
  if (gnutls_certificate_verification_status_print(verdict, GNUTLS_CRT_X509, &text, 0) < 0) {
    return "not trusted";
  }
  std::string reasons(reinterpret_cast<const char*>(text.data), text.size);
  gnutls_free(text.data);
  while (!reasons.empty() && (reasons.back() == ' ' || reasons.back() == '.')) reasons.pop_back();
  return reasons;
}

}  // namespace

Result<std::shared_ptr<const TlsTrust>> TlsTrust::System() {
  std::shared_ptr<TlsTrust> trust(new TlsTrust(Kind::kAuthorities));
  CHECK_EQ(gnutls_x509_trust_list_init(&trust->authorities_, 0), 0);
  const int count = gnutls_x509_trust_list_add_system_trust(trust->authorities_, 0, 0);
  if (count < 0) {
    return GnutlsStatus(StatusCode::kUnavailable, "tls: the system's authorities", count);
  }
  if (count == 0) {
    return Status(StatusCode::kUnavailable,
                  "tls: the system has no certification authorities (install ca-certificates)");
  }
  return std::shared_ptr<const TlsTrust>(std::move(trust));
}

Result<std::shared_ptr<const TlsTrust>> TlsTrust::FromPem(ByteSpan pem) {
  std::shared_ptr<TlsTrust> trust(new TlsTrust(Kind::kAuthorities));
  CHECK_EQ(gnutls_x509_trust_list_init(&trust->authorities_, 0), 0);
  const gnutls_datum_t datum = {const_cast<uint8_t*>(pem.data()),  // read only
                                base::CheckedCast<unsigned int>(pem.size())};
  const int count = gnutls_x509_trust_list_add_trust_mem(trust->authorities_, &datum, nullptr,
                                                         GNUTLS_X509_FMT_PEM, 0, 0);
  if (count < 0) return GnutlsStatus(StatusCode::kMalformed, "tls: authorities", count);
  if (count == 0) return Status(StatusCode::kMalformed, "tls: there is no certificate to trust");
  return std::shared_ptr<const TlsTrust>(std::move(trust));
}

Result<std::shared_ptr<const TlsTrust>> TlsTrust::FromFile(const std::string& path) {
  const Result<std::string> pem = ReadPemFile(path);
  if (!pem.ok()) return pem.status();
  auto trust = FromPem(ByteSpan(std::string_view{*pem}));
  if (!trust.ok()) return trust.status().WithContext(path);
  return trust;
}

std::shared_ptr<const TlsTrust> TlsTrust::Insecure() {
  return std::shared_ptr<const TlsTrust>(new TlsTrust(Kind::kInsecure));
}

TlsTrust::~TlsTrust() {
  if (authorities_ != nullptr) gnutls_x509_trust_list_deinit(authorities_, 1);
}

Status TlsTrust::Verify(gnutls_session_int* session, const std::string& server_name) const {
  if (kind_ == Kind::kInsecure) return Status::Ok();
  return VerifyChain(session, GNUTLS_KP_TLS_WWW_SERVER, &server_name);
}

Status TlsTrust::VerifyClient(gnutls_session_int* session) const {
  if (kind_ == Kind::kInsecure) return Status::Ok();
  return VerifyChain(session, GNUTLS_KP_TLS_WWW_CLIENT, nullptr);
}

Status TlsTrust::VerifyChain(gnutls_session_int* session, std::string purpose,
                             const std::string* server_name) const {
  unsigned int count = 0;
  const gnutls_datum_t* ders = gnutls_certificate_get_peers(session, &count);
  if (ders == nullptr || count == 0) {
    return {StatusCode::kPermissionDenied, "tls: the peer showed no certificate"};
  }
  Chain chain;
  if (Status loaded = chain.Load(ders, count); !loaded.ok()) return loaded;
  std::string name = server_name != nullptr ? *server_name : std::string();
  std::array<gnutls_typed_vdata_st, 2> expected{};
  expected[0].type = GNUTLS_DT_KEY_PURPOSE_OID;
  expected[0].data = reinterpret_cast<unsigned char*>(purpose.data());
  expected[0].size = base::CheckedCast<unsigned int>(purpose.size());
  // GnuTLS tells an IP address from a name by itself, and compares it with the right kind of
  // alternative name.
  expected[1].type = GNUTLS_DT_DNS_HOSTNAME;
  expected[1].data = reinterpret_cast<unsigned char*>(name.data());
  expected[1].size = base::CheckedCast<unsigned int>(name.size());
  unsigned int verdict = 0;
  const int code =
      gnutls_x509_trust_list_verify_crt2(authorities_, chain.data(), chain.size(), expected.data(),
                                         server_name != nullptr ? 2 : 1, 0, &verdict, nullptr);
  if (code < 0) return GnutlsStatus(StatusCode::kPermissionDenied, "tls: verification", code);
  if (verdict == 0) return Status::Ok();
  const std::string whose = server_name == nullptr ? "the client" : "'" + name + "'";
  return {StatusCode::kPermissionDenied,
          "tls: the certificate of " + whose + " is refused: " + Reasons(verdict)};
}

}  // namespace ming::tls
