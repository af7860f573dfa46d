// What the tests of this folder share: a reactor that must end empty, and short ways to loopback
// sockets.
#ifndef MING_TESTS_NET_REACTOR_FIXTURE_H_
#define MING_TESTS_NET_REACTOR_FIXTURE_H_

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "ming/base/time.h"
#include "ming/net/reactor.h"
#include "ming/net/socket_address.h"
#include "ming/net/unique_fd.h"
#include "ming/support/fd_leak_check.h"

namespace ming::net {

// Long beyond any need: a test that waits so long fails.
inline constexpr Duration kLimit = std::chrono::seconds(20);

class ReactorFixture : public testing::Test {
 public:
  ~ReactorFixture() override;

 protected:
  ReactorFixture();

  // Runs until `done`; false fails the test with a message of the caller's.
  [[nodiscard]] bool RunUntil(const std::function<bool()>& done) {
    return reactor_.RunUntil(done, kLimit);
  }
  // Runs for a while in which nothing is expected and returns how many turns that took.
  uint64_t TurnsWithin(Duration duration);

 private:
  support::FdLeakCheck fd_leak_check_;

 protected:
  Reactor reactor_;
};

struct FdPair {
  UniqueFd first;
  UniqueFd second;
};

// Connected TCP sockets over 127.0.0.1, non-blocking.
FdPair ConnectedTcpPair();
// A TCP socket that listens on `host` and never accepts; `address` is where.
struct RawListener {
  UniqueFd fd;
  SocketAddress address;
};
RawListener ListenRaw(const std::string& host, int backlog);
// A blocking connect.
UniqueFd ConnectRaw(const SocketAddress& address);
// A bound UDP socket, non-blocking.
UniqueFd BindUdpRaw(const std::string& host);
bool HasLoopback6();

}  // namespace ming::net

#endif  // MING_TESTS_NET_REACTOR_FIXTURE_H_
