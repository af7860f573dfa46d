// Connections that may use TURN relays only, against a real server.
#include <gtest/gtest.h>

#include <string>

#include "coturn.h"
#include "peer_world.h"

namespace ming::webrtc {
namespace {

std::string NameOf(codec::IceServerTransport transport) {
  switch (transport) {
    case codec::IceServerTransport::kUdp:
      return "udp";
    case codec::IceServerTransport::kTcp:
      return "tcp";
    case codec::IceServerTransport::kTls:
      return "tls";
  }
  return "";
}

class RelayTest : public DescriptorCheck,
                  public ::testing::WithParamInterface<codec::IceServerTransport> {};

TEST_P(RelayTest, ConnectsThroughTheRelayAlone) {
  Loop loop;
  const std::unique_ptr<Coturn> turn = Coturn::Start(loop.reactor, loop.resolver);
  if (!turn) GTEST_SKIP() << "needs /usr/bin/turnserver (coturn) and /usr/bin/openssl";
  PeerConnectionOptions options = LoopbackOptions();
  options.ice.policy = ice::CandidatePolicy::kRelayOnly;
  options.ice.servers = {turn->Server(GetParam())};
  const ByteBuffer certificate = ByteBuffer::CopyOf(turn->certificate());
  options.turn_trust = tls::TlsTrust::FromPem(certificate).value();
  PeerPair pair(loop, options);
  std::string offer;
  pair.Negotiate(PeerConnection::OfferKind::kFirst, [&offer](std::string sdp) {
    offer = sdp;
    return sdp;
  });
  EXPECT_EQ(offer.find("typ host"), std::string::npos) << offer;
  ASSERT_TRUE(loop.RunUntil([&] { return pair.connected(); }));
  EXPECT_EQ(pair.a.connection->GetStats().path, "relayed " + NameOf(GetParam()));
  auto [from, to] = pair.OpenBoth("x");
  constexpr size_t kMessages = 200;
  const std::vector<uint8_t> message(16384, 7);
  size_t sent = 0;
  const auto push = [&sent, &message, f = from] {
    while (sent < kMessages &&
           f->channel->Send(link::MessageKind::kBinary, message) == link::SendResult::kAccepted) {
      ++sent;
    }
  };
  from->on_send_ready = push;
  to->on_message = [](const ByteBuffer&) {};
  push();
  EXPECT_TRUE(loop.RunUntil([t = to] { return t->count == kMessages; }, std::chrono::seconds(60)));
  pair.Close();
}

class TurnTrustTest : public DescriptorCheck {};

TEST_F(TurnTrustTest, AServerWithAnUnknownCertificateGivesNoRelay) {
  Loop loop;
  const std::unique_ptr<Coturn> turn = Coturn::Start(loop.reactor, loop.resolver);
  if (!turn) GTEST_SKIP() << "needs /usr/bin/turnserver (coturn) and /usr/bin/openssl";
  PeerConnectionOptions options = LoopbackOptions();
  options.ice.policy = ice::CandidatePolicy::kRelayOnly;
  options.ice.servers = {turn->Server(codec::IceServerTransport::kTls)};
  const ByteBuffer other =
      ByteBuffer::CopyOf(tls::Certificate::SelfSigned("localhost").value()->pem());
  options.turn_trust = tls::TlsTrust::FromPem(other).value();
  TestPeer peer(loop, options);
  ASSERT_TRUE(peer.connection->CreateOffer(PeerConnection::OfferKind::kFirst).ok());
  ASSERT_TRUE(loop.RunUntil([&] { return !peer.candidates.empty(); }, std::chrono::seconds(20)));
  EXPECT_EQ(peer.candidates.front(), "") << "gathering ends with nothing";
  peer.connection->Close();
  EXPECT_TRUE(loop.RunUntil([&] { return !peer.closed.empty(); }));
}

INSTANTIATE_TEST_SUITE_P(Transports, RelayTest,
                         ::testing::Values(codec::IceServerTransport::kUdp,
                                           codec::IceServerTransport::kTcp,
                                           codec::IceServerTransport::kTls),
                         [](const auto& test) { return NameOf(test.param); });

}  // namespace
}  // namespace ming::webrtc
