// Reading the files in which certificates and keys are kept.
#ifndef MING_TLS_PEM_FILE_H_
#define MING_TLS_PEM_FILE_H_

#include <string>

#include "ming/base/status.h"

namespace ming::tls {

// The whole file, at most 1 MiB. The message names it.
Result<std::string> ReadPemFile(const std::string& path);

}  // namespace ming::tls

#endif  // MING_TLS_PEM_FILE_H_
