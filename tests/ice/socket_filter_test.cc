#include "ming/ice/socket_filter.h"

#include <glog/logging.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>
#include <string_view>

#include "ming/net/unique_fd.h"

namespace ming::ice {
namespace {

std::string U16(size_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
}

std::string Attribute(size_t type, std::string value) {
  const std::string head = U16(type) + U16(value.size());
  value.resize((value.size() + 3) / 4 * 4);
  return head + value;
}

std::string Stun(size_t type, const std::string& attributes) {
  return U16(type) + U16(attributes.size()) + "\x21\x12\xa4\x42" + std::string(12, 't') +
         attributes;
}

class SocketFilterTest : public testing::TestWithParam<int> {
 protected:
  SocketFilterTest()
      : receiver_(::socket(GetParam(), SOCK_DGRAM | SOCK_NONBLOCK, 0)),
        sender_(::socket(GetParam(), SOCK_DGRAM, 0)) {
    sockaddr_storage address{};
    socklen_t size = sizeof(address);
    address.ss_family = static_cast<sa_family_t>(GetParam());
    if (GetParam() == AF_INET) {
      reinterpret_cast<sockaddr_in&>(address).sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      size = sizeof(sockaddr_in);
    } else {
      reinterpret_cast<sockaddr_in6&>(address).sin6_addr = in6addr_loopback;
      size = sizeof(sockaddr_in6);
    }
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    PCHECK(::bind(receiver_.get(), generic, size) == 0);
    PCHECK(::getsockname(receiver_.get(), generic, &size) == 0);
    PCHECK(::connect(sender_.get(), generic, size) == 0);
    CHECK(FilterJunk(receiver_.get(), "abcd").ok());
  }

  // Loopback delivers inside the call that sends.
  bool Passes(std::string_view datagram) {
    PCHECK(::send(sender_.get(), datagram.data(), datagram.size(), 0) >= 0);
    char buffer[2048];
    const ssize_t size = ::recv(receiver_.get(), buffer, sizeof(buffer), 0);
    if (size < 0) return false;
    EXPECT_EQ(std::string_view(buffer, static_cast<size_t>(size)), datagram);
    return true;
  }

  net::UniqueFd receiver_;
  net::UniqueFd sender_;
};

TEST_P(SocketFilterTest, PassesChecksOfOurPeer) {
  const std::string username = Attribute(0x0006, "abcd:efgh");
  EXPECT_TRUE(Passes(Stun(0x0001, username)));
  EXPECT_TRUE(Passes(Stun(0x0001, username + Attribute(0x0024, "prio"))));
  EXPECT_TRUE(Passes(Stun(0x0001, Attribute(0x0006, "abcdXYZ:efgh"))));
  // Behind others, of all lengths modulo four.
  std::string others;
  for (size_t size = 0; size < 7; ++size) {
    others += Attribute(0x8022, std::string(size, 's'));
    EXPECT_TRUE(Passes(Stun(0x0001, others + username))) << size;
  }
}

TEST_P(SocketFilterTest, DropsChecksOfStrangers) {
  EXPECT_FALSE(Passes(Stun(0x0001, Attribute(0x0006, "zzzz:efgh"))));
  EXPECT_FALSE(Passes(Stun(0x0001, Attribute(0x0006, "abc"))));
  EXPECT_FALSE(Passes(Stun(0x0001, "")));
  EXPECT_FALSE(Passes(Stun(0x0001, Attribute(0x0024, "prio"))));
  std::string many;
  for (int i = 0; i < 8; ++i) many += Attribute(0x8022, "s");
  EXPECT_FALSE(Passes(Stun(0x0001, many + Attribute(0x0006, "abcd:efgh"))));
  // Lengths that lead out of the packet, or nowhere.
  EXPECT_FALSE(Passes(Stun(0x0001, U16(0x8022) + U16(65535))));
  EXPECT_FALSE(Passes(Stun(0x0001, std::string(200, '\0'))));
  EXPECT_FALSE(Passes(std::string_view("\x00\x01", 2)));
}

TEST_P(SocketFilterTest, PassesAnswersAndIndications) {
  for (const size_t type : {0x0101u, 0x0111u, 0x0011u, 0x0017u, 0x0103u}) {
    EXPECT_TRUE(Passes(Stun(type, ""))) << type;
  }
}

TEST_P(SocketFilterTest, PassesDtlsAndChannelDataOnly) {
  for (int first = 4; first < 256; ++first) {
    const bool wanted = first >= 20 && first <= 79;
    EXPECT_EQ(Passes(static_cast<char>(first) + std::string(50, 'x')), wanted) << first;
  }
  EXPECT_FALSE(Passes(""));
  EXPECT_TRUE(Passes("\x14"));
}

INSTANTIATE_TEST_SUITE_P(BothFamilies, SocketFilterTest, testing::Values(AF_INET, AF_INET6));

}  // namespace
}  // namespace ming::ice
