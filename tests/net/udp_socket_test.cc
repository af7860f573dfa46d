#include "ming/net/udp_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "reactor_fixture.h"

namespace ming::net {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;

class UdpSocketTest : public ReactorFixture, public UdpSocket::Observer {
 protected:
  void OnDatagram(const SocketAddress& from, ByteSpan datagram) override {
    last_from_ = from;
    received_.emplace_back(datagram.AsText());
    ++received_in_turn_[reactor_.turn()];
    if (on_datagram_) on_datagram_();
  }
  void OnSendReady() override {}
  void OnPeerUnreachable(const Status& why) override { unreachable_ = why; }

  std::unique_ptr<UdpSocket> Bind(const std::string& host,
                                  const UdpOptions& options = UdpOptions()) {
    auto socket = UdpSocket::Bind(reactor_, *SocketAddress::ParseHost(host, Port(0)), options);
    EXPECT_TRUE(socket.ok()) << socket.status().ToString();
    (*socket)->SetObserver(this);
    return std::move(*socket);
  }
  std::unique_ptr<UdpSocket> ConnectTo(const SocketAddress& remote) {
    auto socket = UdpSocket::Connect(reactor_, remote, UdpOptions());
    EXPECT_TRUE(socket.ok()) << socket.status().ToString();
    return std::move(*socket);
  }
  bool Received(size_t count) {
    return RunUntil([&] { return received_.size() >= count; });
  }

