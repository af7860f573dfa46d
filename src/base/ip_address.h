// IpAddress, Port and their text forms. No sockets here.
#ifndef MING_BASE_IP_ADDRESS_H_
#define MING_BASE_IP_ADDRESS_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ming/base/bytes.h"
#include "ming/base/status.h"
#include "ming/base/strong_id.h"

namespace ming {

struct PortTag;
using Port = StrongId<PortTag, uint16_t>;

// An IPv4 or IPv6 address without port and zone.
class IpAddress {
 public:
  enum class Family { kV4, kV6 };

  // 0.0.0.0.
  IpAddress() = default;
  // `bytes` are 4 (IPv4) or 16 (IPv6), network order; CHECKs the length.
  static IpAddress FromBytes(ByteSpan bytes);
  // "192.0.2.1", "2001:db8::1"; no brackets, no zone.
  static std::optional<IpAddress> Parse(std::string_view text);

  Family family() const { return family_; }
  bool is_v4() const { return family_ == Family::kV4; }
  ByteSpan bytes() const { return {bytes_.data(), is_v4() ? size_t{4} : size_t{16}}; }
  std::string ToString() const;

  bool IsLoopback() const;
  bool IsLinkLocal() const;    // 169.254/16, fe80::/10
  bool IsUnspecified() const;  // 0.0.0.0, ::
  bool IsMulticast() const;
  // ::ffff:192.0.2.1 as 192.0.2.1; anything else as it is. Do this before matching an address
  // against a rule.
  IpAddress Canonical() const;

  friend bool operator==(const IpAddress& a, const IpAddress& b) {
    return a.family_ == b.family_ && a.bytes() == b.bytes();
  }
  friend bool operator!=(const IpAddress& a, const IpAddress& b) { return !(a == b); }

 private:
  Family family_ = Family::kV4;
  std::array<uint8_t, 16> bytes_{};
};

// Where to connect or listen, as people write it. The host may be a name, an address, or empty (all
// interfaces).
struct HostPort {
  std::string host;
  Port port;

  // "host:25565", "[::1]:80", ":8080".
  std::string ToString() const;
};

// Parses "host:port", "[v6]:port" and ":port" (empty host). The error names what is wrong with
// `text`. Port 0 is accepted.
Result<HostPort> ParseHostPort(std::string_view text);

// Decimal, 0 to 65535, no sign, no spaces.
std::optional<Port> ParsePort(std::string_view text);

}  // namespace ming

#endif  // MING_BASE_IP_ADDRESS_H_
