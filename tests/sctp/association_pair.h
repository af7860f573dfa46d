// Two associations joined by memory, with what each observer was told.
#ifndef MING_TESTS_SCTP_ASSOCIATION_PAIR_H_
#define MING_TESTS_SCTP_ASSOCIATION_PAIR_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ming/base/bytes.h"
#include "ming/sctp/sctp_association.h"
#include "ming/sctp/sctp_stack.h"

#include "real_time_loop.h"

namespace ming::sctp {

constexpr Ppid kBinary{53};
constexpr Duration kSoon = std::chrono::seconds(10);

inline ByteBuffer Pattern(size_t size, uint8_t seed) {
  ByteBuffer bytes = ByteBuffer::Uninitialized(size);
  for (size_t i = 0; i < size; ++i) bytes.data()[i] = static_cast<uint8_t>(i * 7 + i / 251 + seed);
  return bytes;
}

class AssociationEnd final : public SctpAssociation::Observer, public PacketSink {
 public:
  AssociationEnd() = default;
  AssociationEnd(const AssociationEnd&) = delete;
  AssociationEnd& operator=(const AssociationEnd&) = delete;
  ~AssociationEnd() override { association.reset(); }  // its last packet goes to our members

  void OnAssociationUp() override { ++ups; }
  void OnMessage(InboundMessage message) override {
    EXPECT_FALSE(closed);
    received_bytes += message.bytes.size();
    messages.push_back(std::move(message));
    if (on_message) on_message(messages.back());
  }
  void OnSendReady() override {
    ++send_readies;
    if (on_send_ready) on_send_ready();
  }
  void OnStreamsReset(ResetDirection direction, const std::vector<StreamId>& ids) override {
    std::vector<StreamId> to_answer;
    for (const StreamId id : ids) {
      const bool incoming = direction == ResetDirection::kIncoming;
      (incoming ? reset_in : reset_out).insert(id.value());
      ResetState& state = resets[id.value()];
      (incoming ? state.in : state.out) = true;
      if (!state.asked) to_answer.push_back(id);
      if (state.in && state.out) resets.erase(id.value());
    }
    if (!to_answer.empty()) Reset(to_answer);
  }
  // What the layer above does: each end resets its direction once for each life of a stream.
  void Reset(const std::vector<StreamId>& ids) {
    for (const StreamId id : ids) resets[id.value()].asked = true;
    EXPECT_TRUE(association->ResetStreams(ids).ok());
  }
  void OnStreamResetFailed(const std::vector<StreamId>& ids) override {
    failed_resets += ids.size();
  }
  void OnStreamsAdded(const Status& result) override { added.push_back(result); }
  void OnAssociationClosed(const Status& why) override {
    EXPECT_FALSE(closed) << "two terminal events";
    closed = why;
  }
  void SendPacket(ByteSpan packet) override {
    EXPECT_LE(packet.size(), max_packet);
    ++packets_out;
    if (filter && !filter(packet)) return;
    outbox.push_back(ByteBuffer::CopyOf(packet));
  }

  std::unique_ptr<SctpAssociation> association;
  std::deque<ByteBuffer> outbox;
  std::function<bool(ByteSpan)> filter;  // false: lost
  std::function<void(const InboundMessage&)> on_message;
  std::function<void()> on_send_ready;
  struct ResetState {
    bool asked = false;
    bool in = false;
    bool out = false;
  };
  std::map<uint16_t, ResetState> resets;
  size_t max_packet = 16384;
  int ups = 0;
  int send_readies = 0;
  size_t packets_out = 0;
  size_t received_bytes = 0;
  size_t failed_resets = 0;
  std::vector<InboundMessage> messages;
  std::multiset<uint16_t> reset_in;
  std::multiset<uint16_t> reset_out;
  std::vector<Status> added;
  std::optional<Status> closed;
};

class AssociationPairTest : public testing::Test {
 public:
  void SetUp() override {
    stack = std::make_unique<SctpStack>(loop);
    loop.SetPump([this] { return MovePackets(); });
  }
  void TearDown() override {
    // They refer to what lived in the test's body.
    for (AssociationEnd* end : {&a, &b}) {
      end->filter = nullptr;
      end->on_message = nullptr;
      end->on_send_ready = nullptr;
    }
    a.association.reset();
    b.association.reset();
    EXPECT_EQ(stack->association_count(), 0u);
    EXPECT_EQ(loop.armed_alarms(), 0u);
    stack.reset();
  }

  void Make(const SctpOptions& options_a, const SctpOptions& options_b) {
    a.association = std::make_unique<SctpAssociation>(options_a, *stack, a, a);
    b.association = std::make_unique<SctpAssociation>(options_b, *stack, b, b);
    a.max_packet = options_a.max_packet_size;
    b.max_packet = options_b.max_packet_size;
  }
  void Connect(const SctpOptions& options = {}) { Connect(options, options); }
  void Connect(const SctpOptions& options_a, const SctpOptions& options_b) {
    Make(options_a, options_b);
    ASSERT_TRUE(a.association->Connect().ok());
    ASSERT_TRUE(b.association->Connect().ok());
    ASSERT_TRUE(loop.RunUntil([this] { return a.ups == 1 && b.ups == 1; }, kSoon));
  }
  bool RunUntil(const std::function<bool()>& done, Duration limit = kSoon) {
    return loop.RunUntil(done, limit);
  }
  link::SendResult Send(AssociationEnd& from, uint16_t stream, ByteSpan bytes,
                        const link::ChannelTraits& traits = {}) {
    return from.association->Send(StreamId(stream), kBinary, bytes, traits);
  }

  static bool Move(AssociationEnd& from, AssociationEnd& to) {
    std::deque<ByteBuffer> batch;
    batch.swap(from.outbox);
    for (const ByteBuffer& packet : batch) {
      if (to.association != nullptr) to.association->HandlePacket(packet);
    }
    return !batch.empty();
  }

  test::RealTimeLoop loop;
  std::unique_ptr<SctpStack> stack;
  AssociationEnd a;
  AssociationEnd b;

 private:
  bool MovePackets() {
    const bool forth = Move(a, b);
    const bool back = Move(b, a);
    return forth || back;
  }
};

}  // namespace ming::sctp

#endif  // MING_TESTS_SCTP_ASSOCIATION_PAIR_H_
