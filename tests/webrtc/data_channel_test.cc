#include "ming/webrtc/data_channel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "ming/tls/sha256.h"

#include "peer_world.h"

namespace ming::webrtc {
namespace {

using link::MessageKind;
using link::SendResult;

class DataChannelTest : public DescriptorCheck {};

// Pushes `total` bytes of a fixed pattern through a channel, as fast as it takes them.
class BulkSender {
 public:
  BulkSender(TestChannel& channel, size_t total, size_t message_size)
      : channel_(channel), left_(total) {
    SeededRandom random(total);
    block_ = ByteBuffer::Uninitialized(message_size);
    random.Fill(block_.mutable_span());
    channel_.on_send_ready = [this] { Push(); };
  }

  void Push() {
    while (left_ > 0) {
      const ByteSpan message = block_.span().First(left_);
      const SendResult result = channel_.channel->Send(MessageKind::kBinary, message);
      if (result != SendResult::kAccepted) {
        EXPECT_THAT(result, ::testing::AnyOf(SendResult::kWouldBlock, SendResult::kClosed));
        return;
      }
      hash_.Update(message);
      left_ -= message.size();
    }
  }
  bool done() const { return left_ == 0; }
  tls::Sha256::Digest Digest() { return hash_.Finish(); }

 private:
  TestChannel& channel_;
  size_t left_;
  ByteBuffer block_;
  tls::Sha256 hash_;
};

struct Transfer {
  size_t total;
  size_t message_size;
  bool restart_ice;
  bool large_packets;
};

class TransferTest : public DataChannelTest, public ::testing::WithParamInterface<Transfer> {};

TEST_P(TransferTest, ArrivesUnchanged) {
  Loop loop;
  PeerConnectionOptions options = LoopbackOptions();
  if (GetParam().large_packets) {
    options.features = codec::MingFeatures();
    options.features->path_mtu_bytes = 65535;
  }
  PeerPair pair(loop, options);
  pair.Connect();
  auto [from, to] = pair.OpenBoth("bulk");
  tls::Sha256 hash;
  to->on_message = [&hash](const ByteBuffer& message) { hash.Update(message); };
  BulkSender sender(*from, GetParam().total, GetParam().message_size);
  sender.Push();
  if (GetParam().restart_ice) {
    ASSERT_TRUE(loop.RunUntil([&, t = to] { return t->bytes > GetParam().total / 4; }));
    pair.Negotiate(PeerConnection::OfferKind::kIceRestart);
  }
  ASSERT_TRUE(loop.RunUntil([&, t = to] { return t->bytes == GetParam().total; },
                            std::chrono::seconds(120)));
  EXPECT_TRUE(sender.done());
  EXPECT_EQ(hash.Finish(), sender.Digest());
  pair.Close();
}

INSTANTIATE_TEST_SUITE_P(Sizes, TransferTest,
                         ::testing::Values(Transfer{size_t{1} << 20, 1000, false, false},
                                           Transfer{size_t{8} << 20, 65536, false, false},
                                           Transfer{size_t{8} << 20, size_t{256} * 1024, false,
                                                    true},
                                           Transfer{size_t{16} << 20, 16384, true, true},
                                           Transfer{size_t{64} << 20, 16384, false, false}));

TEST_F(DataChannelTest, CarriesEmptyMessagesOfBothKinds) {
  Loop loop;
  PeerPair pair(loop, LoopbackOptions());
  pair.Connect();
  auto [from, to] = pair.OpenBoth("x");
  EXPECT_EQ(from->channel->Send(MessageKind::kText, ByteSpan()), SendResult::kAccepted);
  EXPECT_EQ(from->channel->Send(MessageKind::kBinary, ByteSpan()), SendResult::kAccepted);
  EXPECT_EQ(from->SendText("x"), SendResult::kAccepted);
  ASSERT_TRUE(loop.RunUntil([t = to] { return t->count == 3; }));
  EXPECT_EQ(to->messages[0].kind, MessageKind::kText);
  EXPECT_EQ(to->messages[0].text, "");
  EXPECT_EQ(to->messages[1].kind, MessageKind::kBinary);
  EXPECT_EQ(to->messages[1].text, "");
  EXPECT_EQ(to->messages[2].text, "x");
  pair.Close();
}

TEST_F(DataChannelTest, TellsThePeerTheTraits) {
  Loop loop;
  PeerPair pair(loop, LoopbackOptions());
  pair.Connect();
  link::ChannelTraits traits;
  traits.ordering = link::Ordering::kUnordered;
  traits.max_retransmits = 0;
  auto [from, to] = pair.OpenBoth("tunnel-udp", traits);
  EXPECT_EQ(to->channel->traits().ordering, link::Ordering::kUnordered);
  EXPECT_EQ(to->channel->traits().max_retransmits, uint16_t{0});
  for (int i = 0; i < 50; ++i) EXPECT_EQ(from->SendText("datagram"), SendResult::kAccepted);
  EXPECT_TRUE(loop.RunUntil([t = to] { return t->count == 50; }));
  to->SendText("back");
  EXPECT_TRUE(loop.RunUntil([f = from] { return f->count == 1; }));
  pair.Close();
}

TEST_F(DataChannelTest, KeepsToWhatThePeerTakes) {
  Loop loop;
  PeerConnectionOptions small = LoopbackOptions();
  small.max_message_size = 2000;
  PeerPair pair(loop, LoopbackOptions(), small);
  pair.Connect();
  auto [from, to] = pair.OpenBoth("x");
  EXPECT_EQ(from->channel->max_message_size(), 2000u);
  EXPECT_EQ(from->channel->Send(MessageKind::kBinary, std::vector<uint8_t>(2001)),
            SendResult::kTooLarge);
  EXPECT_EQ(from->channel->Send(MessageKind::kBinary, std::vector<uint8_t>(2000)),
            SendResult::kAccepted);
  EXPECT_TRUE(loop.RunUntil([t = to] { return t->bytes == 2000; }));
  pair.Close();
}

TEST_F(DataChannelTest, DeliversWhatWasSentBeforeClosing) {
  constexpr size_t kMessages = 300;
  Loop loop;
  PeerPair pair(loop, LoopbackOptions());
  pair.Connect();
  auto [from, to] = pair.OpenBoth("x");
  size_t accepted = 0;
  const std::vector<uint8_t> message(16384);
  while (accepted < kMessages &&
         from->channel->Send(MessageKind::kBinary, message) == SendResult::kAccepted) {
    ++accepted;
  }
  EXPECT_GT(accepted, 10u);
  from->channel->Close();
  EXPECT_EQ(from->SendText("late"), SendResult::kClosed);
  EXPECT_TRUE(from->closed.empty()) << "from the loop only";
  ASSERT_TRUE(
      loop.RunUntil([f = from, t = to] { return !f->closed.empty() && !t->closed.empty(); }));
  EXPECT_EQ(to->count, accepted);
  EXPECT_TRUE(from->closed[0].ok());
  EXPECT_TRUE(to->closed[0].ok());
  pair.Close();
  EXPECT_EQ(from->closed.size(), 1u);
  EXPECT_EQ(to->closed.size(), 1u);
}

TEST_F(DataChannelTest, ClosingBeforeTheConnectionDeliversToo) {
  Loop loop;
  PeerPair pair(loop, LoopbackOptions());
  TestChannel& from = pair.a.Open("short");
  from.SendText("1");
  from.SendText("2");
  from.channel->Close();
  pair.Connect();
  ASSERT_TRUE(loop.RunUntil([&] {
    return !pair.b.channels.empty() && !pair.b.channels[0]->closed.empty() && !from.closed.empty();
  }));
  EXPECT_EQ(pair.b.channels[0]->count, 2u);
  pair.Close();
}

class StreamReuseTest : public DataChannelTest {
 protected:
  static constexpr size_t kEach = 8;  // channels of each side

