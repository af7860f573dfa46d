#include "ming/ws/ws_url.h"

#include <algorithm>
#include <utility>

#include "ming/base/utf8.h"

namespace ming::ws {
namespace {

constexpr size_t kMaxUrlBytes = 2048;

Status BadUrl(std::string_view text, const std::string& reason) {
  return {StatusCode::kInvalidArgument,
          "bad WebSocket URL '" + PrintableText(text, 200) + "': " + reason};
}

Port DefaultPort(WsUrl::Scheme scheme) { return Port(scheme == WsUrl::Scheme::kWss ? 443 : 80); }

bool EqualIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return lower(x) == lower(y);
  });
}

// "host", "host:80", "[::1]", "[::1]:80" without the defaults of a listen address.
Result<HostPort> ParseAuthority(std::string_view authority, Port default_port) {
  const bool bracketed = !authority.empty() && authority.front() == '[';
  const size_t colon = bracketed ? authority.find(':', authority.find(']')) : authority.find(':');
  std::string with_port(authority);
  if (colon == std::string_view::npos || (bracketed && authority.find(']') == authority.npos)) {
    with_port += ":" + std::to_string(default_port.value());
  } else if (colon + 1 == authority.size()) {
    with_port += std::to_string(default_port.value());  // "host:" is valid by RFC 3986
  }
  return ParseHostPort(with_port);
}

}  // namespace

std::string WsUrl::ToString() const {
  return (secure() ? "wss://" : "ws://") + endpoint.ToString() + target;
}

std::string WsUrl::HostHeader() const {
  std::string host = endpoint.ToString();
  if (endpoint.port == DefaultPort(scheme)) host.resize(host.rfind(':'));
  return host;
}

Result<WsUrl> ParseWsUrl(std::string_view text) {
  if (text.size() > kMaxUrlBytes) return BadUrl(text, "longer than 2048 bytes");
  if (std::any_of(text.begin(), text.end(), [](char c) { return c <= ' ' || c > '~'; })) {
    return BadUrl(text, "spaces, control and non-ASCII characters are not allowed");
  }
  WsUrl url;
  const size_t scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos)
    return BadUrl(text, "it must begin with ws:// or wss://");
  const std::string_view scheme = text.substr(0, scheme_end);
  if (EqualIgnoringCase(scheme, "wss")) {
    url.scheme = WsUrl::Scheme::kWss;
  } else if (!EqualIgnoringCase(scheme, "ws")) {
    return BadUrl(text, "it must begin with ws:// or wss://");
  }
  const std::string_view rest = text.substr(scheme_end + 3);
  const size_t authority_end = std::min(rest.find_first_of("/?#"), rest.size());
  const std::string_view authority = rest.substr(0, authority_end);
  if (authority.find('@') != std::string_view::npos) {
    return BadUrl(text, "user information is not supported, use a token");
  }
  auto endpoint = ParseAuthority(authority, DefaultPort(url.scheme));
  if (!endpoint.ok()) return BadUrl(text, endpoint.status().message());
  if (endpoint->host.empty()) return BadUrl(text, "the host is missing");
  if (endpoint->port == Port(0)) return BadUrl(text, "port 0 cannot be connected to");
  url.endpoint = *std::move(endpoint);
  const std::string_view target = rest.substr(authority_end);
  if (target.find('#') != std::string_view::npos) return BadUrl(text, "a fragment is not allowed");
  url.target = target.empty() || target.front() != '/' ? "/" + std::string(target) : target;
  return url;
}

}  // namespace ming::ws
