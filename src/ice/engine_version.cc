#include "ming/ice/engine_version.h"

namespace ming::ice {

std::string EngineVersion() { return MING_NICE_VERSION; }

}  // namespace ming::ice
