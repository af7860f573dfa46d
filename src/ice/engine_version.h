// The version of the engine behind this folder.
#ifndef MING_ICE_ENGINE_VERSION_H_
#define MING_ICE_ENGINE_VERSION_H_

#include <string>

namespace ming::ice {

// libnice, as built against; the library itself does not say.
std::string EngineVersion();

}  // namespace ming::ice

#endif  // MING_ICE_ENGINE_VERSION_H_
