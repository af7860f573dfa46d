#include "ming/net/socket_buffers.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "ming/net/unique_fd.h"

namespace ming::net {
namespace {

TEST(SocketBuffersTest, GrantsWhatEverySystemAllows) {
  const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM, 0));
  const SocketBuffers granted = SizeSocketBuffers(fd.get(), {65536, 32768});
  EXPECT_EQ(granted.receive, 65536);
  EXPECT_EQ(granted.send, 32768);
}

// Without CAP_NET_ADMIN a part of it.
TEST(SocketBuffersTest, TellsWhatIsThereWhateverWasWanted) {
  const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM, 0));
  constexpr int kWanted = 256 << 20;
  const SocketBuffers granted = SizeSocketBuffers(fd.get(), {kWanted, kWanted});
  int kernel = 0;
  socklen_t size = sizeof(kernel);
  ASSERT_EQ(getsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &kernel, &size), 0);
  EXPECT_EQ(granted.receive, kernel / 2);
  EXPECT_LE(granted.send, kWanted);
  EXPECT_GT(granted.send, 0);
}

}  // namespace
}  // namespace ming::net
