#include "ming/ice/ice_agent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <filesystem>
#include <string>
#include <vector>

#include "ming/net/datagram_batch.h"
#include "ming/net/udp_socket.h"

#include "ice_world.h"

namespace ming::ice {
namespace {

using ::testing::Contains;
using ::testing::Not;

std::vector<uint8_t> DtlsLike(uint8_t mark, size_t body) {
  std::vector<uint8_t> record = {22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  record[11] = static_cast<uint8_t>(body >> 8);
  record[12] = static_cast<uint8_t>(body);
  record.resize(13 + body, mark);
  return record;
}

// Bytes of the datagram that waits in this process's socket at `local`; 0: none.
int WaitingAt(const net::SocketAddress& local) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int fd = std::stoi(entry.path().filename());
    sockaddr_storage bound{};
    socklen_t size = sizeof(bound);
    if (getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0) continue;
    if (bound.ss_family != AF_INET && bound.ss_family != AF_INET6) continue;
    if (!(net::SocketAddress::FromKernel(bound) == local)) continue;
    int waiting = 0;
    EXPECT_EQ(ioctl(fd, FIONREAD, &waiting), 0);
    return waiting;
  }
  ADD_FAILURE() << "no socket at " << local;
  return 0;
}

class IceAgentTest : public DescriptorCheck {};

const ::testing::Environment* const kWarmUp =
    ::testing::AddGlobalTestEnvironment(new WarmUp);  // googletest owns it

TEST_F(IceAgentTest, ConnectsOnAMachineThatHasOnlyLoopback) {
  Loop loop;
  AgentPair pair(loop, Loopback());
  pair.Start();
  ASSERT_FALSE(pair.a.agent->local_candidates().empty());
  EXPECT_EQ(pair.a.agent->local_candidates()[0].address, "127.0.0.1");
  pair.Exchange();
  ASSERT_TRUE(loop.RunUntil([&] { return pair.connected(); }));
  EXPECT_EQ(pair.a.agent->selected_pair()->Describe(), "direct udp");
  EXPECT_TRUE(pair.a.agent->selected_pair()->remote.ip().IsLoopback());
  pair.Close(loop);
}

TEST_F(IceAgentTest, CarriesDatagramsInOrder) {
  Loop loop;
  AgentPair pair(loop, Loopback());
  ASSERT_TRUE(pair.Connect(loop));
  std::vector<std::vector<uint8_t>> sent;
  for (size_t i = 0; i < 200; ++i) {
    sent.push_back(DtlsLike(static_cast<uint8_t>(i), 100 + (i % 7) * (i % 3) * 100));
    pair.a.agent->SendDatagram(sent.back());
  }
  ASSERT_TRUE(loop.RunUntil([&] { return pair.b.received.size() == sent.size(); }));
  EXPECT_EQ(pair.b.received, sent);
  EXPECT_EQ(pair.a.agent->stats().datagrams_sent, 200u);
  EXPECT_EQ(pair.b.agent->stats().datagrams_received, 200u);
  EXPECT_EQ(pair.a.agent->stats().datagrams_dropped, 0u);
  pair.Close(loop);
}

TEST_F(IceAgentTest, AFullRunLeavesBeforeTheTurnEnds) {
  Loop loop;
  AgentPair pair(loop, Loopback());
  ASSERT_TRUE(pair.Connect(loop));
  const net::SocketAddress to = pair.a.agent->selected_pair()->remote;
  ASSERT_TRUE(loop.RunUntil([&] { return WaitingAt(to) == 0; }));
  constexpr size_t kOfARun = net::DatagramBatch::kMaxRunBytes / 1200;
  for (size_t i = 0; i < kOfARun; ++i) pair.a.agent->SendDatagram(DtlsLike(1, 1187));
  EXPECT_EQ(WaitingAt(to), 0);
  pair.a.agent->SendDatagram(DtlsLike(1, 1187));
  EXPECT_GT(WaitingAt(to), 0);
  ASSERT_TRUE(loop.RunUntil([&] { return pair.b.received.size() == kOfARun + 1; }));
  pair.Close(loop);
}

TEST_F(IceAgentTest, DropsDatagramsOfStrangers) {
  Loop loop;
  AgentPair pair(loop, Loopback());
  ASSERT_TRUE(pair.Connect(loop));
  {
    const net::SocketAddress target = pair.b.agent->selected_pair()->local;
    auto stranger = net::UdpSocket::Bind(loop.reactor, target.WithPort(Port()), {});
    ASSERT_TRUE(stranger.ok());
    ASSERT_EQ((*stranger)->SendTo(target, DtlsLike(66, 50)), net::UdpSendResult::kSent);
    // Sent later, so it would be received later.
    pair.a.agent->SendDatagram(DtlsLike(1, 50));
    ASSERT_TRUE(loop.RunUntil([&] { return !pair.b.received.empty(); }));
  }
  EXPECT_THAT(pair.b.received, Contains(DtlsLike(1, 50)));
  EXPECT_THAT(pair.b.received, Not(Contains(DtlsLike(66, 50))));
  pair.Close(loop);
}

TEST_F(IceAgentTest, TakesCandidatesBeforeAndAfterCredentials) {
  Loop loop;
  AgentPair pair(loop, Loopback());
  pair.Start();
  for (const codec::IceCandidate& candidate : pair.b.agent->local_candidates()) {
    EXPECT_TRUE(pair.a.agent->AddRemoteCandidate(candidate).ok());
  }
  pair.a.agent->SetRemoteCredentials(pair.b.agent->local_credentials());
  pair.b.agent->SetRemoteCredentials(pair.a.agent->local_credentials());
  ASSERT_TRUE(loop.RunUntil([&] { return pair.connected(); }));
  pair.Close(loop);
}

// The pace keeps checks apart; there is nothing to keep the first one away from.
TEST_F(IceAgentTest, TheFirstCheckDoesNotWaitForThePace) {
  Loop loop;
  IceOptions options = Loopback();
  options.pacing = std::chrono::seconds(1);
  AgentPair pair(loop, options);
  pair.Start();
  pair.Exchange();
  const Timestamp begin = loop.reactor.Now();
  ASSERT_TRUE(loop.RunUntil([&] { return pair.connected(); }));
  EXPECT_LT(loop.reactor.Now() - begin, options.pacing);
}

TEST_F(IceAgentTest, RefusesCandidatesThatMustNotReachTheEngine) {
  Loop loop;
  IceOptions options = Loopback();
  options.max_remote_candidates = 2;
  AgentPair pair(loop, options);
  pair.Start();
  IceAgent& agent = *pair.a.agent;
  codec::IceCandidate good = pair.b.agent->local_candidates()[0];
  codec::IceCandidate name = good;
  name.address = "d7e9a1f2-0000-4000-8000-000000000000.local";
  EXPECT_EQ(agent.AddRemoteCandidate(name).code(), StatusCode::kUnsupported);
  codec::IceCandidate component = good;
  component.component = 2;
  EXPECT_EQ(agent.AddRemoteCandidate(component).code(), StatusCode::kUnsupported);
  codec::IceCandidate multicast = good;
  multicast.address = "224.0.0.1";
  EXPECT_EQ(agent.AddRemoteCandidate(multicast).code(), StatusCode::kMalformed);
  EXPECT_TRUE(agent.AddRemoteCandidate(good).ok());
  EXPECT_TRUE(agent.AddRemoteCandidate(good).ok());
  EXPECT_EQ(agent.AddRemoteCandidate(good).code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(agent.stats().candidates_refused, 4u);
  pair.Close(loop);
}

TEST_F(IceAgentTest, UsesThePortRange) {
  Loop loop;
  auto probe = net::UdpSocket::Bind(loop.reactor,
                                    net::SocketAddress(IpAddress::Parse("127.0.0.1").value()), {});
  ASSERT_TRUE(probe.ok());
  const Port taken = (*probe)->local_address().port();
  IceOptions options = Loopback();
  options.ports = PortRange{taken, taken};
  TestAgent blocked(loop, options, IceRole::kControlling);
  // Its IPv4 address has no free port; an IPv6 one may have.
  const Status status = blocked.agent->Start();
  for (const codec::IceCandidate& candidate : blocked.agent->local_candidates()) {
    EXPECT_NE(candidate.address, "127.0.0.1");
  }
  probe->reset();
  TestAgent free(loop, options, IceRole::kControlling);
  ASSERT_TRUE(free.agent->Start().ok());
  EXPECT_EQ(free.agent->local_candidates()[0].port, taken);
}

TEST_F(IceAgentTest, SaysThatThereIsNoSuchInterface) {
  Loop loop;
  IceOptions options;
  options.interfaces = {"no-such-interface"};
  TestAgent agent(loop, options, IceRole::kControlling);
  EXPECT_EQ(agent.agent->Start().code(), StatusCode::kUnavailable);
}

TEST_F(IceAgentTest, MayBeDestroyedAtAnyTime) {
  Loop loop;
  { TestAgent idle(loop, Loopback(), IceRole::kControlling); }
  {
    AgentPair gathering(loop, Loopback());
    gathering.Start();
    gathering.Exchange();
  }
  const size_t before = OpenDescriptors();
  auto pair = std::make_unique<AgentPair>(loop, Loopback());
  pair->Start();
  pair->Exchange();
  ASSERT_TRUE(loop.RunUntil([&] { return pair->connected(); }));
  pair->a.agent->SendDatagram(DtlsLike(1, 10));
  pair->a.agent->Close();
  pair.reset();
  // The one that was closing lets go of its sockets from the loop.
  EXPECT_TRUE(loop.RunUntil([&] { return OpenDescriptors() == before; }));
}

}  // namespace
}  // namespace ming::ice
