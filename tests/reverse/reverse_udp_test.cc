// Datagrams through a reverse tunnel.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ming/net/udp_socket.h"

#include "reverse_net_fixture.h"

namespace ming::reverse {
namespace {

using codec::ReverseReason;
using std::chrono::milliseconds;

// Answers every datagram with itself, and keeps what was answered to it.
class UdpEcho final : private net::UdpSocket::Observer {
 public:
  UdpEcho(std::unique_ptr<net::UdpSocket> socket, bool echoes)
      : socket_(std::move(socket)), echoes_(echoes) {
    socket_->SetObserver(this);
  }
  net::UdpSocket& socket() { return *socket_; }
  std::vector<std::string> received;

 private:
  void OnDatagram(const net::SocketAddress& from, ByteSpan datagram) override {
    received.emplace_back(datagram.AsText());
    if (echoes_) socket_->SendTo(from, datagram);
  }
  void OnSendReady() override {}
  void OnPeerUnreachable(const Status& /*why*/) override {}

  const std::unique_ptr<net::UdpSocket> socket_;
  const bool echoes_;
};

TEST_F(ReverseNetTest, CarriesDatagramsOfEverySource) {
  const net::SocketAddress any(*IpAddress::Parse("127.0.0.1"), Port(0));
  auto bound = net::UdpSocket::Bind(reactor_, any, {});
  ASSERT_TRUE(bound.ok());
  UdpEcho target(*std::move(bound), true);
  ReverseServerOptions server;
  server.core.udp = true;
  server.udp.idle_timeout = milliseconds(200);
  StartServer(server);
  ReverseClientOptions options = ClientOptions();
  options.core.udp = true;
  options.target = HostPort{"127.0.0.1", target.socket().local_address().port()};
  client_ = MakeClient(options);
  const net::SocketAddress a(*IpAddress::Parse("127.0.0.1"), server_->caller_port(0));
  std::vector<std::unique_ptr<UdpEcho>> callers;
  const std::string longest(65507, 'z');
  for (int i = 0; i < 3; ++i) {
    auto socket = net::UdpSocket::Connect(reactor_, a, {});
    ASSERT_TRUE(socket.ok());
    callers.push_back(std::make_unique<UdpEcho>(*std::move(socket), false));
    callers.back()->socket().Send(ByteSpan(std::string(1, static_cast<char>('a' + i))));
    callers.back()->socket().Send(ByteSpan(std::string()));
  }
  callers[0]->socket().Send(ByteSpan(longest));
  ASSERT_TRUE(RunUntil([&callers] {
    return callers[0]->received.size() == 3 && callers[1]->received.size() == 2 &&
           callers[2]->received.size() == 2;
  }));
  EXPECT_EQ(callers[0]->received, (std::vector<std::string>{"a", "", longest}));
  EXPECT_EQ(callers[2]->received, (std::vector<std::string>{"c", ""}));
  EXPECT_EQ(server_->counters().accepted, 3u);
  EXPECT_EQ(server_->counters().datagrams.in, 7u);
  ASSERT_TRUE(Quiet());  // idle flows end
  EXPECT_EQ(server_->counters().ended_for[static_cast<size_t>(ReverseReason::kDone)], 3u);
  EXPECT_EQ(server_->counters().bytes_in, 3 + longest.size());
}

}  // namespace
}  // namespace ming::reverse
