// The version of the engine behind this folder.
#ifndef MING_SCTP_ENGINE_VERSION_H_
#define MING_SCTP_ENGINE_VERSION_H_

#include <string>

namespace ming::sctp {

// usrsctp, as built against; the library itself does not say.
std::string EngineVersion();

}  // namespace ming::sctp

#endif  // MING_SCTP_ENGINE_VERSION_H_
