#include "ming/net/tcp_connector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reactor_fixture.h"

namespace ming::net {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

class TcpConnectorTest : public ReactorFixture {
 protected:
  using Outcome = std::optional<Result<std::unique_ptr<TcpStream>>>;

  std::unique_ptr<TcpConnector> Start(const std::string& host, Port port) {
    return std::make_unique<TcpConnector>(reactor_, resolver_, HostPort{host, port}, options_,
                                          [this](Result<std::unique_ptr<TcpStream>> result) {
                                            ASSERT_FALSE(outcome_.has_value()) << "two outcomes";
                                            outcome_.emplace(std::move(result));
                                          });
  }
  // Connects and waits for the outcome.
  const Result<std::unique_ptr<TcpStream>>& Connect(const std::string& host, Port port) {
    outcome_.reset();
    const auto connector = Start(host, port);
    EXPECT_FALSE(outcome_.has_value()) << "inside the constructor";
    EXPECT_TRUE(RunUntil([&] { return outcome_.has_value(); }));
    return *outcome_;
  }

  Resolver resolver_{reactor_};
  TcpConnectOptions options_;
  Outcome outcome_;
};

// A port that nobody listens on for the moment.
Port FreePort(const std::string& host) { return ListenRaw(host, 1).address.port(); }

// A listener whose backlog is full: the kernel drops further connection attempts silently.
struct BlackHole {
  explicit BlackHole(const std::string& host) : listener(ListenRaw(host, 0)) {
    for (int i = 0; i < 4; ++i) {
      UniqueFd fd(
          ::socket(listener.address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      sockaddr_storage storage{};
      const socklen_t size = listener.address.ToKernel(storage);
      static_cast<void>(::connect(fd.get(), reinterpret_cast<sockaddr*>(&storage), size));
      fillers.push_back(std::move(fd));
    }
  }
  RawListener listener;
  std::vector<UniqueFd> fillers;
};

TEST_F(TcpConnectorTest, ConnectsToANumericAddress) {
  const RawListener listener = ListenRaw("127.0.0.1", 1);
  const auto& result = Connect("127.0.0.1", listener.address.port());
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ((*result)->peer_address(), listener.address);
}

int DescriptorOf(const TcpStream& stream) {
  int fd = 0;
  while (fd < 1024 && !(LocalAddressOf(fd) == stream.local_address())) ++fd;
  return fd;
}

// Not before: most connections are over by then.
TEST_F(TcpConnectorTest, KeepsAliveWhatIsASecondOld) {
  const RawListener listener = ListenRaw("127.0.0.1", 1);
  options_.tcp.keepalive = std::chrono::seconds(15);
  const auto& result = Connect("127.0.0.1", listener.address.port());
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  const int fd = DescriptorOf(**result);
  const auto option = [fd](int level, int name) {
    int value = -1;
    socklen_t size = sizeof(value);
    EXPECT_EQ(::getsockopt(fd, level, name, &value, &size), 0);
    return value;
  };
  EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), 0);
  EXPECT_TRUE(RunUntil([&] { return option(SOL_SOCKET, SO_KEEPALIVE) == 1; }));
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPIDLE), 15);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPINTVL), 5);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPCNT), 3);
}

// What came while the connector still watched is not lost for the stream's reader.
TEST_F(TcpConnectorTest, StreamHasWhatCameWithTheConnection) {
  const RawListener listener = ListenRaw("127.0.0.1", 1);
  outcome_.reset();
  const auto connector = Start("127.0.0.1", listener.address.port());
  UniqueFd peer;
  const auto greet = reactor_.CreateAlarm([&] {
    peer = UniqueFd(::accept(listener.fd.get(), nullptr, nullptr));
    ASSERT_EQ(::send(peer.get(), "hello", 5, MSG_NOSIGNAL), 5);
    peer.Close();
  });
  greet->ArmAt(reactor_.Now());  // after the connector's first alarm, which connects
  ASSERT_TRUE(RunUntil([&] { return outcome_.has_value(); }));
  ASSERT_TRUE(outcome_->ok());
  TcpStream& stream = ***outcome_;
  EXPECT_EQ(stream.Peek(100).bytes.AsText(), "hello");
  stream.Consume(5);
  EXPECT_EQ(stream.Peek(100).state, link::ReadState::kEnd);
}

