#include "ming/signaling/restart_request.h"

namespace ming::signaling {
namespace {

constexpr const char* kType = "restart-request";

}  // namespace

codec::SignalingMessage MakeRestartRequest(const std::string& client_id) {
  codec::SignalingMessage message;
  message.unknown_type = kType;
  message.target_id = client_id;
  return message;
}

bool IsRestartRequest(const codec::SignalingMessage& message) {
  return message.type == codec::SignalingType::kUnknown && message.unknown_type == kType;
}

}  // namespace ming::signaling
