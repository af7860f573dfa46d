#include "ming/tls/certificate.h"

#include <glog/logging.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include <array>
#include <ctime>
#include <utility>

#include <gnutls/x509.h>

#include "ming/base/checked_cast.h"
#include "ming/tls/gnutls_status.h"
#include "ming/tls/pem_file.h"

namespace ming::tls {
namespace {

constexpr time_t kDay = time_t{24} * 60 * 60;
constexpr size_t kSerialBytes = 16;

struct CertificateDeleter {
  void operator()(gnutls_x509_crt_t crt) const { gnutls_x509_crt_deinit(crt); }
};
struct KeyDeleter {
  void operator()(gnutls_x509_privkey_t key) const { gnutls_x509_privkey_deinit(key); }
};
struct CredentialsDeleter {
  void operator()(gnutls_certificate_credentials_t credentials) const {
    gnutls_certificate_free_credentials(credentials);
  }
};
using OwnedCertificate = std::unique_ptr<gnutls_x509_crt_int, CertificateDeleter>;
using OwnedKey = std::unique_ptr<gnutls_x509_privkey_int, KeyDeleter>;
using OwnedCredentials = std::unique_ptr<gnutls_certificate_credentials_st, CredentialsDeleter>;

OwnedCredentials NewCredentials() {
  gnutls_certificate_credentials_t credentials = nullptr;
  CHECK_EQ(gnutls_certificate_allocate_credentials(&credentials), 0);
  return OwnedCredentials(credentials);
}

Status GenerateKey(OwnedKey& key) {
  gnutls_x509_privkey_t raw = nullptr;
  CHECK_EQ(gnutls_x509_privkey_init(&raw), 0);
  key.reset(raw);
  const int code = gnutls_x509_privkey_generate(
      raw, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
  return code == 0 ? Status::Ok() : GnutlsStatus(StatusCode::kInternal, "generate a key", code);
}

// Fills in and signs; the first failure is the result.
int FillIn(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, const std::string& name) {
  std::array<uint8_t, kSerialBytes> serial{};
  if (const int code = gnutls_rnd(GNUTLS_RND_NONCE, serial.data(), serial.size()); code < 0) {
    return code;
  }
  serial[0] &= 0x7f;  // a serial number is positive
  const time_t now = time(nullptr);
  const auto name_size = base::CheckedCast<unsigned int>(name.size());
  const std::array<int, 9> codes = {
      gnutls_x509_crt_set_version(crt, 3),
      gnutls_x509_crt_set_serial(crt, serial.data(), serial.size()),
      gnutls_x509_crt_set_activation_time(crt, now - kDay),
      gnutls_x509_crt_set_expiration_time(crt, now + 365 * kDay),
      gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, name.data(), name_size),
      gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, name.data(), name_size,
                                           GNUTLS_FSAN_SET),
      gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE),
      gnutls_x509_crt_set_key(crt, key),
      gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0),
  };
  for (const int code : codes) {
    if (code < 0) return code;
  }
  return 0;
}

gnutls_datum_t AsDatum(const uint8_t* data, size_t size) {
  return {const_cast<uint8_t*>(data), base::CheckedCast<unsigned int>(size)};  // read only
}

}  // namespace

Certificate::Certificate(gnutls_certificate_credentials_st* credentials,
                         const Fingerprint& fingerprint, std::string pem)
    : credentials_(credentials), fingerprint_(fingerprint), pem_(std::move(pem)) {}

Certificate::~Certificate() { gnutls_certificate_free_credentials(credentials_); }

Result<std::shared_ptr<const Certificate>> Certificate::Adopt(
    gnutls_certificate_credentials_st* credentials) {
  OwnedCredentials owned(credentials);
  gnutls_datum_t leaf{};
  int code = gnutls_certificate_get_crt_raw(credentials, 0, 0, &leaf);
  if (code < 0) return GnutlsStatus(StatusCode::kMalformed, "certificate", code);
  gnutls_datum_t pem{};
  code = gnutls_pem_base64_encode2("CERTIFICATE", &leaf, &pem);
  if (code < 0) return GnutlsStatus(StatusCode::kInternal, "certificate", code);
  std::string text(reinterpret_cast<const char*>(pem.data), pem.size);
  gnutls_free(pem.data);
  return std::shared_ptr<const Certificate>(new Certificate(
      owned.release(), Fingerprint(Sha256::Of({leaf.data, leaf.size})), std::move(text)));
}

Result<std::shared_ptr<const Certificate>> Certificate::SelfSigned(const std::string& common_name) {
  OwnedKey key;
  if (Status generated = GenerateKey(key); !generated.ok()) return generated;
  gnutls_x509_crt_t raw = nullptr;
  CHECK_EQ(gnutls_x509_crt_init(&raw), 0);
  const OwnedCertificate crt(raw);
  int code = FillIn(crt.get(), key.get(), common_name);
  if (code < 0) return GnutlsStatus(StatusCode::kInternal, "make a certificate", code);
  OwnedCredentials credentials = NewCredentials();
  code = gnutls_certificate_set_x509_key(credentials.get(), &raw, 1, key.get());  // copies both
  if (code < 0) return GnutlsStatus(StatusCode::kInternal, "use a certificate", code);
  return Adopt(credentials.release());
}

Result<std::shared_ptr<const Certificate>> Certificate::FromPem(ByteSpan chain, const Secret& key) {
  OwnedCredentials credentials = NewCredentials();
  const gnutls_datum_t chain_datum = AsDatum(chain.data(), chain.size());
  const ByteSpan key_bytes(std::string_view{key.Reveal()});
  const gnutls_datum_t key_datum = AsDatum(key_bytes.data(), key_bytes.size());
  const int code = gnutls_certificate_set_x509_key_mem2(credentials.get(), &chain_datum, &key_datum,
                                                        GNUTLS_X509_FMT_PEM, nullptr, 0);
  if (code < 0) return GnutlsStatus(StatusCode::kMalformed, "certificate and key", code);
  return Adopt(credentials.release());
}

Result<std::shared_ptr<const Certificate>> Certificate::FromFiles(const std::string& chain_path,
                                                                  const std::string& key_path) {
  const Result<std::string> chain = ReadPemFile(chain_path);
  if (!chain.ok()) return chain.status();
  Result<std::string> key = ReadPemFile(key_path);
  if (!key.ok()) return key.status();
  auto certificate = FromPem(ByteSpan(std::string_view{*chain}), Secret(std::move(key).value()));
  if (!certificate.ok()) return certificate.status().WithContext(chain_path + ", " + key_path);
  return certificate;
}

}  // namespace ming::tls
