#include "ming/base/ip_address.h"

#include <gtest/gtest.h>

namespace ming {
namespace {

TEST(IpAddress, ParsesAndPrintsBothFamilies) {
  EXPECT_EQ(IpAddress::Parse("192.0.2.1")->ToString(), "192.0.2.1");
  EXPECT_EQ(IpAddress::Parse("2001:DB8:0::1")->ToString(), "2001:db8::1");
  for (const char* bad : {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "fe80::1%eth0", "[::1]", "host"}) {
    EXPECT_FALSE(IpAddress::Parse(bad)) << bad;
  }
  EXPECT_FALSE(IpAddress::Parse(std::string_view("1.2.3.4\0", 8)));
}

TEST(IpAddress, MappedAddressesAreSeenThrough) {
  const IpAddress mapped = *IpAddress::Parse("::ffff:127.0.0.1");
  EXPECT_TRUE(mapped.IsLoopback());
  EXPECT_EQ(mapped.Canonical().ToString(), "127.0.0.1");
  EXPECT_TRUE(IpAddress::Parse("::ffff:169.254.169.254")->IsLinkLocal());
  EXPECT_TRUE(IpAddress::Parse("::ffff:0.0.0.0")->IsUnspecified());
}

TEST(IpAddress, ClassifiesSpecialRanges) {
  EXPECT_TRUE(IpAddress::Parse("::1")->IsLoopback());
  EXPECT_FALSE(IpAddress::Parse("::2")->IsLoopback());
  EXPECT_TRUE(IpAddress::Parse("fe80::1")->IsLinkLocal());
  EXPECT_FALSE(IpAddress::Parse("fec0::1")->IsLinkLocal());
  EXPECT_TRUE(IpAddress::Parse("::")->IsUnspecified());
  EXPECT_TRUE(IpAddress::Parse("224.0.0.1")->IsMulticast());
  EXPECT_TRUE(IpAddress::Parse("ff02::1")->IsMulticast());
}

TEST(HostPort, AcceptsTheFormsOfTheCommandLine) {
  EXPECT_EQ(ParseHostPort(":8080")->host, "");
  EXPECT_EQ(ParseHostPort("localhost:25565")->port, Port(25565));
  EXPECT_EQ(ParseHostPort("[::1]:80")->host, "::1");
  EXPECT_EQ(ParseHostPort("[::1]:80")->ToString(), "[::1]:80");
  EXPECT_EQ(ParseHostPort("0.0.0.0:0")->port, Port(0));
}

TEST(HostPort, RefusesWithAReason) {
  for (const char* bad : {"", "host", "host:", "host:65536", "host:-1", "host:+1", "host:1x",
                          "::1:80", "[::1]80", "[::1", "[1.2.3.4]:80", "[]:80", "host: 80"}) {
    const auto parsed = ParseHostPort(bad);
    EXPECT_FALSE(parsed.ok()) << bad;
    EXPECT_EQ(parsed.status().code(), StatusCode::kInvalidArgument) << bad;
  }
  EXPECT_EQ(ParseHostPort("ws://host:80").status().message(),
            "'ws://host:80' is a URL (want host:port)");
}

}  // namespace
}  // namespace ming
