#include "ming/codec/ice_server_url.h"

#include <algorithm>
#include <optional>
#include <tuple>

#include "ming/base/utf8.h"
#include "ming/codec/text_fields.h"

namespace ming::codec {
namespace {

// RFC 8489, section 14.3: USERNAME is at most 508 bytes. The same is plenty for a password.
constexpr size_t kMaxCredentialBytes = 508;
constexpr size_t kMaxNameBytes = 253;
constexpr std::string_view kHexDigits = "0123456789ABCDEF";

Status Bad(std::string_view why) {
  return {StatusCode::kInvalidArgument, "bad STUN or TURN URL: " + std::string(why)};
}

bool IsUnreserved(char c) {
  return IsIceText({&c, 1}, 1, 1) ? c != '+' && c != '/'
                                  : c == '-' || c == '.' || c == '_' || c == '~';
}

std::optional<unsigned> HexValue(char c) {
  if (c >= 'a' && c <= 'f') c = static_cast<char>(c - 'a' + 'A');
  const size_t value = kHexDigits.find(c);
  if (value == std::string_view::npos) return std::nullopt;
  return static_cast<unsigned>(value);
}

// Decodes %XX. Nothing where an escape is cut off, or where the result is empty, too long, not
// UTF-8 or has control characters.
std::optional<std::string> DecodeCredential(std::string_view text) {
  std::string decoded;
  while (!text.empty()) {
    size_t taken = 1;
    char c = text[0];
    if (c == '%') {
      const auto high = text.size() > 2 ? HexValue(text[1]) : std::nullopt;
      const auto low = text.size() > 2 ? HexValue(text[2]) : std::nullopt;
      if (!high || !low) return std::nullopt;
      c = static_cast<char>(*high << 4U | *low);
      taken = 3;
    }
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) return std::nullopt;
    decoded += c;
    text.remove_prefix(taken);
  }
  if (decoded.empty() || decoded.size() > kMaxCredentialBytes) return std::nullopt;
  if (!IsValidUtf8(decoded)) return std::nullopt;
  return decoded;
}

std::string EncodeCredential(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    if (IsUnreserved(c)) {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += kHexDigits[byte >> 4U];
    encoded += kHexDigits[byte & 15U];
  }
  return encoded;
}

Status ParseScheme(std::string_view scheme, IceServer& server) {
  if (EqualsIgnoreCase(scheme, "stun")) return Status::Ok();
  if (EqualsIgnoreCase(scheme, "stuns"))
    return {StatusCode::kUnsupported, "STUN over TLS (stuns:) is not supported"};
  server.kind = IceServerKind::kTurn;
  if (EqualsIgnoreCase(scheme, "turn")) return Status::Ok();
  if (!EqualsIgnoreCase(scheme, "turns")) return Bad("want stun:, turn: or turns: in front");
  server.transport = IceServerTransport::kTls;
  return Status::Ok();
}

Status ParseQuery(std::string_view query, IceServer& server) {
  if (server.kind == IceServerKind::kStun) return Bad("stun: takes no '?'");
  const std::string_view name = TakeUntil(query, '=');
  if (name != "transport") return Bad("only ?transport= is known");
  const bool is_tls = server.transport == IceServerTransport::kTls;
  if (EqualsIgnoreCase(query, "tcp")) {
    if (!is_tls) server.transport = IceServerTransport::kTcp;
    return Status::Ok();
  }
  if (!EqualsIgnoreCase(query, "udp")) return Bad("transport is udp or tcp");
  if (is_tls)
    return {StatusCode::kUnsupported, "TURN over DTLS (turns: over UDP) is not supported"};
  return Status::Ok();
}

Status ParseCredentials(std::string_view userinfo, IceServer& server) {
  if (server.kind == IceServerKind::kStun) return Bad("stun: takes no credentials");
  const size_t colon = userinfo.find(':');
  if (colon == std::string_view::npos) return Bad("want user:password before '@'");
  const std::string_view password_text = userinfo.substr(colon + 1);
  if (password_text.find(':') != std::string_view::npos)
    return Bad("a ':' in user name or password is written %3A");
  auto username = DecodeCredential(userinfo.substr(0, colon));
  auto password = DecodeCredential(password_text);
  if (!username || !password)
    return Bad("user name and password are 1 to 508 bytes of UTF-8, with %XX for what is special");
  server.username = *std::move(username);
  server.password = Secret(*std::move(password));
  return Status::Ok();
}

bool IsHostText(std::string_view host) {
  return !host.empty() && host.size() <= kMaxNameBytes &&
         std::all_of(host.begin(), host.end(), [](char c) { return IsUnreserved(c) && c != '~'; });
}

// Takes "host" or "[v6]" off the front of `rest`; what is left is empty or ":port".
Status TakeHost(std::string_view& rest, std::string& host) {
  const bool has_brackets = !rest.empty() && rest.front() == '[';
  const size_t end = rest.find(has_brackets ? ']' : ':');
  if (has_brackets && end == std::string_view::npos) return Bad("a '[' without ']'");
  host = std::string(has_brackets ? rest.substr(1, end - 1) : rest.substr(0, end));
  rest.remove_prefix(std::min(end, rest.size()));
  if (!has_brackets) return IsHostText(host) ? Status::Ok() : Bad("no host name or address");
  rest.remove_prefix(1);
  const auto address = IpAddress::Parse(host);
  if (!address || address->is_v4()) return Bad("no IPv6 address between the brackets");
  return Status::Ok();
}

// host, host:port, [v6] or [v6]:port.
Status ParseAddress(std::string_view text, IceServer& server) {
  if (Status status = TakeHost(text, server.address.host); !status.ok()) return status;
  if (text.empty()) {
    const bool is_tls = server.transport == IceServerTransport::kTls;
    server.address.port = Port(is_tls ? kDefaultTurnTlsPort : kDefaultStunPort);
    return Status::Ok();
  }
  if (text.front() != ':') return Bad("text behind ']'");
  text.remove_prefix(1);
  if (text.find(':') != std::string_view::npos) return Bad("an IPv6 address needs brackets");
  const auto port = ParsePort(text);
  if (!port || *port == Port(0)) return Bad("the port is 1 to 65535");
  server.address.port = *port;
  return Status::Ok();
}

std::string_view SchemeName(const IceServer& server) {
  if (server.kind == IceServerKind::kStun) return "stun";
  return server.transport == IceServerTransport::kTls ? "turns" : "turn";
}

std::string_view TransportQuery(const IceServer& server) {
  return server.transport == IceServerTransport::kTcp ? "?transport=tcp" : "";
}

auto Fields(const IceServer& s) {
  return std::tie(s.kind, s.transport, s.address.host, s.address.port, s.username,
                  s.password.Reveal());
}

}  // namespace

