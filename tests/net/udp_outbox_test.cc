// Batches over loopback: every datagram by itself at the far end, with and without UDP_SEGMENT.
#include "ming/net/udp_outbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "reactor_fixture.h"

namespace ming::net {
namespace {

using testing::ElementsAre;

class Inbox final : private UdpSocket::Observer {
 public:
  explicit Inbox(Reactor& reactor) {
    auto socket =
        UdpSocket::Bind(reactor, *SocketAddress::ParseHost("127.0.0.1", Port(0)), UdpOptions());
    EXPECT_TRUE(socket.ok()) << socket.status().ToString();
    socket_ = std::move(*socket);
    socket_->SetObserver(this);
  }

  SocketAddress address() const { return socket_->local_address(); }
  std::vector<std::string> received;

 private:
  void OnDatagram(const SocketAddress& /*from*/, ByteSpan datagram) override {
    received.emplace_back(datagram.AsText());
  }
  void OnSendReady() override {}
  void OnPeerUnreachable(const Status& /*why*/) override {}

  std::unique_ptr<UdpSocket> socket_;
};

// The socket does not tell.
int DescriptorOf(const UdpSocket& socket) {
  int fd = 0;
  while (fd < 1024 && !(LocalAddressOf(fd) == socket.local_address())) ++fd;
  return fd;
}

class UdpOutboxTest : public ReactorFixture, public testing::WithParamInterface<bool> {
 protected:
  std::unique_ptr<UdpSocket> ConnectTo(const SocketAddress& remote) {
    UdpOptions options;
    options.offload = GetParam();
    auto socket = UdpSocket::Connect(reactor_, remote, options);
    EXPECT_TRUE(socket.ok()) << socket.status().ToString();
    return std::move(*socket);
  }
  // From inside the loop, as its users do.
  void InOneTurn(std::function<void()> task) { reactor_.Post(std::move(task)); }

  std::vector<std::pair<UdpSendResult, size_t>> unsent_;
  UdpOutbox outbox_{reactor_,
                    [this](UdpSendResult why, size_t count) { unsent_.emplace_back(why, count); }};
};

INSTANTIATE_TEST_SUITE_P(Segmentation, UdpOutboxTest, testing::Bool(),
                         [](const auto& which) { return which.param ? "On" : "Off"; });

TEST_P(UdpOutboxTest, EverySizeArrivesInOrder) {
  Inbox inbox(reactor_);
  const auto socket = ConnectTo(inbox.address());
  std::vector<std::string> sent(150, std::string(1200, 'a'));
  for (size_t i = 0; i < sent.size(); ++i) sent[i].back() = static_cast<char>('a' + i % 26);
  for (const int size : {700, 1200, 1, 0, 60'000, 65'507, 3, 3, 2, 0}) {
    sent.emplace_back(static_cast<size_t>(size), 'x');
  }
  InOneTurn([&] {
    for (const std::string& text : sent) outbox_.Send(*socket, std::nullopt, ByteSpan(text));
  });
  ASSERT_TRUE(RunUntil([&] { return inbox.received.size() >= sent.size(); }));
  EXPECT_EQ(inbox.received, sent);
  EXPECT_EQ(socket->counters().sent, sent.size());
  EXPECT_TRUE(unsent_.empty());
}

TEST_P(UdpOutboxTest, EachGoesToItsOwnPlace) {
  Inbox first(reactor_);
  Inbox second(reactor_);
  const auto to_first = ConnectTo(first.address());
  UdpOptions options;
  options.offload = GetParam();
  const auto free =
      UdpSocket::Bind(reactor_, *SocketAddress::ParseHost("127.0.0.1", Port(0)), options);
  ASSERT_TRUE(free.ok());
  InOneTurn([&] {
    outbox_.Send(*to_first, std::nullopt, ByteSpan("1"));
    outbox_.Send(**free, second.address(), ByteSpan("2"));
    outbox_.Send(**free, second.address(), ByteSpan("3"));
    outbox_.Send(**free, first.address(), ByteSpan("4"));
  });
  ASSERT_TRUE(RunUntil([&] { return first.received.size() == 2 && second.received.size() == 2; }));
  EXPECT_THAT(first.received, ElementsAre("1", "4"));
  EXPECT_THAT(second.received, ElementsAre("2", "3"));
}

TEST_P(UdpOutboxTest, WhatIsTooLargeIsReportedAlone) {
  Inbox inbox(reactor_);
  const auto socket = ConnectTo(inbox.address());
  const std::string large(65'530, 'x');
  InOneTurn([&] {
    outbox_.Send(*socket, std::nullopt, ByteSpan("before"));
    outbox_.Send(*socket, std::nullopt, ByteSpan(large));
    outbox_.Send(*socket, std::nullopt, ByteSpan("behind"));
  });
  ASSERT_TRUE(RunUntil([&] { return inbox.received.size() == 2; }));
  EXPECT_THAT(unsent_, ElementsAre(std::pair(UdpSendResult::kTooLarge, size_t{1})));
}

TEST_P(UdpOutboxTest, ManyOfOneSizeAreOneCallWhereTheKernelCuts) {
  Inbox inbox(reactor_);
  const auto socket = ConnectTo(inbox.address());
  InOneTurn([&] {
    for (int i = 0; i < 10; ++i) outbox_.Send(*socket, std::nullopt, ByteSpan("same"));
  });
  ASSERT_TRUE(RunUntil([&] { return inbox.received.size() == 10; }));
  EXPECT_EQ(socket->counters().send_calls, GetParam() ? 1u : 10u);
}

// Without checksums it does, as for a device that cannot cut.
TEST_P(UdpOutboxTest, ManyOfOneSizeLeaveOneByOneWhereTheKernelRefuses) {
  Inbox inbox(reactor_);
  const auto socket = ConnectTo(inbox.address());
  const int no_checksum = 1;
  ASSERT_EQ(
      setsockopt(DescriptorOf(*socket), SOL_SOCKET, SO_NO_CHECK, &no_checksum, sizeof(no_checksum)),
      0);
  InOneTurn([&] {
    for (int i = 0; i < 10; ++i) outbox_.Send(*socket, std::nullopt, ByteSpan("same"));
  });
  ASSERT_TRUE(RunUntil([&] { return inbox.received.size() == 10; }));
  EXPECT_EQ(socket->counters().send_calls, 10u);
  EXPECT_TRUE(unsent_.empty());
}

}  // namespace
}  // namespace ming::net
