#include "ming/reverse/client_hello.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "ming/codec/text_fields.h"

namespace ming::reverse {
namespace {

// "a,b,c", each as an id.
std::optional<std::vector<std::string>> ParseLabels(std::string_view text) {
  std::vector<std::string> labels;
  while (!text.empty()) {
    const std::string_view label = codec::TakeUntil(text, ',');
    if (!codec::IsReverseName(label) || labels.size() == kMaxLabels) return std::nullopt;
    labels.emplace_back(label);
  }
  return labels;
}

}  // namespace

std::optional<ClientHello> ReadClientHello(const Handshakes::Origin& origin,
                                           const codec::ReverseControl& control,
                                           const ServerCoreOptions& options) {
  const codec::ReverseParams& params = control.params;
  const std::string id(params.Find("id").value_or("default"));
  auto labels = ParseLabels(params.Find("label").value_or(""));
  if (!codec::IsReverseName(id) || !labels) return std::nullopt;
  const auto ahead = codec::ParseDecimal(params.Find("ahead").value_or("0"), kMaxAhead);
  ClientHello hello;
  hello.link = origin.link;
  hello.address = origin.address;
  hello.id = id;
  hello.labels = *std::move(labels);
  hello.udp = options.udp && params.Find("udp") == "1";
  hello.ahead = std::min<size_t>(ahead.value_or(0), options.ahead);
  hello.reuse = hello.ahead > 0 && params.Find("reuse") == "1";
  return hello;
}

}  // namespace ming::reverse
