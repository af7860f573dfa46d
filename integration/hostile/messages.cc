#include "messages.h"

#include <array>

#include <nlohmann/json.hpp>

namespace ming::hostile {
namespace {

std::string RandomText(Generator& random, size_t size) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::string text;
  while (text.size() < size) text += kLetters[random() % kLetters.size()];
  return text;
}

std::string RandomFingerprint(Generator& random) {
  std::string text;
  for (int at = 0; at < 32; ++at) {
    std::array<char, 4> pair{};
    std::snprintf(pair.data(), pair.size(), "%02X", static_cast<unsigned>(random() & 0xff));
    text += (at == 0 ? "" : ":") + std::string(pair.data());
  }
  return text;
}

}  // namespace

std::string MakeMessage(std::string_view type, const std::string& payload, std::string_view target,
                        std::string_view sender) {
  std::string text =
      R"({"type":")" + std::string(type) + R"(","payload":)" + (payload.empty() ? "null" : payload);
  if (!target.empty()) text += R"(,"target_id":")" + std::string(target) + "\"";
  if (!sender.empty()) text += R"(,"sender_id":")" + std::string(sender) + "\"";
  return text + "}";
}

std::string MakeRegistration(std::string_view id) {
  return MakeMessage("register-host", "", "", id);
}

std::string MakeOfferMessage(std::string_view target, std::string_view sender, Generator& random) {
  const std::string sdp =
      "v=0\r\no=- " + std::to_string(random() >> 2) +
      " 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n"
      "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n"
      "a=candidate:1 1 udp 2130706431 192.0.2.1 9 typ host\r\n"
      "a=ice-ufrag:" +
      RandomText(random, 8) + "\r\na=ice-pwd:" + RandomText(random, 24) +
      "\r\na=fingerprint:sha-256 " + RandomFingerprint(random) +
      "\r\na=setup:actpass\r\na=mid:0\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n";
  const nlohmann::json payload = {{"sdp", {{"type", "offer"}, {"sdp", sdp}}}};
  return MakeMessage("offer", payload.dump(), target, sender);
}

std::string MakeCandidateMessage(std::string_view target, std::string_view sender, uint64_t number,
                                 size_t foundation_bytes) {
  const std::string line = "candidate:" + std::string(foundation_bytes, '7') +
                           " 1 udp 2130706431 192.0.2." + std::to_string(1 + number % 254) + " " +
                           std::to_string(1024 + number % 60000) + " typ host";
  const nlohmann::json payload = {
      {"candidate",
       {{"candidate", line}, {"sdpMid", ""}, {"sdpMLineIndex", 0}, {"usernameFragment", nullptr}}}};
  return MakeMessage("candidate", payload.dump(), target, sender);
}

}  // namespace ming::hostile
