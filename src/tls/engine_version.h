// The version of the engine behind this folder.
#ifndef MING_TLS_ENGINE_VERSION_H_
#define MING_TLS_ENGINE_VERSION_H_

#include <string>

namespace ming::tls {

// GnuTLS, as linked: "3.7.9".
std::string EngineVersion();

}  // namespace ming::tls

#endif  // MING_TLS_ENGINE_VERSION_H_
