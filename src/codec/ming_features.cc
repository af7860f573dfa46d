#include "ming/codec/ming_features.h"

#include <algorithm>
#include <tuple>

#include "ming/codec/text_fields.h"

namespace ming::codec {
namespace {

constexpr uint32_t kMaxVersion = 999;

// One feature with a value: its name, its place and its range.
struct NumericFeature {
  std::string_view prefix;  // "msg="
  std::optional<uint32_t> MingFeatures::*field;
  uint32_t min;
  uint32_t max;
};

constexpr NumericFeature kNumericFeatures[] = {
    {"msg=", &MingFeatures::max_message_bytes, kMinFeatureMessageBytes, kMaxFeatureMessageBytes},
    {"path-mtu=", &MingFeatures::path_mtu_bytes, kMinFeaturePathMtu, kMaxFeaturePathMtu},
    {"credit=", &MingFeatures::credit_bytes, kMinFeatureCredit, kMaxFeatureCredit},
};

constexpr std::string_view kHalfClose = "half-close";
constexpr std::string_view kRestart = "restart";
constexpr std::string_view kProbe = "probe";
constexpr std::string_view kProtocol = "protocol=";
constexpr std::string_view kAnswers = "answers=";

// A number of any length, cut to `max`.
std::optional<uint32_t> ParseSaturated(std::string_view text, uint32_t max) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos)
    return std::nullopt;
  text.remove_prefix(std::min(text.find_first_not_of('0'), text.size() - 1));
  return static_cast<uint32_t>(ParseDecimal(text, max).value_or(max));
}

// What follows `prefix`; nothing where the word begins otherwise or ends there.
std::optional<std::string_view> ValueOf(std::string_view word, std::string_view prefix) {
  if (word.size() <= prefix.size() || word.substr(0, prefix.size()) != prefix) return std::nullopt;
  return word.substr(prefix.size());
}

void ParseFeature(std::string_view word, MingFeatures& features) {
  if (word == kHalfClose) features.half_close = true;
  if (word == kRestart) features.restart_requests = true;
  if (word == kProbe) features.path_probes = true;
  if (const auto name = ValueOf(word, kProtocol); name && !features.protocol) {
    features.protocol = FindTunnelProtocol(*name);
  }
  if (const auto ufrag = ValueOf(word, kAnswers); ufrag && !features.answers) {
    features.answers = std::string(*ufrag);
  }
  for (const NumericFeature& feature : kNumericFeatures) {
    if (word.substr(0, feature.prefix.size()) != feature.prefix) continue;
    const auto value = ParseSaturated(word.substr(feature.prefix.size()), feature.max);
    auto& field = features.*feature.field;
    if (value && *value >= feature.min && !field) field = value;
  }
}

std::optional<uint32_t> SmallerOfBoth(std::optional<uint32_t> a, std::optional<uint32_t> b) {
  if (!a || !b) return std::nullopt;
  return std::min(*a, *b);
}

auto Fields(const MingFeatures& f) {
  return std::tie(f.version, f.half_close, f.max_message_bytes, f.path_mtu_bytes, f.credit_bytes,
                  f.protocol, f.restart_requests, f.path_probes, f.answers);
}

auto Fields(const MingAgreement& a) {
  return std::tie(a.half_close, a.send_message_bytes, a.path_mtu_bytes, a.send_credit_bytes,
                  a.receive_credit_bytes, a.restart_requests, a.path_probes);
}

}  // namespace

bool operator==(const MingFeatures& a, const MingFeatures& b) { return Fields(a) == Fields(b); }
bool operator==(const MingAgreement& a, const MingAgreement& b) { return Fields(a) == Fields(b); }

std::string_view TunnelProtocolName(TunnelProtocol protocol) {
  switch (protocol) {
    case TunnelProtocol::kTcp:
      return "tcp";
    case TunnelProtocol::kUdp:
      return "udp";
  }
  return "";
}

std::optional<TunnelProtocol> FindTunnelProtocol(std::string_view name) {
  for (const TunnelProtocol protocol : {TunnelProtocol::kTcp, TunnelProtocol::kUdp}) {
    if (name == TunnelProtocolName(protocol)) return protocol;
  }
  return std::nullopt;
}

std::optional<MingFeatures> ParseMingFeatures(std::string_view value) {
  const auto version = ParseDecimal(TakeWord(value), kMaxVersion);
  if (!version || *version == 0) return std::nullopt;
  MingFeatures features;
  features.version = static_cast<uint32_t>(*version);
  for (std::string_view word = TakeWord(value); !word.empty(); word = TakeWord(value)) {
    ParseFeature(word, features);
  }
  return features;
}

std::string SerializeMingFeatures(const MingFeatures& features) {
  std::string text = std::to_string(features.version);
  const auto add = [&text](std::string_view word) { (text += ' ') += word; };
  if (features.half_close) add(kHalfClose);
  if (features.restart_requests) add(kRestart);
  if (features.path_probes) add(kProbe);
  for (const NumericFeature& feature : kNumericFeatures) {
    const auto& field = features.*feature.field;
    if (!field) continue;
    add(feature.prefix);
    text += std::to_string(std::clamp(*field, feature.min, feature.max));
  }
  if (features.protocol) {
    add(kProtocol);
    text += TunnelProtocolName(*features.protocol);
  }
  if (features.answers) {
    add(kAnswers);
    text += *features.answers;
  }
  return text;
}

MingAgreement Intersect(const MingFeatures& local, const MingFeatures& remote) {
  MingAgreement agreement;
  agreement.half_close = local.half_close && remote.half_close;
  agreement.restart_requests = local.restart_requests && remote.restart_requests;
  agreement.path_probes = local.path_probes && remote.path_probes;
  if (local.max_message_bytes) agreement.send_message_bytes = remote.max_message_bytes;
  agreement.path_mtu_bytes = SmallerOfBoth(local.path_mtu_bytes, remote.path_mtu_bytes);
  if (local.credit_bytes && remote.credit_bytes) {
    agreement.send_credit_bytes = remote.credit_bytes;
    agreement.receive_credit_bytes = local.credit_bytes;
  }
  return agreement;
}

}  // namespace ming::codec
