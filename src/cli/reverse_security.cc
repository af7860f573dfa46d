#include "ming/cli/reverse_security.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>
#include <utility>

#include "ming/cli/common_flags.h"
#include "ming/cli/flag_builder.h"
#include "ming/cli/small_file.h"
#include "ming/tls/certificate.h"
#include "ming/tls/tls_trust.h"

namespace ming::cli {
namespace {

constexpr size_t kMaxTokenBytes = size_t{64} * 1024;
constexpr char kTokenAlone[] =
    "The token proves who the client is, but without TLS all bytes are readable and can be changed "
    "on the way";
constexpr std::string_view kBlank = " \t\r\n\v\f";

FlagSpec Network(FlagSpec flag) { return InGroup(FlagGroup::kNetwork, std::move(flag)); }

bool Has(const Settings& settings, const char* name) { return !settings.Value(name).empty(); }

Status Needs(const Settings& settings, const char* flag, const char* other) {
  if (!Has(settings, flag) || Has(settings, other)) return Status::Ok();
  return BadValue(settings, flag, std::string("needs --") + other + " beside it");
}

// --tls-cert and --tls-key; null where neither is set.
Result<std::shared_ptr<const tls::Certificate>> CertificateOf(const Settings& settings) {
  for (const auto& [flag, other] : {std::pair("tls-cert", "tls-key"), {"tls-key", "tls-cert"}}) {
    if (Status both = Needs(settings, flag, other); !both.ok()) return both;
  }
  if (!Has(settings, "tls-cert")) return std::shared_ptr<const tls::Certificate>();
  auto certificate =
      tls::Certificate::FromFiles(settings.Value("tls-cert"), settings.Value("tls-key"));
  if (!certificate.ok()) return certificate.status().WithContext("--tls-cert and --tls-key");
  return certificate;
}

Result<Secret> TokenOf(const Settings& settings) {
  if (!Has(settings, "token-file")) return Secret();
  auto token = ReadTokenFile(settings.Value("token-file"));
  if (!token.ok()) return token.status().WithContext(settings.Get("token-file").where);
  return token;
}

}  // namespace

std::vector<FlagSpec> ReverseServerSecurityFlags() {
  return {
      Network(FileFlag("tls-cert", "speak TLS on --listen-b: PEM chain, the server's own first")),
      Network(FileFlag("tls-key", "its private key, PEM")),
      Network(FileFlag("tls-client-ca", "clients must show a certificate of these for their id")),
      Network(FileFlag("token-file", "clients must prove the token in its first line")),
  };
}

std::vector<FlagSpec> ReverseClientSecurityFlags() {
  return {
      Network(BoolFlag("tls", "speak TLS with the server")),
      Network(FileFlag("tls-ca", "trust these authorities (default: the system's)")),
      Network(ValueFlag("tls-name", ValueType::kText, "NAME", "",
                        "whom its certificate must be for (default: the host of --server)")),
      Network(FileFlag("tls-cert", "show this certificate: PEM chain, the client's own first")),
      Network(FileFlag("tls-key", "its private key, PEM")),
      Network(FileFlag("token-file", "prove the token in its first line")),
      Network(BoolFlag("retry-auth", "come back after the token or certificate was refused")),
  };
}

Status SetSecurity(const Settings& settings, reverse::ReverseServerOptions& options) {
  if (Status fits = Needs(settings, "tls-client-ca", "tls-cert"); !fits.ok()) return fits;
  auto certificate = CertificateOf(settings);
  if (!certificate.ok()) return certificate.status();
  options.certificate = *std::move(certificate);
  if (Has(settings, "tls-client-ca")) {
    auto trust = tls::TlsTrust::FromFile(settings.Value("tls-client-ca"));
    if (!trust.ok()) return trust.status().WithContext("--tls-client-ca");
    options.client_trust = *std::move(trust);
  }
  auto token = TokenOf(settings);
  if (!token.ok()) return token.status();
  options.token = *std::move(token);
  return Status::Ok();
}

Status SetSecurity(const Settings& settings, reverse::ReverseClientOptions& options) {
  for (const char* flag : {"tls-ca", "tls-name", "tls-cert", "tls-key"}) {
    if (Has(settings, flag) && !settings.IsTrue("tls")) {
      return BadValue(settings, flag, "means nothing without --tls");
    }
  }
  if (settings.IsTrue("tls")) {
    const std::string& file = settings.Value("tls-ca");
    auto trust = file.empty() ? tls::TlsTrust::System() : tls::TlsTrust::FromFile(file);
    if (!trust.ok()) return trust.status().WithContext(file.empty() ? "--tls" : "--tls-ca");
    options.server_trust = *std::move(trust);
  }
  options.server_name = settings.Value("tls-name");
  auto certificate = CertificateOf(settings);
  if (!certificate.ok()) return certificate.status();
  options.certificate = *std::move(certificate);
  auto token = TokenOf(settings);
  if (!token.ok()) return token.status();
  options.token = *std::move(token);
  options.core.reconnect.after_refusal = settings.IsTrue("retry-auth");
  return Status::Ok();
}

Result<Secret> ReadTokenFile(const std::string& path) {
  const Result<std::string> text = ReadSmallFile(path, kMaxTokenBytes);
  if (!text.ok()) return text.status();
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return Status::FromErrno("cannot read " + path, errno);
  if ((info.st_mode & (S_IRGRP | S_IROTH)) != 0) {
    return Status(StatusCode::kUnavailable,
                  path + " can be read by others on this machine (chmod 600 " + path + ")");
  }
  std::string_view line = *text;
  line = line.substr(0, line.find('\n'));
  line.remove_prefix(std::min(line.find_first_not_of(kBlank), line.size()));
  line = line.substr(0, line.find_last_not_of(kBlank) + 1);
  if (line.empty()) {
    return Status(StatusCode::kUnavailable, path + " holds no token in its first line");
  }
  return Secret(std::string(line));
}

std::string SecurityWarning(const reverse::ReverseClientOptions& options) {
  if (options.token.empty() || options.server_trust != nullptr) return "";
  return std::string(kTokenAlone) + " (close it with --tls here, --tls-cert and --tls-key there)";
}

std::string SecurityWarning(const reverse::ReverseServerOptions& options,
                            const std::string& where) {
  const bool tls = options.certificate != nullptr;
  const bool known = !options.token.empty() || options.client_trust != nullptr;
  if (tls && known) return "";
  if (tls) {
    return "Anyone who reaches " + where +
           " can pose as the client (close it with --token-file or --tls-client-ca)";
  }
  if (known) {
    return std::string(kTokenAlone) + " (close it with --tls-cert and --tls-key)";
  }
  return "Without TLS and token anyone who reaches " + where +
         " can pose as the client, and all bytes are readable on the way (close it with "
         "--tls-cert, --tls-key and --token-file)";
}

}  // namespace ming::cli
