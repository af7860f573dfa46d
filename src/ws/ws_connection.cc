#include "ming/ws/ws_connection.h"

#include "ming/base/units.h"

namespace ming::ws {

std::vector<std::string> Validate(const WsLimits& limits) {
  std::vector<std::string> problems;
  const auto require = [&](bool holds, const char* sentence) {
    if (!holds) problems.emplace_back(sentence);
  };
  require(limits.max_message_size >= 1 && limits.max_message_size <= 16 * kMiB,
          "the largest WebSocket message must be 1 B to 16 MiB");
  require(limits.send_queue_bytes >= 1 && limits.send_queue_bytes <= 64 * kMiB,
          "the WebSocket send queue must be 1 B to 64 MiB");
  require(limits.read_slice >= 256 && limits.read_slice <= 65'536,
          "the WebSocket read slice must be 256 B to 64 KiB");
  require(limits.ping_interval >= Duration::zero(), "the ping interval must not be negative");
  require(limits.ping_interval == Duration::zero() || limits.peer_timeout > limits.ping_interval,
          "the time without an answer must be longer than the ping interval");
  require(limits.close_timeout > Duration::zero(), "the close time must be positive");
  return problems;
}

}  // namespace ming::ws
