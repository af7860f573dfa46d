// Handshakes under loss. GnuTLS retransmits by its own clock, so these take real time.
#include <gtest/gtest.h>
#include <poll.h>

#include "dtls_pair.h"

namespace ming::tls {
namespace {

class DtlsLossTest : public DtlsPairTest, public testing::WithParamInterface<int> {
 protected:
  DtlsLossTest() {
    client_options.retransmit_after = std::chrono::milliseconds(20);
    server_options.retransmit_after = std::chrono::milliseconds(20);
  }
  void ReadClock() { now = Timestamp(std::chrono::steady_clock::now().time_since_epoch()); }
  // Turns by the sessions' own timers until both are connected.
  bool RunUntilConnected() {
    const Timestamp limit = now + std::chrono::seconds(20);
    while (!client.session->connected() || !server.session->connected()) {
      if (now >= limit || client.closed || server.closed) return false;
      const bool forth = Move(client, server);
      const bool back = Move(server, client);
      const Timestamp next =
          std::min({client.session->NextTimeout(), server.session->NextTimeout(), limit});
      if (!forth && !back && next > now) {
        poll(nullptr, 0,
             static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(next - now).count()));
      }
      ReadClock();
      if (client.session->NextTimeout() <= now) client.session->HandleTimeout(now);
      if (server.session->NextTimeout() <= now) server.session->HandleTimeout(now);
    }
    return true;
  }
};

// Loses the datagram with that number at each end, in turn every one of the handshake.
TEST_P(DtlsLossTest, EveryDatagramOfTheHandshakeMayGetLost) {
  int left_client = GetParam();
  int left_server = GetParam();
  client.filter = [&](ByteSpan) { return left_client-- != 0; };
  server.filter = [&](ByteSpan) { return left_server-- != 0; };
  client_options.handshake_mtu = server_options.handshake_mtu = 400;
  ReadClock();
  Start();
  ASSERT_TRUE(RunUntilConnected()) << (client.closed ? client.closed->ToString() : "");
  client.filter = nullptr;
  ASSERT_TRUE(client.session->Send(ByteSpan("through")).ok());
  Settle();
  EXPECT_EQ(server.records, std::vector<std::string>{"through"});
}

INSTANTIATE_TEST_SUITE_P(EachDatagram, DtlsLossTest, testing::Range(0, 6));

TEST_F(DtlsLossTest, TheFirstHellosMayGetLost) {
  int left = 3;
  client.filter = [&](ByteSpan) { return left-- <= 0; };
  ReadClock();
  const Timestamp begin = now;
  Start();
  ASSERT_TRUE(RunUntilConnected());
  EXPECT_GE(now - begin, std::chrono::milliseconds(100));
}

}  // namespace
}  // namespace ming::tls
