// With a real kernel, in a network namespace of the test's own; so it needs root.
#include "ming/net/network_monitor.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "reactor_fixture.h"

namespace ming::net {
namespace {

// Runs `body` in a thread with a network namespace of its own; false where that is not permitted.
bool RunInNamespace(const std::function<void()>& body) {
  bool permitted = false;
  std::thread thread([&] {
    permitted = ::unshare(CLONE_NEWNET) == 0;
    if (permitted) body();
  });
  thread.join();
  return permitted;
}

// NOLINTNEXTLINE(concurrency-mt-unsafe): the only other thread waits for this one
void Ip(const std::string& arguments) { ASSERT_EQ(std::system(("ip " + arguments).c_str()), 0); }

class Watched {
 public:
  Watched() {
    Ip("link set lo up");
    Ip("link add name w0 type veth peer name w1");
    Ip("link set w1 up");
    Ip("link set w0 up");
    Ip("addr add 192.0.2.7/24 dev w0");
    Ip("route add default via 192.0.2.1");
    monitor_ = std::make_unique<NetworkMonitor>(reactor_);
    watch_ = std::make_unique<NetworkWatch>(
        *monitor_, [this](const NetworkChange& change) { seen_.push_back(change); });
    // IPv6 link-local addresses settle.
    static_cast<void>(reactor_.RunUntil([] { return false; }, std::chrono::milliseconds(400)));
    EXPECT_TRUE(seen_.empty());
  }

  bool See(const std::function<bool(const NetworkChange&)>& wanted) {
    return reactor_.RunUntil([&] { return !seen_.empty() && wanted(seen_.back()); }, kLimit);
  }
  size_t count() const { return seen_.size(); }
  void WaitInVain() {
    static_cast<void>(reactor_.RunUntil([] { return false; }, std::chrono::milliseconds(500)));
  }

 private:
  Reactor reactor_;
  std::unique_ptr<NetworkMonitor> monitor_;
  std::unique_ptr<NetworkWatch> watch_;
  std::vector<NetworkChange> seen_;
};

TEST(NetworkMonitorTest, TellsOfAddressesRoutesAndLinks) {
  const bool permitted = RunInNamespace([] {
    Watched network;
    const IpAddress second = *IpAddress::Parse("198.51.100.7");
    Ip("addr add 198.51.100.7/24 dev w0");
    ASSERT_TRUE(network.See([&](const NetworkChange& c) {
      return c.added == std::vector<IpAddress>{second} && c.removed.empty() && !c.other_route;
    }));
    Ip("route replace default via 198.51.100.1");
    ASSERT_TRUE(
        network.See([](const NetworkChange& c) { return c.added.empty() && c.other_route; }));
    Ip("link set w1 down");  // the carrier of w0 is gone
    ASSERT_TRUE(network.See([](const NetworkChange& c) { return c.removed.size() == 2; }));
    Ip("link set w1 up");
    ASSERT_TRUE(network.See([](const NetworkChange& c) { return c.added.size() == 2; }));
    Ip("link del w0");
    ASSERT_TRUE(network.See([](const NetworkChange& c) { return c.removed.size() == 2; }));
  });
  if (!permitted) GTEST_SKIP() << "needs root";
}

TEST(NetworkMonitorTest, SaysNothingOfNoise) {
  const bool permitted = RunInNamespace([] {
    Watched network;
    Ip("addr add 127.0.0.9/8 dev lo");
    Ip("addr change 192.0.2.7/24 dev w0");
    Ip("route add 203.0.113.0/24 via 192.0.2.1");
    Ip("link add name w2 type veth peer name w3");
    Ip("link set w2 up");
    Ip("link set w3 up");
    Ip("link set w0 mtu 1400");
    network.WaitInVain();
    EXPECT_EQ(network.count(), 0u);
  });
  if (!permitted) GTEST_SKIP() << "needs root";
}

TEST(NetworkMonitorTest, RoamingIsOneChange) {
  const bool permitted = RunInNamespace([] {
    Watched network;
    Ip("addr del 192.0.2.7/24 dev w0");
    Ip("addr add 198.51.100.7/24 dev w0");
    Ip("route add default via 198.51.100.1");
    ASSERT_TRUE(network.See([](const NetworkChange& c) {
      return c.added.size() == 1 && c.removed.size() == 1 && c.other_route;
    }));
    EXPECT_EQ(network.count(), 1u);
  });
  if (!permitted) GTEST_SKIP() << "needs root";
}

class NetworkMonitorLoopTest : public ReactorFixture {};

TEST_F(NetworkMonitorLoopTest, DoesNotKeepTheLoopRunning) {
  NetworkMonitor monitor(reactor_);
  reactor_.Run();
}

TEST_F(NetworkMonitorLoopTest, AWatchMayEndInItsOwnCallback) {
  const bool permitted = RunInNamespace([] {
    Reactor reactor;
    Ip("link add name w0 type veth peer name w1");
    Ip("link set w1 up");
    Ip("link set w0 up");
    NetworkMonitor monitor(reactor);
    int seen = 0;
    std::unique_ptr<NetworkWatch> first;
    first = std::make_unique<NetworkWatch>(monitor, [&](const NetworkChange&) {
      first.reset();
      ++seen;
    });
    NetworkWatch second(monitor, [&](const NetworkChange&) { ++seen; });
    static_cast<void>(reactor.RunUntil([] { return false; }, std::chrono::milliseconds(200)));
    Ip("addr add 192.0.2.7/24 dev w0");
    EXPECT_TRUE(reactor.RunUntil([&] { return seen == 2; }, kLimit));
  });
  if (!permitted) GTEST_SKIP() << "needs root";
}

}  // namespace
}  // namespace ming::net
