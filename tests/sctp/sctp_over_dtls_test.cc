// The stack of a data channel in memory: SCTP over DTLS over datagrams.
#include <gtest/gtest.h>

#include <deque>
#include <memory>

#include "ming/base/random.h"
#include "ming/tls/dtls_session.h"

#include "association_pair.h"

namespace ming::sctp {
namespace {

// One end: an association whose packets are the records of a DTLS session.
class Peer final : public tls::DtlsSession::Observer, public tls::DatagramSink, public PacketSink {
 public:
  Peer(tls::DtlsRole role, SctpStack& stack, const tls::Certificate& own,
       const tls::Certificate& other) {
    tls::DtlsOptions options;
    options.role = role;
    options.certificate = &own;
    options.peer_fingerprints = {other.fingerprint()};
    options.retransmit_after = std::chrono::milliseconds(50);
    dtls = std::make_unique<tls::DtlsSession>(options, *this, *this);
    SctpOptions sctp_options;
    sctp_options.rto_min = sctp_options.rto_initial = std::chrono::milliseconds(50);
    end.association = std::make_unique<SctpAssociation>(sctp_options, stack, end, *this);
  }

  void OnDtlsConnected() override { EXPECT_TRUE(end.association->Connect().ok()); }
  void OnDtlsRecord(ByteSpan record) override { end.association->HandlePacket(record); }
  void OnDtlsClosed(const Status& why) override { dtls_closed = why; }
  void SendPacket(ByteSpan packet) override {
    (void)dtls->Send(packet);  // lost where DTLS is not ready
  }
  void SendDatagram(ByteSpan datagram) override {
    EXPECT_LE(datagram.size(), 1200u);
    outbox.push_back(ByteBuffer::CopyOf(datagram));
  }

  std::deque<ByteBuffer> outbox;
  std::optional<Status> dtls_closed;
  AssociationEnd end;
  std::unique_ptr<tls::DtlsSession> dtls;
};

class SctpOverDtlsTest : public testing::TestWithParam<int> {
 public:
  SctpOverDtlsTest() : random(9) {
    const auto first = *tls::Certificate::SelfSigned("first");
    const auto second = *tls::Certificate::SelfSigned("second");
    a = std::make_unique<Peer>(tls::DtlsRole::kClient, stack, *first, *second);
    b = std::make_unique<Peer>(tls::DtlsRole::kServer, stack, *second, *first);
    certificates = {first, second};
    loop.SetPump([this] {
      const bool forth = Move(*a, *b);
      const bool back = Move(*b, *a);
      return forth || back;
    });
    ticker = loop.CreateAlarm([this] { Tick(); });
    Tick();
  }
  ~SctpOverDtlsTest() override {
    a->end.association.reset();
    b->end.association.reset();
  }

  void Tick() {
    for (Peer* peer : {a.get(), b.get()}) {
      if (peer->dtls->NextTimeout() <= loop.Now()) peer->dtls->HandleTimeout(loop.Now());
    }
    ticker->ArmAt(loop.Now() + std::chrono::milliseconds(10));
  }
  // GetParam() percent get lost.
  bool Move(Peer& from, Peer& to) {
    std::deque<ByteBuffer> batch;
    batch.swap(from.outbox);
    for (const ByteBuffer& datagram : batch) {
      if (random.Below(100) < static_cast<uint64_t>(GetParam())) continue;
      to.dtls->HandleDatagram(loop.Now(), datagram);
    }
    return !batch.empty();
  }

  SeededRandom random;
  test::RealTimeLoop loop;
  SctpStack stack{loop};
  std::vector<std::shared_ptr<const tls::Certificate>> certificates;
  std::unique_ptr<Peer> a;
  std::unique_ptr<Peer> b;
  std::unique_ptr<link::Alarm> ticker;
};

TEST_P(SctpOverDtlsTest, CarriesMessagesBothWaysAndEnds) {
  b->dtls->Start(loop.Now());
  a->dtls->Start(loop.Now());
  ASSERT_TRUE(loop.RunUntil([&] { return a->end.ups == 1 && b->end.ups == 1; }, 2 * kSoon));
  for (Peer* from : {a.get(), b.get()}) {
    Peer* to = from == a.get() ? b.get() : a.get();
    ASSERT_EQ(from->end.association->Send(StreamId(1), kBinary, Pattern(262144, 3), {}),
              link::SendResult::kAccepted);
    ASSERT_TRUE(loop.RunUntil([&] { return to->end.messages.size() == 1; }, 2 * kSoon));
    EXPECT_EQ(to->end.messages[0].bytes.span(), Pattern(262144, 3).span());
  }
  a->end.association->Shutdown();
  ASSERT_TRUE(loop.RunUntil([&] { return a->end.closed && b->end.closed; }, 2 * kSoon));
  EXPECT_TRUE(b->end.closed->ok()) << b->end.closed->ToString();
  a->dtls->Close();
  if (GetParam() == 0) {
    ASSERT_TRUE(loop.RunUntil([&] { return b->dtls_closed.has_value(); }, kSoon));
    EXPECT_TRUE(b->dtls_closed->ok());
  }
}

INSTANTIATE_TEST_SUITE_P(LossPercent, SctpOverDtlsTest, testing::Values(0, 3));

}  // namespace
}  // namespace ming::sctp