  static PeerConnectionOptions Options() {
    PeerConnectionOptions options = LoopbackOptions();
    options.sctp.outgoing_streams = 2 * kEach;
    options.sctp.max_incoming_streams = 2 * kEach;
    options.channels.max_channels = 2 * kEach;
    return options;
  }
  // Both ends of every channel satisfy it.
  static bool All(const PeerPair& pair, const std::function<bool(const TestChannel&)>& is) {
    const auto holds = [&is](const TestPeer& peer) {
      return peer.channels.size() == 2 * kEach &&
             std::all_of(peer.channels.begin(), peer.channels.end(),
                         [&is](const auto& channel) { return is(*channel); });
    };
    return holds(pair.a) && holds(pair.b);
  }
  static void OpenAll(PeerPair& pair) {
    for (size_t i = 0; i < kEach; ++i) {
      pair.a.Open("a" + std::to_string(i)).SendText("hello");
      pair.b.Open("b" + std::to_string(i)).SendText("hello");
    }
  }
  // Either side closes, some channels both at once.
  static void CloseAll(PeerPair& pair) {
    for (size_t i = 0; i < 2 * kEach; ++i) {
      const std::string label = (i < kEach ? "a" : "b") + std::to_string(i % kEach);
      if (i % 3 != 0) pair.a.Find(label)->channel->Close();
      if (i % 3 != 1) pair.b.Find(label)->channel->Close();
    }
  }
};

TEST_F(StreamReuseTest, OpensAndClosesAThousandChannelsOnSixteenStreams) {
  Loop loop;
  PeerPair pair(loop, Options());
  pair.Connect();
  const auto greeted = [](const TestChannel& c) { return c.count + c.messages_sent == 1; };
  const auto closed = [](const TestChannel& c) { return !c.closed.empty() && c.closed[0].ok(); };
  for (size_t opened = 0; opened < 1000; opened += 2 * kEach) {
    OpenAll(pair);
    ASSERT_TRUE(loop.RunUntil([&] { return All(pair, greeted); })) << opened;
    CloseAll(pair);
    ASSERT_TRUE(loop.RunUntil([&] { return All(pair, closed); })) << opened;
    pair.a.channels.clear();
    pair.b.channels.clear();
  }
  EXPECT_EQ(pair.a.connection->GetStats().open_channels, 0u);
  EXPECT_EQ(pair.b.connection->GetStats().open_channels, 0u);
  pair.Close();
}

TEST_F(DataChannelTest, BoundsTheChannelsOfThePeer) {
  Loop loop;
  PeerConnectionOptions limited = LoopbackOptions();
  limited.channels.max_channels = 3;
  PeerPair pair(loop, LoopbackOptions(), limited);
  pair.Connect();
  for (int i = 0; i < 3; ++i) pair.OpenBoth(std::to_string(i));
  TestChannel& refused = pair.a.Open("one too many");
  refused.SendText("x");
  ASSERT_TRUE(loop.RunUntil([&] { return !refused.closed.empty(); }));
  EXPECT_EQ(refused.closed[0].code(), StatusCode::kUnavailable);
  EXPECT_EQ(pair.b.channels.size(), 3u);
  EXPECT_EQ(pair.b.connection->OpenChannel("own", {}).status().code(),
            StatusCode::kResourceExhausted);
  pair.a.channels.clear();
  ASSERT_TRUE(loop.RunUntil([&] { return pair.b.connection->GetStats().open_channels == 0; }));
  pair.b.channels.clear();
  pair.OpenBoth("again");
  pair.Close();
}

TEST_F(DataChannelTest, AsksForMoreStreamsWhenTheyRunOut) {
  constexpr size_t kChannels = 200;
  Loop loop;
  PeerConnectionOptions options = LoopbackOptions();
  options.sctp.outgoing_streams = 64;
  options.features = codec::MingFeatures();
  PeerPair pair(loop, options);
  pair.Connect();
  for (size_t i = 0; i < kChannels; ++i) pair.a.Open(std::to_string(i)).SendText("x");
  const auto arrived = [&] {
    return pair.b.channels.size() == kChannels &&
           std::all_of(pair.b.channels.begin(), pair.b.channels.end(),
                       [](const auto& channel) { return channel->count == 1; });
  };
  EXPECT_TRUE(loop.RunUntil(arrived));
  pair.Close();
}

TEST_F(DataChannelTest, KeepsMessagesUntilThereIsAnObserver) {
  Loop loop;
  PeerPair pair(loop, LoopbackOptions());
  pair.b.ignore_channels = true;
  TestChannel& from = pair.a.Open("x");
  from.SendText("1");
  from.SendText("2");
  pair.Connect();
  ASSERT_TRUE(loop.RunUntil([&] { return !pair.b.unobserved.empty(); }));
  from.channel->Close();
  loop.RunFor(std::chrono::milliseconds(100));
  TestChannel late(std::move(pair.b.unobserved[0]));
  EXPECT_EQ(late.count, 0u) << "from the loop only";
  ASSERT_TRUE(loop.RunUntil([&] { return !late.closed.empty(); }));
  EXPECT_EQ(late.count, 2u);
  pair.Close();
}

TEST_F(DataChannelTest, APausedChannelStopsThePeerAndGoesOn) {
  constexpr size_t kTotal = size_t{16} << 20;
  Loop loop;
  PeerPair pair(loop, LoopbackOptions());
  pair.Connect();
  auto [from, to] = pair.OpenBoth("x");
  to->on_message = [](const ByteBuffer&) {};
  to->channel->PauseReceiving();
  BulkSender sender(*from, kTotal, 16384);
  sender.Push();
  loop.RunFor(std::chrono::milliseconds(500));
  EXPECT_EQ(to->bytes, 0u);
  EXPECT_FALSE(sender.done()) << "the sender must be stopped";
  to->channel->ResumeReceiving();
  EXPECT_EQ(to->bytes, 0u) << "from the loop only";
  ASSERT_TRUE(loop.RunUntil([&, t = to] { return t->bytes == kTotal; }));
  pair.Close();
}

TEST_F(DataChannelTest, AnUnreliableChannelThatIsPausedDropsMessages) {
  Loop loop;
  PeerPair pair(loop, LoopbackOptions());
  pair.Connect();
  link::ChannelTraits traits;
  traits.ordering = link::Ordering::kUnordered;
  traits.max_retransmits = 0;
  auto [from, to] = pair.OpenBoth("udp", traits);
  auto [other, other_to] = pair.OpenBoth("other");
  to->channel->PauseReceiving();
  to->on_message = [](const ByteBuffer&) {};
  for (int i = 0; i < 100; ++i) {
    from->channel->Send(MessageKind::kBinary, std::vector<uint8_t>(8000));
    loop.RunFor(std::chrono::milliseconds(1));
  }
  other->SendText("passes");
  EXPECT_TRUE(loop.RunUntil([t = other_to] { return t->count == 1; }));
  to->channel->ResumeReceiving();
  EXPECT_TRUE(loop.RunUntil([t = to] { return t->count > 10; }));
  EXPECT_LT(to->count, 50u);
  pair.Close();
}

TEST_F(DataChannelTest, AChannelThatHoldsUpAllOthersIsClosedAtLast) {
  Loop loop;
  PeerConnectionOptions options = LoopbackOptions();
  options.channels.stall_timeout = std::chrono::milliseconds(300);
  PeerPair pair(loop, options);
  pair.Connect();
  auto [stuck, stuck_to] = pair.OpenBoth("stuck");
  auto [other, other_to] = pair.OpenBoth("other");
  stuck_to->channel->PauseReceiving();
  BulkSender sender(*stuck, size_t{16} << 20, 16384);
  sender.Push();
  loop.RunFor(std::chrono::milliseconds(200));
  EXPECT_TRUE(stuck_to->closed.empty());
  // Accepted only when its turn comes.
  other->on_send_ready = [o = other] { o->SendText("passes"); };
  if (other->SendText("passes") == SendResult::kAccepted) other->on_send_ready = nullptr;
  ASSERT_TRUE(loop.RunUntil([t = other_to] { return t->count > 0; }));
  ASSERT_TRUE(loop.RunUntil([t = stuck_to] { return !t->closed.empty(); }));
  EXPECT_EQ(stuck_to->closed[0].code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(loop.RunUntil([f = stuck] { return !f->closed.empty(); }));
  pair.Close();
}

TEST_F(DataChannelTest, SharesTheAssociationFairly) {
  constexpr size_t kChannels = 4;
  Loop loop;
  PeerConnectionOptions options = LoopbackOptions();
  // The first one fills it before the others begin.
  options.sctp.send_buffer = size_t{1} << 20;
  PeerPair pair(loop, options);
  pair.Connect();
  std::vector<TestChannel*> receivers;
  std::vector<std::unique_ptr<BulkSender>> senders;
  for (size_t i = 0; i < kChannels; ++i) {
    auto [from, to] = pair.OpenBoth(std::to_string(i));
    to->on_message = [](const ByteBuffer&) {};
    receivers.push_back(to);
    senders.push_back(std::make_unique<BulkSender>(*from, size_t{256} << 20, 16384));
  }
  for (const auto& sender : senders) sender->Push();
  size_t total = 0;
  ASSERT_TRUE(loop.RunUntil([&] {
    total = 0;
    for (const TestChannel* receiver : receivers) total += receiver->bytes;
    return total > (size_t{32} << 20);
  }));
  for (const TestChannel* receiver : receivers) {
    EXPECT_GT(receiver->bytes, total / kChannels / 2);
    EXPECT_LT(receiver->bytes, total / kChannels * 2);
  }
  pair.Close();
}

TEST_F(DataChannelTest, SendableBytesPromisesSendReady) {
  Loop loop;
  PeerPair pair(loop, LoopbackOptions());
  pair.Connect();
  auto [from, to] = pair.OpenBoth("x");
  to->on_message = [](const ByteBuffer&) {};
  const std::vector<uint8_t> message(16384);
  size_t sent = 0;
  while (from->channel->SendableBytes() >= message.size()) {
    ASSERT_EQ(from->channel->Send(MessageKind::kBinary, message), SendResult::kAccepted);
    sent += message.size();
  }
  while (from->channel->SendableBytes() > 0) {
    const size_t room = std::min(from->channel->SendableBytes(), message.size());
    ASSERT_EQ(from->channel->Send(MessageKind::kBinary, ByteSpan(message).First(room)),
              SendResult::kAccepted);
    sent += room;
  }
  EXPECT_EQ(from->send_ready, 0u);
  ASSERT_TRUE(
      loop.RunUntil([&, f = from, t = to] { return f->send_ready == 1 && t->bytes == sent; }));
  EXPECT_GT(from->channel->SendableBytes(), 0u);
  pair.Close();
}

}  // namespace
}  // namespace ming::webrtc
