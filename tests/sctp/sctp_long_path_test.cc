// Associations over a path with a round trip of 50 ms: the engine and Recovery together.
#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <optional>
#include <set>

#include "ming/base/byte_io.h"
#include "ming/base/bytes.h"
#include "ming/base/time.h"
#include "ming/sctp/chunks.h"
#include "ming/sctp/sctp_association.h"

#include "association_pair.h"

namespace ming::sctp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kOneWay = milliseconds(25);

// The TSNs of the DATA chunks of a packet.
std::set<uint32_t> TsnsOf(ByteSpan packet) {
  std::set<uint32_t> tsns;
  ByteSpan rest = packet.Skip(kCommonHeader);
  while (const std::optional<Chunk> chunk = NextChunk(rest)) {
    if (IsData(chunk->type)) tsns.insert(ByteReader(chunk->value).ReadU32().value_or(0));
  }
  return tsns;
}

class SctpLongPathTest : public AssociationPairTest {
 public:
  void SetUp() override {
    AssociationPairTest::SetUp();
    // The alarm keeps the loop from sleeping past a packet.
    loop.SetPump([this] {
      const bool sent = Delay(a, forth_) + Delay(b, back_) > 0;
      const bool arrived = ArriveAt(b, forth_) + ArriveAt(a, back_) > 0;
      return sent || arrived;
    });
    tick_ = loop.CreateAlarm([this] { tick_->ArmAt(loop.Now() + milliseconds(1)); });
    tick_->ArmAt(loop.Now());
  }
  void TearDown() override {
    tick_.reset();
    AssociationPairTest::TearDown();
  }

 private:
  struct Traveller {
    Timestamp arrives_at;
    ByteBuffer packet;
  };
  using Lane = std::deque<Traveller>;

  // Both give the number of packets.
  size_t Delay(AssociationEnd& from, Lane& lane) {
    const size_t count = from.outbox.size();
    for (ByteBuffer& packet : from.outbox)
      lane.push_back({loop.Now() + kOneWay, std::move(packet)});
    from.outbox.clear();
    return count;
  }
  size_t ArriveAt(AssociationEnd& to, Lane& lane) {
    size_t count = 0;
    while (!lane.empty() && lane.front().arrives_at <= loop.Now()) {
      const ByteBuffer packet = std::move(lane.front().packet);
      lane.pop_front();
      to.association->HandlePacket(packet);
      ++count;
    }
    return count;
  }

  Lane forth_;
  Lane back_;
  std::unique_ptr<link::Alarm> tick_;
};

// The engine's timer runs out meanwhile; its window would be that of a packet, and grow by one in a
// round trip.
TEST_F(SctpLongPathTest, IsFastAgainSoonAfterAGapThatStayedOpen) {
  Connect();
  std::optional<uint32_t> unlucky;
  std::optional<Timestamp> until;
  a.filter = [&](ByteSpan packet) {
    const std::set<uint32_t> tsns = TsnsOf(packet);
    if (tsns.empty()) return true;
    if (!unlucky) {
      unlucky = *tsns.begin();
      until = loop.Now() + milliseconds(900);
    }
    return tsns.count(*unlucky) == 0 || loop.Now() >= *until;
  };
  const ByteBuffer message = Pattern(16384, 1);
  const auto fill = [&] {
    while (Send(a, 0, message) == link::SendResult::kAccepted &&
           a.association->SendableBytes() >= message.size()) {
    }
  };
  a.on_send_ready = fill;
  b.on_message = [&](const InboundMessage&) { b.messages.clear(); };
  fill();
  ASSERT_TRUE(RunUntil([&] { return b.received_bytes > 0; }));
  EXPECT_GE(loop.Now(), *until);
  constexpr size_t kManyWindows = size_t{4} << 20;
  EXPECT_TRUE(RunUntil([&] { return b.received_bytes >= kManyWindows; }, seconds(2)));
}

}  // namespace
}  // namespace ming::sctp
