#include "test_certificate.h"

#include <glog/logging.h>
#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace ming::ws {
namespace {

using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using CertificatePtr = std::unique_ptr<X509, decltype(&X509_free)>;
using ExtensionPtr = std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)>;
using FilePtr = std::unique_ptr<FILE, decltype(&std::fclose)>;

constexpr long kOneDay = 86400;  // NOLINT(google-runtime-int): OpenSSL's type

void AddExtension(X509* certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()),
                               &X509_EXTENSION_free);
  CHECK(extension != nullptr);
  CHECK_EQ(X509_add_ext(certificate, extension.get(), -1), 1);
}

FilePtr OpenForWriting(const std::string& name) {
  FilePtr file(std::fopen(name.c_str(), "w"), &std::fclose);
  PCHECK(file != nullptr) << name;
  return file;
}

}  // namespace

TestCertificate::TestCertificate(const std::string& names)
    : directory_(testing::TempDir() + "/ming-certificate-XXXXXX") {
  PCHECK(mkdtemp(directory_.data()) != nullptr);
  const KeyPtr key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
  const CertificatePtr certificate(X509_new(), &X509_free);
  CHECK(key != nullptr && certificate != nullptr);
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -kOneDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kOneDay);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("ming test"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  AddExtension(certificate.get(), NID_subject_alt_name, names);
  AddExtension(certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
  CHECK_GT(X509_sign(certificate.get(), key.get(), EVP_sha256()), 0);
  CHECK_EQ(PEM_write_X509(OpenForWriting(certificate_file()).get(), certificate.get()), 1);
  CHECK_EQ(PEM_write_PrivateKey(OpenForWriting(key_file()).get(), key.get(), nullptr, nullptr, 0,
                                nullptr, nullptr),
           1);
}

TestCertificate::~TestCertificate() { std::filesystem::remove_all(directory_); }

}  // namespace ming::ws
