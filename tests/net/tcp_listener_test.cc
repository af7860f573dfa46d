#include "ming/net/tcp_listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "reactor_fixture.h"

namespace ming::net {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

class TcpListenerTest : public ReactorFixture {
 protected:
  Result<std::unique_ptr<TcpListener>> TryListen(const HostPort& where) {
    TcpListenOptions options;
    options.retry_delay = milliseconds(5);
    options.tcp.keepalive = keepalive_;
    options.tcp.lazy_acks = lazy_acks_;
    return TcpListener::Listen(
        reactor_, where, options,
        [this](std::unique_ptr<TcpStream> stream, const SocketAddress& peer) {
          peers_.push_back(peer);
          accepted_in_turn_.insert(reactor_.turn());
          if (end_accepted_) stream->CloseWrite();
          streams_.push_back(std::move(stream));
          if (on_accept_) on_accept_();
        });
  }
  void Listen(const HostPort& where) {
    auto listener = TryListen(where);
    ASSERT_TRUE(listener.ok()) << listener.status().ToString();
    listener_ = std::move(*listener);
  }
  bool Accepted(size_t count) {
    return RunUntil([&] { return peers_.size() >= count; });
  }

  std::vector<UniqueFd> ConnectClients(size_t count) {
    std::vector<UniqueFd> clients(count);
    for (auto& client : clients) client = ConnectRaw(listener_->addresses()[0]);
    return clients;
  }

