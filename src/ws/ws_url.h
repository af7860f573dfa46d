// WsUrl: where a WebSocket server is, as users write it. Pure.
#ifndef MING_WS_WS_URL_H_
#define MING_WS_WS_URL_H_

#include <string>
#include <string_view>

#include "ming/base/ip_address.h"
#include "ming/base/status.h"

namespace ming::ws {

struct WsUrl {
  enum class Scheme { kWs, kWss };

  Scheme scheme = Scheme::kWs;
  // The host is a name, an IPv4 or an IPv6 address (without brackets); never empty. The port is
  // never 0.
  HostPort endpoint;
  // Path and query, as sent in the request line; begins with '/'.
  std::string target = "/";

  bool secure() const { return scheme == Scheme::kWss; }
  // What ParseWsUrl reads back as the same value: "ws://localhost:8080/", "wss://[::1]:443/a?b=c".
  std::string ToString() const;
  // The value of the Host header (RFC 6455, section 4.1): the port only where it is not the
  // scheme's own.
  std::string HostHeader() const;
};

// Parses "ws://host[:port][/path[?query]]" or "wss://..." (RFC 6455, section 3). Without a port:
// 80 and 443. kInvalidArgument for another scheme, an empty host, port 0, user information, a
// fragment, spaces, control or non-ASCII characters, and more than 2048 bytes; the message names
// `text` and the reason.
Result<WsUrl> ParseWsUrl(std::string_view text);

}  // namespace ming::ws

#endif  // MING_WS_WS_URL_H_
