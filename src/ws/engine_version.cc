#include "ming/ws/engine_version.h"

#include <libwebsockets.h>

#include <string_view>

namespace ming::ws {

std::string EngineVersion() {
  // "4.1.6-<what it was built from>".
  const std::string_view text = lws_get_library_version();
  return std::string(text.substr(0, text.find('-')));
}

}  // namespace ming::ws
