#include "ming/signaling/introduction.h"

#include <algorithm>
#include <string_view>

namespace ming::signaling {
namespace {

constexpr const char* kType = "register-client";
constexpr std::string_view kPayloadStart = "{\"resume\":\"";
constexpr std::string_view kPayloadEnd = "\"}";
// A random UUID has 36; anything shorter could be guessed.
constexpr size_t kMinSecretBytes = 32;
constexpr size_t kMaxSecretBytes = 64;

bool IsSecretCharacter(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-';
}

std::string PayloadOf(const Secret& resume_secret) {
  return std::string(kPayloadStart) + resume_secret.Reveal() + std::string(kPayloadEnd);
}

}  // namespace

codec::SignalingMessage MakeClientIntroduction(const std::string& client_id,
                                               const Secret& resume_secret) {
  codec::SignalingMessage message;
  message.unknown_type = kType;
  message.payload = PayloadOf(resume_secret);
  message.sender_id = client_id;
  return message;
}

codec::SignalingMessage MakeHostRegistration(const std::string& host_id,
                                             const Secret& resume_secret) {
  codec::SignalingMessage message = codec::MakeRegisterHost(host_id);
  message.payload = PayloadOf(resume_secret);
  return message;
}

bool IsClientIntroduction(const codec::SignalingMessage& message) {
  return message.type == codec::SignalingType::kUnknown && message.unknown_type == kType &&
         message.target_id.empty();
}

Secret ResumeSecretOf(const codec::SignalingMessage& message) {
  const bool is_first =
      message.type == codec::SignalingType::kRegisterHost || IsClientIntroduction(message);
  std::string_view text = message.payload;
  const size_t frame = kPayloadStart.size() + kPayloadEnd.size();
  if (!is_first || text.size() < frame + kMinSecretBytes || text.size() > frame + kMaxSecretBytes) {
    return Secret();
  }
  if (text.substr(0, kPayloadStart.size()) != kPayloadStart ||
      text.substr(text.size() - kPayloadEnd.size()) != kPayloadEnd) {
    return Secret();
  }
  text.remove_prefix(kPayloadStart.size());
  text.remove_suffix(kPayloadEnd.size());
  if (!std::all_of(text.begin(), text.end(), IsSecretCharacter)) return Secret();
  return Secret(std::string(text));
}

}  // namespace ming::signaling
