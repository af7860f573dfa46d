#include "ming/net/socket_address.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

#include <functional>
#include <string>

namespace ming::net {
namespace {

SocketAddress Parsed(const std::string& text) {
  const auto address = SocketAddress::Parse(text);
  EXPECT_TRUE(address.has_value()) << text;
  return address.value_or(SocketAddress());
}

TEST(SocketAddressTest, PrintsAsItParses) {
  for (const std::string text : {"192.0.2.1:5", "[::1]:65535", "[fe80::1%1]:80", "0.0.0.0:0"}) {
    EXPECT_EQ(Parsed(text).ToString(), text);
  }
}

TEST(SocketAddressTest, ParsesAZoneByName) { EXPECT_EQ(Parsed("[fe80::1%lo]:80").scope_id(), 1u); }

TEST(SocketAddressTest, RejectsWhatIsNotNumeric) {
  for (const std::string text :
       {"localhost:80", ":80", "[::1%nosuchzone]:80", "[::1%]:80", "127.0.0.1%1:80", "[::1%0]:80",
        "[::1%4294967296]:1", "::1:80", "[127.0.0.1]:80", "127.0.0.1", "127.0.0.1:65536", "[::1]",
        "", ":", "[]:80"}) {
    EXPECT_FALSE(SocketAddress::Parse(text).has_value()) << text;
  }
}

TEST(SocketAddressTest, SurvivesTheKernelForm) {
  for (const std::string text : {"192.0.2.1:5", "[2001:db8::1]:443", "[fe80::1%3]:80"}) {
    const SocketAddress address = Parsed(text);
    sockaddr_storage storage{};
    const socklen_t size = address.ToKernel(storage);
    EXPECT_EQ(size, address.family() == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    EXPECT_EQ(SocketAddress::FromKernel(storage), address);
  }
}

TEST(SocketAddressTest, UnwrapsMappedIpv4) {
  sockaddr_storage storage{};
  Parsed("[::ffff:192.0.2.1]:5").ToKernel(storage);
  EXPECT_EQ(SocketAddress::FromKernel(storage), Parsed("192.0.2.1:5"));
}

TEST(SocketAddressTest, RejectsOtherFamilies) {
  sockaddr_storage storage{};
  storage.ss_family = AF_UNIX;
  EXPECT_FALSE(SocketAddress::FromKernel(storage).has_value());
}

TEST(SocketAddressTest, HashTellsPortsAndZonesApart) {
  const std::hash<SocketAddress> hash;
  EXPECT_EQ(hash(Parsed("192.0.2.1:5")), hash(Parsed("192.0.2.1:5")));
  EXPECT_NE(hash(Parsed("192.0.2.1:5")), hash(Parsed("192.0.2.1:6")));
  EXPECT_NE(hash(Parsed("[fe80::1%1]:5")), hash(Parsed("[fe80::1%2]:5")));
}

}  // namespace
}  // namespace ming::net
