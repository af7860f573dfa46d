#include "ming/signaling/introduction.h"

namespace ming::signaling {
namespace {

constexpr const char* kType = "register-client";

}  // namespace

codec::SignalingMessage MakeClientIntroduction(const std::string& client_id) {
  codec::SignalingMessage message;
  message.unknown_type = kType;
  message.sender_id = client_id;
  return message;
}

bool IsClientIntroduction(const codec::SignalingMessage& message) {
  return message.type == codec::SignalingType::kUnknown && message.unknown_type == kType &&
         message.target_id.empty();
}

}  // namespace ming::signaling