bool operator==(const IceServer& a, const IceServer& b) { return Fields(a) == Fields(b); }

std::string IceServer::ToString() const {
  std::string text(SchemeName(*this));
  text += ':';
  text += address.ToString();
  return text += TransportQuery(*this);
}

Result<IceServer> ParseIceServerUrl(std::string_view url) {
  if (url.size() > kMaxIceServerUrlBytes) return Bad("too long");
  const size_t colon = url.find(':');
  if (colon == std::string_view::npos) return Bad("want stun:, turn: or turns: in front");
  IceServer server;
  if (Status status = ParseScheme(url.substr(0, colon), server); !status.ok()) return status;
  std::string_view rest = url.substr(colon + 1);
  if (rest.substr(0, 2) == "//") return Bad("no '//' behind the scheme");
  const size_t question_mark = rest.find('?');
  if (question_mark != std::string_view::npos) {
    if (Status status = ParseQuery(rest.substr(question_mark + 1), server); !status.ok())
      return status;
    rest = rest.substr(0, question_mark);
  }
  const size_t at = rest.find('@');
  if (at != std::string_view::npos) {
    if (rest.find('@', at + 1) != std::string_view::npos)
      return Bad("an '@' in user name or password is written %40");
    if (Status status = ParseCredentials(rest.substr(0, at), server); !status.ok()) return status;
    rest = rest.substr(at + 1);
  }
  if (Status status = ParseAddress(rest, server); !status.ok()) return status;
  return server;
}

std::string SerializeIceServerUrl(const IceServer& server) {
  std::string url(SchemeName(server));
  url += ':';
  if (!server.username.empty()) {
    url +=
        EncodeCredential(server.username) + ':' + EncodeCredential(server.password.Reveal()) + '@';
  }
  url += server.address.ToString();
  return url += TransportQuery(server);
}

}  // namespace ming::codec
