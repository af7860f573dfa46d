#include "ming/codec/proxy_protocol.h"

#include <array>
#include <string>
#include <string_view>

#include "ming/base/byte_io.h"

namespace ming::codec {
namespace {

constexpr std::array<uint8_t, 12> kSignature = {0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D,
                                                0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A};
constexpr uint8_t kVersion2Local = 0x20;  // no word about the caller
constexpr uint8_t kVersion2Proxy = 0x21;
constexpr uint8_t kUnspecified = 0x00;
constexpr uint8_t kTcpOverIpv4 = 0x11;
constexpr uint8_t kTcpOverIpv6 = 0x21;

IpAddress AsIpv6(const IpAddress& ip) {
  if (!ip.is_v4()) return ip;
  std::array<uint8_t, 16> mapped{};
  mapped[10] = 0xFF;
  mapped[11] = 0xFF;
  for (size_t i = 0; i < 4; ++i) mapped[12 + i] = ip.bytes()[i];
  return IpAddress::FromBytes(ByteSpan(mapped.data(), mapped.size()));
}

ByteBuffer Version1(const ProxyEndpoint* source, const ProxyEndpoint& destination) {
  if (source == nullptr) return ByteBuffer::CopyOf("PROXY UNKNOWN\r\n");
  const std::string line = std::string(source->ip.is_v4() ? "PROXY TCP4 " : "PROXY TCP6 ") +
                           source->ip.ToString() + " " + destination.ip.ToString() + " " +
                           std::to_string(source->port.value()) + " " +
                           std::to_string(destination.port.value()) + "\r\n";
  return ByteBuffer::CopyOf(ByteSpan(std::string_view{line}));
}

ByteBuffer Version2(const ProxyEndpoint* source, const ProxyEndpoint& destination) {
  ByteBuffer header;
  ByteWriter writer(header);
  writer.WriteBytes(ByteSpan(kSignature.data(), kSignature.size()));
  writer.WriteU8(source == nullptr ? kVersion2Local : kVersion2Proxy);
  if (source == nullptr) {
    writer.WriteU8(kUnspecified);
    writer.WriteU16(0);
    return header;
  }
  writer.WriteU8(source->ip.is_v4() ? kTcpOverIpv4 : kTcpOverIpv6);
  writer.WriteU16(source->ip.is_v4() ? 12 : 36);
  writer.WriteBytes(source->ip.bytes());
  writer.WriteBytes(destination.ip.bytes());
  writer.WriteU16(source->port.value());
  writer.WriteU16(destination.port.value());
  return header;
}

}  // namespace

ByteBuffer SerializeProxyHeader(ProxyVersion version, const std::optional<ProxyEndpoint>& source,
                                const ProxyEndpoint& destination) {
  std::optional<ProxyEndpoint> from = source;
  ProxyEndpoint to = destination;
  if (from && from->ip.is_v4() != to.ip.is_v4()) {
    from->ip = AsIpv6(from->ip);
    to.ip = AsIpv6(to.ip);
  }
  const ProxyEndpoint* const known = from ? &*from : nullptr;
  return version == ProxyVersion::k1 ? Version1(known, to) : Version2(known, to);
}

}  // namespace ming::codec