// The acknowledgement that ends the handshake waits for them, up to 200 ms.
TEST_F(TcpConnectorTest, LazyAcknowledgementsGoWithTheFirstBytes) {
  using Clock = std::chrono::steady_clock;
  const RawListener listener = ListenRaw("127.0.0.1", 1);
  const auto accept = [&listener] {
    return UniqueFd(::accept4(listener.fd.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  };
  options_.tcp.lazy_acks = true;
  const Clock::time_point begun = Clock::now();
  ASSERT_TRUE(Connect("127.0.0.1", listener.address.port()).ok());
  UniqueFd peer = accept();
  const bool in_time = Clock::now() - begun < milliseconds(100);
  EXPECT_FALSE(in_time && peer.valid());
  EXPECT_EQ((**outcome_)->Write(ByteSpan(std::string_view("first"))), 5u);
  EXPECT_TRUE(RunUntil([&] {
    if (!peer.valid()) peer = accept();
    return peer.valid();
  }));
}

TEST_F(TcpConnectorTest, RefusalIsReportedAtOnce) {
  const auto& result = Connect("localhost", FreePort("127.0.0.1"));
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(result.status().detail(), ECONNREFUSED);
  EXPECT_THAT(result.status().message(), HasSubstr("cannot connect to localhost:"));
}

TEST_F(TcpConnectorTest, UnknownNameIsReported) {
  const auto& result = Connect(std::string(64, 'a') + ".example", Port(1));
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(result.status().message(), HasSubstr("cannot connect to aaaa"));
}

TEST_F(TcpConnectorTest, GoesOnToTheOtherFamilyWhenRefused) {
  if (!HasLoopback6()) GTEST_SKIP() << "no ::1 here";
  const RawListener listener = ListenRaw("::1", 1);
  const auto& result = Connect("localhost", listener.address.port());
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ((*result)->peer_address(), listener.address);
}

TEST_F(TcpConnectorTest, TriesTheOtherFamilyBesideOneThatIsSilent) {
  if (!HasLoopback6()) GTEST_SKIP() << "no ::1 here";
  const BlackHole silent("127.0.0.1");
  const Port port = silent.listener.address.port();
  UniqueFd listener(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_storage storage{};
  const socklen_t size = SocketAddress::ParseHost("::1", port)->ToKernel(storage);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&storage), size), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);

  options_.attempt_delay = milliseconds(20);
  const Timestamp start = reactor_.Now();
  const auto& result = Connect("localhost", port);
  ASSERT_TRUE(result.ok()) << result.status().ToString();
  EXPECT_EQ((*result)->peer_address().ToString(), "[::1]:" + std::to_string(port.value()));
  EXPECT_GE(reactor_.Now() - start, milliseconds(20));
}

TEST_F(TcpConnectorTest, GivesUpOnASilentHost) {
  const BlackHole silent("127.0.0.1");
  options_.timeout = milliseconds(30);
  const auto& result = Connect("127.0.0.1", silent.listener.address.port());
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), StatusCode::kTimeout);
}

TEST_F(TcpConnectorTest, DestroyingItCancels) {
  const RawListener listener = ListenRaw("127.0.0.1", 1);
  Start("127.0.0.1", listener.address.port()).reset();
  auto connector = Start("127.0.0.1", listener.address.port());
  EXPECT_TRUE(RunUntil([&] { return reactor_.turn() > 0; }));  // under way or just before
  connector.reset();
  reactor_.Run();
  EXPECT_FALSE(outcome_.has_value());
}

TEST_F(TcpConnectorTest, CallbackMayDestroyIt) {
  const RawListener listener = ListenRaw("127.0.0.1", 1);
  for (const Port port : {listener.address.port(), FreePort("127.0.0.1")}) {
    std::unique_ptr<TcpConnector> connector;
    bool done = false;
    connector =
        std::make_unique<TcpConnector>(reactor_, resolver_, HostPort{"localhost", port}, options_,
                                       [&](const Result<std::unique_ptr<TcpStream>>&) {
                                         connector.reset();
                                         done = true;
                                       });
    EXPECT_TRUE(RunUntil([&] { return done; }));
  }
}

}  // namespace
}  // namespace ming::net
