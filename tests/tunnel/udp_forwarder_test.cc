#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ming/net/udp_socket.h"
#include "ming/tunnel/udp_client_forwarder.h"
#include "ming/tunnel/udp_host_forwarder.h"

#include "forwarder_fixture.h"

namespace ming::tunnel {
namespace {

// Sends every datagram back to where it came from.
class EchoTarget final : private net::UdpSocket::Observer {
 public:
  EchoTarget(net::Reactor& reactor, Port port) {
    auto socket = net::UdpSocket::Bind(
        reactor, net::SocketAddress(*IpAddress::Parse("127.0.0.1"), port), net::UdpOptions());
    CHECK(socket.ok()) << socket.status().ToString();
    socket_ = std::move(*socket);
    socket_->SetObserver(this);
  }
  Port port() const { return socket_->local_address().port(); }
  size_t received() const { return received_; }

 private:
  void OnDatagram(const net::SocketAddress& from, ByteSpan datagram) override {
    ++received_;
    EXPECT_EQ(socket_->SendTo(from, datagram), net::UdpSendResult::kSent);
  }
  void OnSendReady() override {}
  void OnPeerUnreachable(const Status& /*why*/) override {}

  std::unique_ptr<net::UdpSocket> socket_;
  size_t received_ = 0;
};

// An application's socket; keeps what comes.
class Source final : private net::UdpSocket::Observer {
 public:
  Source(net::Reactor& reactor, const net::SocketAddress& where) {
    auto socket = net::UdpSocket::Connect(reactor, where, net::UdpOptions());
    CHECK(socket.ok()) << socket.status().ToString();
    socket_ = std::move(*socket);
    socket_->SetObserver(this);
  }
  void Send(const std::string& datagram) {
    EXPECT_EQ(socket_->Send(ByteSpan(datagram)), net::UdpSendResult::kSent);
  }
  const std::vector<std::string>& received() const { return received_; }

 private:
  void OnDatagram(const net::SocketAddress& /*from*/, ByteSpan datagram) override {
    received_.emplace_back(datagram.AsText());
  }
  void OnSendReady() override {}
  void OnPeerUnreachable(const Status& /*why*/) override {}

  std::unique_ptr<net::UdpSocket> socket_;
  std::vector<std::string> received_;
};

class UdpForwarderTest : public ForwarderFixture {
 protected:
  UdpForwarderTest() : target_(std::make_unique<EchoTarget>(reactor_, Port(0))) {
    client_options_.local = HostPort{"127.0.0.1", Port(0)};
    host_options_.remote = HostPort{"127.0.0.1", target_->port()};
  }

  void Start() {
    auto client = UdpClientForwarder::Create(reactor_, client_options_);
    ASSERT_TRUE(client.ok()) << client.status().ToString();
    client_ = std::move(*client);
    host_ = std::make_unique<UdpHostForwarder>(reactor_, resolver_, host_options_);
  }
  Source& NewSource() {
    sources_.push_back(std::make_unique<Source>(reactor_, ClientAddress()));
    return *sources_.back();
  }

