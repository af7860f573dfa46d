// Server-reflexive candidates from several STUN servers, of which some never answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "ming/base/byte_io.h"
#include "ming/net/udp_socket.h"

#include "ice_world.h"

namespace ming::ice {
namespace {

constexpr char kV4[] = "127.0.0.1";
constexpr char kV6[] = "::1";

// Answers Binding requests with a mapped address of its own choice, or not at all.
class FakeStunServer final : private net::UdpSocket::Observer {
 public:
  enum class Mode { kAnswers, kSilent };

  FakeStunServer(net::Reactor& reactor, Mode mode, uint8_t last_byte, const char* at = kV4)
      : socket_(net::UdpSocket::Bind(reactor, net::SocketAddress(IpAddress::Parse(at).value()), {})
                    .value()),
        mode_(mode),
        last_byte_(last_byte) {
    socket_->SetObserver(this);
  }

  codec::IceServer AsServer() const {
    codec::IceServer server;
    server.address = {socket_->local_address().ip().ToString(), socket_->local_address().port()};
    return server;
  }
  size_t requests() const { return requests_; }

 private:
  void OnDatagram(const net::SocketAddress& from, ByteSpan request) override {
    if (request.size() < 20 || request[0] != 0 || request[1] != 1) return;
    ++requests_;
    if (mode_ == Mode::kSilent) return;
    ByteBuffer response;
    ByteWriter writer(response);
    const bool v4 = from.ip().is_v4();
    writer.WriteU16(0x0101);
    writer.WriteU16(v4 ? 12 : 24);
    writer.WriteBytes(request.Skip(4).First(16));
    writer.WriteU16(0x0001);  // MAPPED-ADDRESS: the requests have no magic cookie
    writer.WriteU16(v4 ? 8 : 20);
    writer.WriteU16(v4 ? 1 : 2);
    writer.WriteU16(4444);
    if (v4) {
      writer.WriteU32(0xCB007100u | last_byte_);  // 203.0.113.x
    } else {
      for (const uint32_t word : {0x20010DB8u, 0u, 0u, uint32_t{last_byte_}}) writer.WriteU32(word);
    }
    socket_->SendTo(from, response);
  }
  void OnSendReady() override {}
  void OnPeerUnreachable(const Status& /*why*/) override {}

  std::unique_ptr<net::UdpSocket> socket_;
  Mode mode_;
  uint8_t last_byte_;
  size_t requests_ = 0;
};

class IceStunTest : public DescriptorCheck {};

TEST_F(IceStunTest, TheFirstServerThatAnswersGivesTheReflexiveCandidate) {
  Loop loop;
  FakeStunServer silent(loop.reactor, FakeStunServer::Mode::kSilent, 1);
  FakeStunServer answering(loop.reactor, FakeStunServer::Mode::kAnswers, 9);
  codec::IceServer unknown;
  unknown.address = {"name..invalid", Port(3478)};
  IceOptions options;
  options.interfaces = {"lo"};
  options.servers = {unknown, silent.AsServer(), answering.AsServer()};
  TestAgent agent(loop, options, IceRole::kControlling);
  ASSERT_TRUE(agent.agent->Start().ok());
  // Nothing of servers holds up the host candidates.
  ASSERT_FALSE(agent.agent->local_candidates().empty());
  ASSERT_TRUE(loop.RunUntil([&] { return !agent.trickled.empty(); }));
  EXPECT_EQ(agent.trickled[0].type, codec::CandidateType::kServerReflexive);
  EXPECT_EQ(agent.trickled[0].address, "203.0.113.9");
  EXPECT_EQ(agent.trickled[0].port, Port(4444));
  EXPECT_GE(silent.requests(), 1u);
  ASSERT_TRUE(loop.RunUntil([&] { return agent.done; }));
  agent.agent->Close();
  EXPECT_TRUE(loop.RunUntil([&] { return agent.closed; }));
}

TEST_F(IceStunTest, SilentServersEndTheGatheringAllTheSame) {
  Loop loop;
  FakeStunServer silent(loop.reactor, FakeStunServer::Mode::kSilent, 1);
  IceOptions options;
  options.interfaces = {"lo"};
  options.servers = {silent.AsServer()};
  AgentPair pair(loop, options);
  EXPECT_TRUE(pair.Connect(loop));
  EXPECT_TRUE(loop.RunUntil([&] { return pair.a.done && pair.b.done; }));
  EXPECT_TRUE(pair.a.trickled.empty());
  pair.Close(loop);
}

TEST_F(IceStunTest, EachFamilyAsksTheServersOfItsOwn) {
  Loop loop;
  FakeStunServer v4(loop.reactor, FakeStunServer::Mode::kAnswers, 9);
  FakeStunServer v6(loop.reactor, FakeStunServer::Mode::kAnswers, 9, kV6);
  IceOptions options = Loopback();
  options.servers = {v4.AsServer(), v6.AsServer()};
  TestAgent agent(loop, options, IceRole::kControlling);
  ASSERT_TRUE(agent.agent->Start().ok());
  ASSERT_TRUE(loop.RunUntil([&] { return agent.done; }));
  std::vector<std::string> addresses;
  for (const codec::IceCandidate& candidate : agent.trickled) {
    EXPECT_EQ(candidate.type, codec::CandidateType::kServerReflexive);
    addresses.push_back(candidate.address);
  }
  EXPECT_THAT(addresses, ::testing::UnorderedElementsAre("203.0.113.9", "2001:db8::9"));
}

TEST_F(IceStunTest, AReflexiveCandidateOfTwoServersIsTold) {
  Loop loop;
  FakeStunServer first(loop.reactor, FakeStunServer::Mode::kAnswers, 8);
  FakeStunServer second(loop.reactor, FakeStunServer::Mode::kAnswers, 9);
  IceOptions options;
  options.interfaces = {"lo"};
  options.servers = {first.AsServer(), second.AsServer()};
  TestAgent agent(loop, options, IceRole::kControlling);
  ASSERT_TRUE(agent.agent->Start().ok());
  ASSERT_TRUE(loop.RunUntil([&] { return agent.done; }));
  EXPECT_EQ(agent.trickled.size(), 1u);
  EXPECT_GE(first.requests(), 1u);
  EXPECT_GE(second.requests(), 1u);
}

}  // namespace
}  // namespace ming::ice
