#include "ming/signaling/signaling_server.h"

namespace ming::signaling {

std::vector<std::string> Validate(const SignalingServerOptions& options) {
  return Validate(options.core);
}

}  // namespace ming::signaling
