#include "ming/tls/engine_version.h"

#include <gnutls/gnutls.h>

namespace ming::tls {

std::string EngineVersion() { return gnutls_check_version(nullptr); }

}  // namespace ming::tls
