#include "ming/base/ip_address.h"

#include <arpa/inet.h>  // the text forms only; nothing here opens a socket

#include <algorithm>
#include <charconv>
#include <cstring>

namespace ming {

IpAddress IpAddress::FromBytes(ByteSpan bytes) {
  CHECK(bytes.size() == 4 || bytes.size() == 16);
  IpAddress address;
  address.family_ = bytes.size() == 4 ? Family::kV4 : Family::kV6;
  std::copy(bytes.begin(), bytes.end(), address.bytes_.begin());
  return address;
}

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  char terminated[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof(terminated)) return std::nullopt;
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  std::memcpy(terminated, text.data(), text.size());
  terminated[text.size()] = '\0';
  IpAddress address;
  if (inet_pton(AF_INET, terminated, address.bytes_.data()) == 1) return address;
  if (inet_pton(AF_INET6, terminated, address.bytes_.data()) != 1) return std::nullopt;
  address.family_ = Family::kV6;
  return address;
}

std::string IpAddress::ToString() const {
  char text[INET6_ADDRSTRLEN];
  const char* written = inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes_.data(), text, sizeof(text));
  CHECK(written != nullptr);
  return written;
}

bool IpAddress::IsLoopback() const {
  const IpAddress plain = Canonical();
  if (plain.is_v4()) return plain.bytes_[0] == 127;
  return std::all_of(bytes_.begin(), bytes_.end() - 1, [](uint8_t b) { return b == 0; }) &&
         bytes_[15] == 1;
}

bool IpAddress::IsLinkLocal() const {
  const IpAddress plain = Canonical();
  if (plain.is_v4()) return plain.bytes_[0] == 169 && plain.bytes_[1] == 254;
  return bytes_[0] == 0xFE && (bytes_[1] & 0xC0) == 0x80;
}

bool IpAddress::IsUnspecified() const {
  const IpAddress plain = Canonical();
  const ByteSpan all = plain.bytes();
  return std::all_of(all.begin(), all.end(), [](uint8_t b) { return b == 0; });
}

bool IpAddress::IsMulticast() const {
  const IpAddress plain = Canonical();
  return plain.is_v4() ? (plain.bytes_[0] & 0xF0) == 0xE0 : bytes_[0] == 0xFF;
}

IpAddress IpAddress::Canonical() const {
  static constexpr uint8_t kMappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  if (is_v4() || std::memcmp(bytes_.data(), kMappedPrefix, sizeof(kMappedPrefix)) != 0)
    return *this;
  return FromBytes(ByteSpan(bytes_.data() + sizeof(kMappedPrefix), 4));
}

std::string HostPort::ToString() const {
  const bool is_v6_literal = host.find(':') != std::string::npos;
  const std::string shown = is_v6_literal ? "[" + host + "]" : host;
  return shown + ":" + std::to_string(port.value());
}

std::optional<Port> ParsePort(std::string_view text) {
  if (text.empty() || text.size() > 5) return std::nullopt;
  if (text.front() < '0' || text.front() > '9') return std::nullopt;
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > 65535)
    return std::nullopt;
  return Port(static_cast<uint16_t>(value));
}

Result<HostPort> ParseHostPort(std::string_view text) {
  const auto bad = [text](const char* why) {
    return Status(StatusCode::kInvalidArgument, "'" + std::string(text) + "' " + why);
  };
  if (text.find("//") != std::string_view::npos) return bad("is a URL (want host:port)");
  std::string_view host;
  std::string_view port_text;
  if (!text.empty() && text.front() == '[') {
    const size_t close = text.find(']');
    if (close == std::string_view::npos) return bad("has a '[' without ']'");
    host = text.substr(1, close - 1);
    if (close + 1 >= text.size() || text[close + 1] != ':') return bad("lacks ':port' after ']'");
    port_text = text.substr(close + 2);
    const auto address = IpAddress::Parse(host);
    if (!address || address->is_v4()) return bad("has no IPv6 address between the brackets");
  } else {
    const size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return bad("lacks a port (want host:port)");
    host = text.substr(0, colon);
    port_text = text.substr(colon + 1);
    if (host.find(':') != std::string_view::npos)
      return bad("needs brackets around an IPv6 address");
  }
  const auto port = ParsePort(port_text);
  if (!port) return bad("has a bad port (want 0 to 65535)");
  return HostPort{std::string(host), *port};
}

}  // namespace ming
