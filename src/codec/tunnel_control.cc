#include "ming/codec/tunnel_control.h"

#include <algorithm>
#include <string_view>

#include "ming/base/utf8.h"
#include "ming/codec/text_fields.h"

namespace ming::codec {
namespace {

constexpr std::string_view kOpen = "open";
constexpr std::string_view kRefuse = "refuse";
constexpr std::string_view kEnd = "end";
constexpr std::string_view kReset = "reset";
constexpr std::string_view kCredit = "credit";
constexpr size_t kMaxMessageBytes = kRefuse.size() + 1 + kMaxTunnelReasonBytes;

Status Malformed(std::string_view what) {
  return {StatusCode::kMalformed, "tunnel control: " + std::string(what)};
}

// A message is one word, or a word, one space and an argument that is not empty.
struct WordAndArgument {
  std::string_view word;
  std::optional<std::string_view> argument;
};

WordAndArgument Split(std::string_view text) {
  const size_t space = text.find(' ');
  if (space == std::string_view::npos) return {text, std::nullopt};
  return {text.substr(0, space), text.substr(space + 1)};
}

Result<TunnelControl> ParseCredit(std::string_view digits) {
  const auto bytes = ParseDecimal(digits, kMaxTunnelCredit);
  if (!bytes || *bytes == 0 || digits.front() == '0') return Malformed("bad credit");
  return TunnelControl(TunnelCredit{static_cast<uint32_t>(*bytes)});
}

std::string CleanReason(const std::string& reason) {
  if (reason.empty()) return "unknown";
  std::string clean = reason.substr(0, kMaxTunnelReasonBytes);
  std::replace_if(
      clean.begin(), clean.end(),
      [](char c) {
        return !IsPrintableAscii({&c, 1});
      },
      '?');
  return clean;
}

std::string ToText(const TunnelOpened& /*opened*/) { return std::string(kOpen); }
std::string ToText(const TunnelRefused& refused) {
  return std::string(kRefuse) + ' ' + CleanReason(refused.reason);
}
std::string ToText(const TunnelEnd& /*end*/) { return std::string(kEnd); }
std::string ToText(const TunnelReset& reset) {
  return std::string(kReset) + ' ' + CleanReason(reset.reason);
}
std::string ToText(const TunnelCredit& credit) {
  CHECK(credit.bytes > 0 && credit.bytes <= kMaxTunnelCredit);
  return std::string(kCredit) + ' ' + std::to_string(credit.bytes);
}

}  // namespace

Result<TunnelControl> ParseTunnelControl(ByteSpan message) {
  const std::string_view text = message.AsText();
  if (text.empty() || text.size() > kMaxMessageBytes) return Malformed("bad length");
  if (!IsPrintableAscii(text)) return Malformed("not printable ASCII");
  const auto [word, argument] = Split(text);
  if (argument && (argument->empty() || argument->size() > kMaxTunnelReasonBytes))
    return Malformed("bad argument length");
  const bool takes_argument = word == kRefuse || word == kReset || word == kCredit;
  if (!takes_argument && word != kOpen && word != kEnd)
    return Status(StatusCode::kUnsupported,
                  "tunnel control: unknown word '" + PrintableText(word, 40) + "'");
  if (takes_argument != argument.has_value())
    return Malformed(takes_argument ? "argument missing" : "argument not expected");
  if (word == kCredit) return ParseCredit(*argument);
  if (word == kRefuse) return TunnelControl(TunnelRefused{std::string(*argument)});
  if (word == kReset) return TunnelControl(TunnelReset{std::string(*argument)});
  if (word == kEnd) return TunnelControl(TunnelEnd{});
  return TunnelControl(TunnelOpened{});
}

ByteBuffer SerializeTunnelControl(const TunnelControl& control) {
  return ByteBuffer::CopyOf(
      std::visit([](const auto& message) { return ToText(message); }, control));
}

}  // namespace ming::codec
