#include "ming/codec/proxy_protocol.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace ming::codec {
namespace {

ProxyEndpoint At(const char* ip, uint16_t port) { return {*IpAddress::Parse(ip), Port(port)}; }

std::string Hex(const ByteBuffer& bytes) { return HexDump(bytes); }

constexpr char kSignature[] = "0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a";

std::string Text(const std::optional<ProxyEndpoint>& source, const ProxyEndpoint& destination) {
  return std::string(SerializeProxyHeader(ProxyVersion::k1, source, destination).span().AsText());
}

TEST(ProxyProtocolTest, WritesALineOfText) {
  EXPECT_EQ(Text(At("192.168.0.1", 56324), At("192.168.0.11", 443)),
            "PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n");
  EXPECT_EQ(Text(At("2001:db8::1", 1), At("::1", 65535)), "PROXY TCP6 2001:db8::1 ::1 1 65535\r\n");
}

TEST(ProxyProtocolTest, WritesOneFamilyOnly) {
  EXPECT_EQ(Text(At("192.0.2.1", 5000), At("::1", 80)),
            "PROXY TCP6 ::ffff:192.0.2.1 ::1 5000 80\r\n");
  EXPECT_EQ(Text(At("2001:db8::1", 5000), At("127.0.0.1", 80)),
            "PROXY TCP6 2001:db8::1 ::ffff:127.0.0.1 5000 80\r\n");
}

TEST(ProxyProtocolTest, SaysThatTheCallerIsUnknown) {
  EXPECT_EQ(Text(std::nullopt, At("127.0.0.1", 80)), "PROXY UNKNOWN\r\n");
  EXPECT_EQ(Hex(SerializeProxyHeader(ProxyVersion::k2, std::nullopt, At("127.0.0.1", 80))),
            std::string(kSignature) + " 20 00 00 00");
}

TEST(ProxyProtocolTest, WritesTheBinaryForm) {
  EXPECT_EQ(Hex(SerializeProxyHeader(ProxyVersion::k2, At("192.0.2.1", 5000), At("127.0.0.1", 80))),
            std::string(kSignature) + " 21 11 00 0c c0 00 02 01 7f 00 00 01 13 88 00 50");
  EXPECT_EQ(Hex(SerializeProxyHeader(ProxyVersion::k2, At("2001:db8::1", 5000), At("::1", 80))),
            std::string(kSignature) +
                " 21 21 00 24 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01"
                " 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01 13 88 00 50");
}

}  // namespace
}  // namespace ming::codec