  UdpClientForwarderOptions client_options_;
  UdpHostForwarderOptions host_options_;
  std::unique_ptr<EchoTarget> target_;
  std::vector<std::unique_ptr<Source>> sources_;
};

TEST_F(UdpForwarderTest, HundredSourcesGetTheirOwnEchoes) {
  Start();
  SetPath();
  for (int i = 0; i < 100; ++i) NewSource().Send("hello from " + std::to_string(i));
  ASSERT_TRUE(RunUntil([&] {
    for (const auto& source : sources_) {
      if (source->received().empty()) return false;
    }
    return true;
  }));
  for (size_t i = 0; i < sources_.size(); ++i) {
    EXPECT_EQ(sources_[i]->received(), std::vector<std::string>{"hello from " + std::to_string(i)});
  }
  EXPECT_EQ(client_->counters().active, 100U);
  EXPECT_EQ(client_->counters().datagrams_to_peer, 100U);
  EXPECT_EQ(host_->counters().datagrams_from_peer, 100U);
  EXPECT_EQ(last_label_, "tunnel-udp");
}

TEST_F(UdpForwarderTest, DatagramsKeepTheirBoundariesUpToTheLimit) {
  Start();
  SetPath();
  Source& source = NewSource();
  for (const size_t size : {size_t{0}, size_t{1}, size_t{1200}, size_t{16384}})
    source.Send(std::string(size, 'x'));
  source.Send(std::string(16385, 'y'));
  source.Send("after");
  ASSERT_TRUE(RunUntil([&] { return source.received().size() == 5; }));
  EXPECT_EQ(source.received()[0].size(), 0U);
  EXPECT_EQ(source.received()[1].size(), 1U);
  EXPECT_EQ(source.received()[2].size(), 1200U);
  EXPECT_EQ(source.received()[3].size(), 16384U);
  EXPECT_EQ(source.received()[4], "after");
  EXPECT_EQ(client_->counters().dropped_oversize, 1U);
}

TEST_F(UdpForwarderTest, IdleFlowsExpireAtBothEndsAndComeBack) {
  client_options_.flows.idle_timeout = std::chrono::milliseconds(40);
  host_options_.flows.idle_timeout = std::chrono::milliseconds(40);
  Start();
  SetPath();
  Source& source = NewSource();
  source.Send("one");
  ASSERT_TRUE(RunUntil([&] { return source.received().size() == 1; }));
  ASSERT_TRUE(RunUntil([&] {
    return client_->counters().active == 0 && host_->counters().active == 0 &&
           channels_.pair_count() == 0;
  }));
  EXPECT_EQ(client_->counters().completed, 1U);
  source.Send("two");
  ASSERT_TRUE(RunUntil([&] { return source.received().size() == 2; }));
  EXPECT_EQ(client_->counters().opened, 2U);
}

TEST_F(UdpForwarderTest, ChannelClosedByTheHostIsOpenedAgain) {
  host_options_.flows.idle_timeout = std::chrono::milliseconds(20);
  Start();
  SetPath();
  Source& source = NewSource();
  source.Send("one");
  ASSERT_TRUE(RunUntil([&] { return source.received().size() == 1; }));
  ASSERT_TRUE(RunUntil([&] { return client_->counters().active == 0; }));
  source.Send("two");
  ASSERT_TRUE(RunUntil([&] { return source.received().size() == 2; }));
  EXPECT_EQ(client_->counters().opened, 1U) << "the same flow";
}

TEST_F(UdpForwarderTest, DatagramsWithoutAPathWaitInABoundedQueue) {
  client_options_.max_queued_datagrams = 3;
  Start();
  Source& source = NewSource();
  for (int i = 0; i < 5; ++i) source.Send(std::to_string(i));
  ASSERT_TRUE(RunUntil([&] { return client_->counters().dropped_no_path == 2; }));
  EXPECT_EQ(client_->counters().waiting, 1U);
  SetPath();
  ASSERT_TRUE(RunUntil([&] { return source.received().size() == 3; }));
  EXPECT_EQ(source.received(), (std::vector<std::string>{"0", "1", "2"}));
}

TEST_F(UdpForwarderTest, QueueBytesAreBoundedOverAllFlows) {
  client_options_.max_queued_bytes = 1000;
  Start();
  NewSource().Send(std::string(600, 'a'));
  NewSource().Send(std::string(600, 'b'));
  NewSource().Send(std::string(400, 'c'));
  ASSERT_TRUE(RunUntil([&] { return client_->counters().opened == 3; }));
  EXPECT_EQ(client_->counters().dropped_no_path, 1U);
}

TEST_F(UdpForwarderTest, LostPathKeepsTheFlowForTheNextOne) {
  Start();
  SetPath();
  Source& source = NewSource();
  source.Send("one");
  ASSERT_TRUE(RunUntil([&] { return source.received().size() == 1; }));
  client_->ClearPath(Status(StatusCode::kTimeout, "path lost"));
  channels_.FailAll(Status(StatusCode::kTimeout, "path lost"));
  source.Send("two");
  ASSERT_TRUE(RunUntil([&] { return client_->counters().waiting == 1; }));
  SetPath();
  ASSERT_TRUE(RunUntil([&] { return source.received().size() == 2; }));
  EXPECT_EQ(client_->counters().opened, 1U);
}

TEST_F(UdpForwarderTest, FlowSurvivesATargetThatIsAwayForAWhile) {
  Start();
  SetPath();
  const Port port = target_->port();
  target_.reset();
  Source& source = NewSource();
  source.Send("lost");
  ASSERT_TRUE(RunUntil([&] { return host_->counters().dropped_unreachable > 0; }));
  target_ = std::make_unique<EchoTarget>(reactor_, port);
  source.Send("found");
  ASSERT_TRUE(RunUntil([&] { return source.received().size() == 1; }));
  EXPECT_EQ(source.received()[0], "found");
  EXPECT_EQ(host_->counters().opened, 1U);
}

TEST_F(UdpForwarderTest, OneFlowMoreThanMayBeIsDropped) {
  client_options_.flows.max_flows = 2;
  Start();
  SetPath();
  for (int i = 0; i < 3; ++i) NewSource().Send("x");
  ASSERT_TRUE(RunUntil([&] { return client_->counters().dropped_limit == 1; }));
  EXPECT_EQ(client_->counters().opened, 2U);
}

TEST_F(UdpForwarderTest, HostClosesChannelsBeyondItsLimit) {
  host_options_.flows.max_flows = 1;
  Start();
  SetPath();
  Source& first = NewSource();
  first.Send("x");
  ASSERT_TRUE(RunUntil([&] { return first.received().size() == 1; }));
  NewSource().Send("y");
  ASSERT_TRUE(RunUntil([&] { return host_->counters().refused == 1; }));
  ASSERT_TRUE(RunUntil([&] { return client_->counters().active == 1; }));
}

TEST_F(UdpForwarderTest, FullChannelDropsAndCounts) {
  support::FakeChannelOptions narrow;
  narrow.queue_bytes = 1000;
  channels_.set_options(narrow);
  Start();
  SetPath();
  Source& source = NewSource();
  source.Send("first");
  ASSERT_TRUE(RunUntil([&] { return source.received().size() == 1; }));
  for (int i = 0; i < 20; ++i) source.Send(std::string(900, 'x'));
  ASSERT_TRUE(RunUntil([&] {
    const ForwarderCounters counters = client_->counters();
    return counters.datagrams_to_peer + counters.dropped_backpressure == 21;
  }));
  EXPECT_GT(client_->counters().dropped_backpressure, 0U);
  EXPECT_GT(client_->counters().datagrams_to_peer, 1U);
}

TEST_F(UdpForwarderTest, LossyReorderingChannelsLoseOnlyWhatTheyLose) {
  support::FakeChannelOptions lossy;
  lossy.loss = 0.3;
  lossy.max_delay = std::chrono::milliseconds(5);
  channels_.set_options(lossy);
  Start();
  SetPath();
  Source& source = NewSource();
  for (int i = 0; i < 100; ++i) source.Send("datagram " + std::to_string(i));
  ASSERT_TRUE(RunUntil([&] { return source.received().size() >= 30; }));
  for (const std::string& datagram : source.received()) {
    EXPECT_EQ(datagram.rfind("datagram ", 0), 0U);
  }
}

TEST_F(UdpForwarderTest, UnknownTargetNameClosesTheChannel) {
  // A label that no name may have: it fails without a query.
  host_options_.remote = HostPort{std::string(64, 'a') + ".example", Port(9)};
  Start();
  SetPath();
  NewSource().Send("x");
  ASSERT_TRUE(RunUntil([&] { return host_->counters().refused == 1; }));
  ASSERT_TRUE(RunUntil([&] { return channels_.pair_count() == 0; }));
}

TEST_F(UdpForwarderTest, DrainClosesEveryFlow) {
  Start();
  SetPath();
  Source& source = NewSource();
  source.Send("one");
  ASSERT_TRUE(RunUntil([&] { return source.received().size() == 1; }));
  int drained = 0;
  client_->Drain(reactor_.Now() + kLimit, [&] { ++drained; });
  host_->Drain(reactor_.Now() + kLimit, [&] { ++drained; });
  ASSERT_TRUE(RunUntil([&] { return drained == 2 && channels_.pair_count() == 0; }));
  EXPECT_EQ(client_->counters().active + host_->counters().active, 0U);
}

TEST_F(UdpForwarderTest, TakenPortIsAnError) {
  Start();
  client_options_.local.port = ClientAddress().port();
  EXPECT_FALSE(UdpClientForwarder::Create(reactor_, client_options_).ok());
}

}  // namespace
}  // namespace ming::tunnel
