#include "ming/p2p/session_types.h"

#include <utility>

#include "ming/base/checked_cast.h"

namespace ming::p2p {
namespace {

constexpr std::string_view kProtocolMismatch = "protocol mismatch: ";

}  // namespace

std::string DescribeProtocolMismatch(TunnelProtocol host, TunnelProtocol client) {
  return std::string(kProtocolMismatch) + "the host tunnels " +
         std::string(TunnelProtocolName(host)) + " and the client " +
         std::string(TunnelProtocolName(client)) + " (give both the same --protocol)";
}

bool IsProtocolMismatch(std::string_view text) {
  return text.substr(0, kProtocolMismatch.size()) == kProtocolMismatch;
}

Result<DescriptionFacts> ReadDescription(std::string_view sdp, codec::SdpKind kind) {
  Result<codec::SessionDescription> parsed = codec::ParseSessionDescription(sdp, kind);
  if (!parsed.ok()) return parsed.status();
  DescriptionFacts facts;
  facts.session_id = parsed->session_id;
  facts.session_version = parsed->session_version;
  facts.fingerprints = std::move(parsed->fingerprints);
  facts.ice_ufrag = std::move(parsed->ice.username_fragment);
  facts.mid = std::move(parsed->mid);
  facts.section_index = base::CheckedCast<uint16_t>(parsed->section_index);
  facts.ming = std::move(parsed->ming);
  return facts;
}

std::string_view TunnelEndName(TunnelEnd end) {
  switch (end) {
    case TunnelEnd::kStopped:
      return "stopped";
    case TunnelEnd::kServerLost:
      return "server lost";
    case TunnelEnd::kHostNotFound:
      return "host not found";
    case TunnelEnd::kRefused:
      return "refused";
    case TunnelEnd::kNoPath:
      return "no path";
    case TunnelEnd::kIdTaken:
      return "ID taken";
    case TunnelEnd::kFailed:
      return "failed";
  }
  return "unknown";
}

}  // namespace ming::p2p