  SocketAddress last_from_;
  std::vector<std::string> received_;
  std::map<uint64_t, size_t> received_in_turn_;
  std::optional<Status> unreachable_;
  std::function<void()> on_datagram_;
};

ByteSpan Text(std::string_view text) { return ByteSpan(text); }

TEST_F(UdpSocketTest, CarriesDatagramsAndAnswers) {
  const auto server = Bind("127.0.0.1");
  const auto client = ConnectTo(server->local_address());
  EXPECT_EQ(client->Send(Text("question")), UdpSendResult::kSent);
  ASSERT_TRUE(Received(1));
  EXPECT_EQ(last_from_, client->local_address());
  client->SetObserver(this);
  EXPECT_EQ(server->SendTo(last_from_, Text("answer")), UdpSendResult::kSent);
  ASSERT_TRUE(Received(2));
  EXPECT_THAT(received_, ElementsAre("question", "answer"));
  EXPECT_EQ(server->counters().received, 1u);
  EXPECT_EQ(server->counters().sent, 1u);
}

TEST_F(UdpSocketTest, CarriesTheEmptyAndTheLargest) {
  const auto server = Bind("127.0.0.1");
  const auto client = ConnectTo(server->local_address());
  const std::string largest(65507, 'x');  // 65535 less the headers of IPv4 and UDP
  EXPECT_EQ(client->Send(ByteSpan()), UdpSendResult::kSent);
  EXPECT_EQ(client->Send(Text(largest)), UdpSendResult::kSent);
  EXPECT_EQ(client->Send(Text(largest + "x")), UdpSendResult::kTooLarge);
  EXPECT_EQ(client->counters().send_too_large, 1u);
  ASSERT_TRUE(Received(2));
  EXPECT_THAT(received_, ElementsAre("", largest));
}

TEST_F(UdpSocketTest, ReceivesABoundedBatchATurn) {
  const auto server = Bind("127.0.0.1");
  const auto client = ConnectTo(server->local_address());
  for (int i = 0; i < 200; ++i) ASSERT_EQ(client->Send(Text("x")), UdpSendResult::kSent);
  ASSERT_TRUE(Received(200));
  EXPECT_GE(received_in_turn_.size(), 4u);
  for (const auto& [turn, count] : received_in_turn_) EXPECT_LE(count, kDatagramsPerTurn);
}

class JoinedDatagramsTest : public UdpSocketTest, public testing::WithParamInterface<bool> {
 protected:
  static UdpOptions Options() {
    UdpOptions options;
    options.offload = GetParam();
    return options;
  }
};

INSTANTIATE_TEST_SUITE_P(WithAndWithoutOffload, JoinedDatagramsTest, testing::Bool());

TEST_P(JoinedDatagramsTest, ArriveOneByOne) {
  const auto server = Bind("127.0.0.1", Options());
  const auto client = ConnectTo(server->local_address());
  ASSERT_EQ(client->SendRun(std::nullopt, Text("aaaabbbbcc"), 4), UdpSendResult::kSent);
  ASSERT_EQ(client->Send(Text("alone")), UdpSendResult::kSent);
  ASSERT_TRUE(Received(4));
  EXPECT_THAT(received_, ElementsAre("aaaa", "bbbb", "cc", "alone"));
  EXPECT_EQ(server->counters().received, 4u);
}

TEST_P(JoinedDatagramsTest, WaitInOrderFromWhereTheObserverPauses) {
  const auto server = Bind("127.0.0.1", Options());
  const auto client = ConnectTo(server->local_address());
  on_datagram_ = [&] { server->PauseReceiving(); };
  ASSERT_EQ(client->SendRun(std::nullopt, Text("aaaabbbbcc"), 4), UdpSendResult::kSent);
  ASSERT_TRUE(Received(1));
  EXPECT_THAT(received_, ElementsAre("aaaa"));
  on_datagram_ = nullptr;
  server->ResumeReceiving();
  ASSERT_TRUE(Received(3));
  EXPECT_THAT(received_, ElementsAre("aaaa", "bbbb", "cc"));
}

TEST_F(UdpSocketTest, PauseInTheCallbackStopsTheBatch) {
  const auto server = Bind("127.0.0.1");
  const auto client = ConnectTo(server->local_address());
  on_datagram_ = [&] { server->PauseReceiving(); };
  for (int i = 0; i < 3; ++i) ASSERT_EQ(client->Send(Text("x")), UdpSendResult::kSent);
  ASSERT_TRUE(Received(1));
  EXPECT_LE(TurnsWithin(milliseconds(10)), 2u);
  EXPECT_EQ(received_.size(), 1u);
  server->ResumeReceiving();
  EXPECT_TRUE(Received(2));
}

TEST_F(UdpSocketTest, WhatCameWithTheLastOneWaitsInOrder) {
  const auto server = Bind("127.0.0.1");
  const auto client = ConnectTo(server->local_address());
  on_datagram_ = [&] {
    if (received_.size() % 2 == 1) server->PauseReceiving();
  };
  for (const char* text : {"1", "2", "3", "4"}) {
    ASSERT_EQ(client->Send(Text(text)), UdpSendResult::kSent);
  }
  ASSERT_TRUE(Received(1));
  ASSERT_EQ(client->Send(Text("5")), UdpSendResult::kSent);
  EXPECT_LE(TurnsWithin(milliseconds(5)), 2u);
  server->ResumeReceiving();
  ASSERT_TRUE(Received(3));
  EXPECT_LE(TurnsWithin(milliseconds(5)), 2u);
  EXPECT_EQ(received_.size(), 3u);
  server->SetObserver(nullptr);
  server->ResumeReceiving();
  server->SetObserver(this);
  ASSERT_TRUE(Received(5));
  EXPECT_THAT(received_, ElementsAre("1", "2", "3", "4", "5"));
}

TEST_F(UdpSocketTest, DatagramsWaitForAnObserver) {
  const auto server = Bind("127.0.0.1");
  server->SetObserver(nullptr);
  const auto client = ConnectTo(server->local_address());
  ASSERT_EQ(client->Send(Text("x")), UdpSendResult::kSent);
  EXPECT_LE(TurnsWithin(milliseconds(10)), 2u);
  server->SetObserver(this);
  EXPECT_TRUE(Received(1));
}

TEST_F(UdpSocketTest, AbsentPeerIsReportedAndMayComeBack) {
  UniqueFd peer = BindUdpRaw("127.0.0.1");
  const SocketAddress address = LocalAddressOf(peer.get());
  peer.Close();
  const auto client = ConnectTo(address);
  client->SetObserver(this);
  ASSERT_EQ(client->Send(Text("lost")), UdpSendResult::kSent);
  ASSERT_TRUE(RunUntil([&] { return unreachable_.has_value(); }));
  EXPECT_EQ(unreachable_->code(), StatusCode::kUnavailable);
  EXPECT_LE(TurnsWithin(milliseconds(10)), 2u);

  // The news of a second loss does not cost the datagram that goes to the peer when it is back.
  ASSERT_EQ(client->Send(Text("lost as well")), UdpSendResult::kSent);
  auto back = UdpSocket::Bind(reactor_, address, UdpOptions());
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  (*back)->SetObserver(this);
  EXPECT_EQ(client->Send(Text("here")), UdpSendResult::kSent);
  ASSERT_TRUE(Received(1));
  EXPECT_THAT(received_, ElementsAre("here"));
  EXPECT_GE(client->counters().peer_errors, 2u);
}

TEST_F(UdpSocketTest, PausedSocketDoesNotSpinOnPeerErrors) {
  UniqueFd peer = BindUdpRaw("127.0.0.1");
  const auto client = ConnectTo(LocalAddressOf(peer.get()));
  peer.Close();
  client->SetObserver(this);
  client->PauseReceiving();
  ASSERT_EQ(client->Send(Text("lost")), UdpSendResult::kSent);
  EXPECT_LE(TurnsWithin(milliseconds(10)), 2u);
}

TEST_F(UdpSocketTest, EverySocketOfLocalhostAnswers) {
  auto sockets = UdpSocket::Listen(reactor_, {"localhost", Port(0)}, UdpOptions());
  ASSERT_TRUE(sockets.ok()) << sockets.status().ToString();
  ASSERT_EQ(sockets->size(), HasLoopback6() ? 2u : 1u);
  for (const auto& socket : *sockets) {
    EXPECT_EQ(socket->local_address().port(), sockets->front()->local_address().port());
    socket->SetObserver(this);
    const auto client = ConnectTo(socket->local_address());
    received_.clear();
    ASSERT_EQ(client->Send(Text("x")), UdpSendResult::kSent);
    ASSERT_TRUE(Received(1));
  }
}

TEST_F(UdpSocketTest, OneSocketServesEveryInterface) {
  auto sockets = UdpSocket::Listen(reactor_, {"", Port(0)}, UdpOptions());
  ASSERT_TRUE(sockets.ok()) << sockets.status().ToString();
  ASSERT_EQ(sockets->size(), 1u);
  UdpSocket& server = *sockets->front();
  server.SetObserver(this);
  std::vector<std::string> hosts = {"127.0.0.1"};
  if (HasLoopback6()) hosts.emplace_back("::1");
  for (const auto& host : hosts) {
    const auto client = ConnectTo(*SocketAddress::ParseHost(host, server.local_address().port()));
    received_.clear();
    ASSERT_EQ(client->Send(Text("question")), UdpSendResult::kSent);
    ASSERT_TRUE(Received(1));
    EXPECT_EQ(last_from_, client->local_address());
    client->SetObserver(this);
    EXPECT_EQ(server.SendTo(last_from_, Text("answer")), UdpSendResult::kSent);
    ASSERT_TRUE(Received(2)) << host;
  }
}

TEST_F(UdpSocketTest, TakenPortIsNotShared) {
  const auto first = Bind("127.0.0.1");
  EXPECT_FALSE(UdpSocket::Bind(reactor_, first->local_address(), UdpOptions()).ok());
}

TEST_F(UdpSocketTest, MayBeHandedAwayInItsOwnCallback) {
  auto server = Bind("127.0.0.1");
  const auto client = ConnectTo(server->local_address());
  on_datagram_ = [&] {
    server->SetObserver(nullptr);
    reactor_.DeferDelete(std::move(server));
  };
  for (int i = 0; i < 3; ++i) ASSERT_EQ(client->Send(Text("x")), UdpSendResult::kSent);
  ASSERT_TRUE(Received(1));
  TurnsWithin(milliseconds(5));
  EXPECT_EQ(received_.size(), 1u);
}

}  // namespace
}  // namespace ming::net
