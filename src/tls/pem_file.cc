#include "ming/tls/pem_file.h"

#include <fstream>

namespace ming::tls {
namespace {

constexpr size_t kMaxFileBytes = size_t{1024} << 10;

}  // namespace

Result<std::string> ReadPemFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Status(StatusCode::kUnavailable, "cannot open " + path);
  std::string text(kMaxFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return Status(StatusCode::kUnavailable, "cannot read " + path);
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kMaxFileBytes) {
    return Status(StatusCode::kResourceExhausted, path + " is larger than 1 MiB");
  }
  return text;
}

}  // namespace ming::tls