  Duration keepalive_ = std::chrono::seconds(60);
  bool lazy_acks_ = false;
  bool end_accepted_ = true;
  std::vector<SocketAddress> peers_;
  std::multiset<uint64_t> accepted_in_turn_;
  std::vector<std::unique_ptr<TcpStream>> streams_;
  std::function<void()> on_accept_;
  std::unique_ptr<TcpListener> listener_;
};

// Makes new descriptors fail with EMFILE until it is gone.
class DescriptorShortage {
 public:
  DescriptorShortage() {
    PCHECK(::getrlimit(RLIMIT_NOFILE, &saved_) == 0);
    rlimit none = saved_;
    none.rlim_cur = 0;
    PCHECK(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  }
  ~DescriptorShortage() { PCHECK(::setrlimit(RLIMIT_NOFILE, &saved_) == 0); }
  DescriptorShortage(const DescriptorShortage&) = delete;
  DescriptorShortage& operator=(const DescriptorShortage&) = delete;

 private:
  rlimit saved_{};
};

TEST_F(TcpListenerTest, AcceptsAndNamesThePeer) {
  Listen({"127.0.0.1", Port(0)});
  ASSERT_EQ(listener_->addresses().size(), 1u);
  EXPECT_NE(listener_->port(), Port(0));
  const UniqueFd client = ConnectRaw(listener_->addresses()[0]);
  ASSERT_TRUE(Accepted(1));
  EXPECT_EQ(peers_[0], LocalAddressOf(client.get()));
}

TEST_F(TcpListenerTest, EmptyHostTakesBothFamilies) {
  Listen({"", Port(0)});
  const UniqueFd v4 = ConnectRaw(*SocketAddress::ParseHost("127.0.0.1", listener_->port()));
  ASSERT_TRUE(Accepted(1));
  EXPECT_EQ(peers_[0].ToString(), LocalAddressOf(v4.get()).ToString());
  if (!HasLoopback6()) GTEST_SKIP() << "no ::1 here";
  const UniqueFd v6 = ConnectRaw(*SocketAddress::ParseHost("::1", listener_->port()));
  ASSERT_TRUE(Accepted(2));
  EXPECT_EQ(peers_[1], LocalAddressOf(v6.get()));
}

TEST_F(TcpListenerTest, LocalhostTakesBothLoopbacksWithOnePort) {
  Listen({"localhost", Port(0)});
  const std::string port = std::to_string(listener_->port().value());
  EXPECT_EQ(listener_->ToString(),
            HasLoopback6() ? "127.0.0.1:" + port + ", [::1]:" + port : "127.0.0.1:" + port);
  std::vector<UniqueFd> clients;
  for (const auto& address : listener_->addresses()) clients.push_back(ConnectRaw(address));
  EXPECT_TRUE(Accepted(clients.size()));
}

TEST_F(TcpListenerTest, TakenPortIsNamed) {
  Listen({"127.0.0.1", Port(0)});
  const HostPort taken{"127.0.0.1", listener_->port()};
  const auto second = TryListen(taken);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().detail(), EADDRINUSE);
  EXPECT_THAT(second.status().message(), HasSubstr("cannot listen on " + taken.ToString() + ": "));
  EXPECT_FALSE(TryListen({"localhost", listener_->port()}).ok());
  EXPECT_FALSE(TryListen({"", listener_->port()}).ok());
}

TEST_F(TcpListenerTest, PortIsFreeAgainAtOnce) {
  Listen({"127.0.0.1", Port(0)});
  const Port port = listener_->port();
  const UniqueFd client = ConnectRaw(listener_->addresses()[0]);
  ASSERT_TRUE(Accepted(1));
  streams_.clear();  // its side goes to TIME_WAIT or near it
  listener_.reset();
  EXPECT_TRUE(TryListen({"127.0.0.1", port}).ok());
}

TEST_F(TcpListenerTest, NamesAndForeignAddressesAreRefused) {
  EXPECT_EQ(TryListen({"example.invalid", Port(0)}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(TryListen({"192.0.2.1", Port(0)}).status().detail(), EADDRNOTAVAIL);
}

TEST_F(TcpListenerTest, StoppedItLeavesConnectionsInTheBacklog) {
  Listen({"127.0.0.1", Port(0)});
  listener_->StopAccepting();
  const UniqueFd client = ConnectRaw(listener_->addresses()[0]);
  EXPECT_LE(TurnsWithin(milliseconds(10)), 2u);
  EXPECT_TRUE(peers_.empty());
}

TEST_F(TcpListenerTest, StoppedInTheCallbackItEndsTheBatch) {
  Listen({"127.0.0.1", Port(0)});
  on_accept_ = [&] { listener_->StopAccepting(); };
  const std::vector<UniqueFd> clients = ConnectClients(3);
  ASSERT_TRUE(Accepted(1));
  TurnsWithin(milliseconds(10));
  EXPECT_EQ(peers_.size(), 1u);
}

TEST_F(TcpListenerTest, AcceptsABoundedBatchATurn) {
  Listen({"127.0.0.1", Port(0)});
  const std::vector<UniqueFd> clients = ConnectClients(150);
  ASSERT_TRUE(Accepted(150));
  for (const uint64_t turn : accepted_in_turn_) EXPECT_LE(accepted_in_turn_.count(turn), 64u);
}

TEST_F(TcpListenerTest, WithoutDescriptorsItRestsAndThenGoesOn) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizer's own checks need descriptors";
#endif
  Listen({"127.0.0.1", Port(0)});
  const UniqueFd client = ConnectRaw(listener_->addresses()[0]);
  {
    const DescriptorShortage shortage;
    // 50 ms are ten rests of 5 ms; a spinning loop would make thousands of turns.
    EXPECT_LE(TurnsWithin(milliseconds(50)), 30u);
    EXPECT_TRUE(peers_.empty());
  }
  EXPECT_TRUE(Accepted(1));
}

TEST_F(TcpListenerTest, TellsTheKernelWhenToGiveUp) {
  Listen({"127.0.0.1", Port(0)});
  UniqueFd client = ConnectRaw(listener_->addresses()[0]);
  const UniqueFd same(::dup(client.get()));
  TcpOptions options;
  options.keepalive = std::chrono::seconds(15);
  const auto stream = TcpStream::Adopt(reactor_, std::move(client), options);
  const auto option = [&same](int name) {
    int value = -1;
    socklen_t size = sizeof(value);
    EXPECT_EQ(::getsockopt(same.get(), IPPROTO_TCP, name, &value, &size), 0);
    return value;
  };
  EXPECT_EQ(option(TCP_KEEPIDLE), 15);
  EXPECT_EQ(option(TCP_KEEPINTVL), 5);
  EXPECT_EQ(option(TCP_KEEPCNT), 3);
  EXPECT_EQ(option(TCP_NODELAY), 1);
  EXPECT_EQ(option(TCP_USER_TIMEOUT), 0);
  stream->LimitUnacknowledged(std::chrono::seconds(20));
  EXPECT_EQ(option(TCP_USER_TIMEOUT), 20000);
}

// What is accepted has the listener's options without a call for each.
TEST_F(TcpListenerTest, HandsItsOptionsOn) {
  keepalive_ = std::chrono::seconds(15);
  lazy_acks_ = true;
  end_accepted_ = false;
  Listen({"127.0.0.1", Port(0)});
  const std::vector<UniqueFd> clients = ConnectClients(1);
  ASSERT_TRUE(Accepted(1));
  const UniqueFd same = streams_[0]->ReleaseSocket();
  const auto option = [&same](int level, int name) {
    int value = -1;
    socklen_t size = sizeof(value);
    EXPECT_EQ(::getsockopt(same.get(), level, name, &value, &size), 0);
    return value;
  };
  EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPIDLE), 15);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPINTVL), 5);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPCNT), 3);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_NODELAY), 1);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_QUICKACK), 0);
}

// Destroyed without an end, as one of a killed process.
TEST_F(TcpListenerTest, WhatIsAcceptedIsResetUnlessItEnds) {
  end_accepted_ = false;
  Listen({"127.0.0.1", Port(0)});
  const std::vector<UniqueFd> clients = ConnectClients(1);
  ASSERT_TRUE(Accepted(1));
  streams_.clear();
  char byte = 0;
  EXPECT_EQ(::recv(clients[0].get(), &byte, 1, 0), -1);
  EXPECT_EQ(errno, ECONNRESET);
}

TEST_F(TcpListenerTest, MayBeHandedAwayInItsOwnCallback) {
  Listen({"localhost", Port(0)});
  on_accept_ = [&] {
    listener_->StopAccepting();
    reactor_.DeferDelete(std::move(listener_));
  };
  const UniqueFd client = ConnectRaw(listener_->addresses()[0]);
  ASSERT_TRUE(Accepted(1));
  EXPECT_EQ(listener_, nullptr);
}

}  // namespace
}  // namespace ming::net
