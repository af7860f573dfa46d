#include "ming/sctp/engine_version.h"

namespace ming::sctp {

std::string EngineVersion() { return MING_USRSCTP_VERSION; }

}  // namespace ming::sctp
