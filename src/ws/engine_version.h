// The version of the engine behind this folder.
#ifndef MING_WS_ENGINE_VERSION_H_
#define MING_WS_ENGINE_VERSION_H_

#include <string>

namespace ming::ws {

// libwebsockets, as linked: "4.1.6".
std::string EngineVersion();

}  // namespace ming::ws

#endif  // MING_WS_ENGINE_VERSION_H_
