// Associations joined in memory: set-up, data, back-pressure and every way to end.
#include "ming/sctp/sctp_association.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "ming/base/random.h"
#include "ming/sctp/chunks.h"

#include "association_pair.h"

namespace ming::sctp {
namespace {

using SctpAssociationTest = AssociationPairTest;

TEST_F(SctpAssociationTest, ConnectsFromBothEnds) {
  Connect();
  EXPECT_TRUE(a.association->up());
  EXPECT_EQ(a.association->outgoing_streams(), 1024);
  EXPECT_EQ(b.association->incoming_streams(), 1024);
  EXPECT_TRUE(a.association->interleaving());
  EXPECT_TRUE(b.association->interleaving());
}

TEST_F(SctpAssociationTest, CarriesMessagesOfEverySize) {
  Connect();
  const std::vector<size_t> sizes = {1, 2, 1000, 1163, 1200, 16384, 65536, 262143, 262144};
  for (const size_t size : sizes) {
    ASSERT_EQ(Send(a, 3, Pattern(size, static_cast<uint8_t>(size))), link::SendResult::kAccepted);
  }
  ASSERT_TRUE(RunUntil([&] { return b.messages.size() == sizes.size(); }));
  for (size_t i = 0; i < sizes.size(); ++i) {
    EXPECT_EQ(b.messages[i].bytes.span(), Pattern(sizes[i], static_cast<uint8_t>(sizes[i])).span());
    EXPECT_EQ(b.messages[i].stream, StreamId(3));
    EXPECT_EQ(b.messages[i].ppid, kBinary);
    EXPECT_EQ(b.messages[i].ordering, link::Ordering::kOrdered);
  }
}

TEST_F(SctpAssociationTest, PassesPpidAndOrdering) {
  Connect();
  link::ChannelTraits unordered;
  unordered.ordering = link::Ordering::kUnordered;
  ASSERT_EQ(b.association->Send(StreamId(9), Ppid(57), ByteSpan("x"), unordered),
            link::SendResult::kAccepted);
  ASSERT_TRUE(RunUntil([&] { return a.messages.size() == 1; }));
  EXPECT_EQ(a.messages[0].ppid, Ppid(57));
  EXPECT_EQ(a.messages[0].ordering, link::Ordering::kUnordered);
}

TEST_F(SctpAssociationTest, AbortTellsThePeerAtOnce) {
  Connect();
  a.association->Abort();
  a.association->Abort();
  ASSERT_TRUE(RunUntil([&] { return b.closed.has_value(); }));
  EXPECT_EQ(b.closed->code(), StatusCode::kClosed) << b.closed->ToString();
  EXPECT_FALSE(a.closed.has_value());
  EXPECT_EQ(Send(a, 1, ByteSpan("x")), link::SendResult::kClosed);
}

TEST_F(SctpAssociationTest, ShutdownDeliversFirst) {
  Connect();
  ASSERT_EQ(Send(a, 1, Pattern(200000, 1)), link::SendResult::kAccepted);
  a.association->Shutdown();
  EXPECT_EQ(Send(a, 1, ByteSpan("x")), link::SendResult::kClosed);
  ASSERT_TRUE(RunUntil([&] { return a.closed && b.closed; }));
  EXPECT_TRUE(a.closed->ok()) << a.closed->ToString();
  EXPECT_TRUE(b.closed->ok()) << b.closed->ToString();
  ASSERT_EQ(b.messages.size(), 1u);
}

TEST_F(SctpAssociationTest, ASilentPeerEndsTheStart) {
  SctpOptions options;
  options.max_init_retransmissions = 2;
  options.rto_initial = options.rto_min = options.rto_max = std::chrono::milliseconds(100);
  Make(options, options);
  ASSERT_TRUE(a.association->Connect().ok());
  b.association.reset();
  ASSERT_TRUE(RunUntil([&] { return a.closed.has_value(); }));
  EXPECT_EQ(a.closed->code(), StatusCode::kTimeout) << a.closed->ToString();
}

TEST_F(SctpAssociationTest, APeerThatVanishedIsNoticed) {
  SctpOptions options;
  options.max_retransmissions = 2;
  options.rto_initial = options.rto_min = options.rto_max = std::chrono::milliseconds(100);
  options.heartbeat_interval = std::chrono::milliseconds(100);
  Connect(options);
  b.filter = [](ByteSpan) { return false; };
  b.association.reset();
  ASSERT_TRUE(RunUntil([&] { return a.closed.has_value(); }));
  EXPECT_EQ(a.closed->code(), StatusCode::kTimeout) << a.closed->ToString();
}

TEST_F(SctpAssociationTest, ALongSilenceDoesNotEndIt) {
  SctpOptions options;
  options.max_retransmissions = kMaxRetransmissions;
  options.rto_initial = options.rto_min = options.rto_max = std::chrono::milliseconds(10);
  options.heartbeat_interval = std::chrono::milliseconds(100);
  Connect(options);
  bool silent = true;
  a.filter = b.filter = [&](ByteSpan) { return !silent; };
  ASSERT_EQ(Send(a, 1, Pattern(5000, 1)), link::SendResult::kAccepted);
  const size_t before = a.packets_out;
  ASSERT_TRUE(RunUntil([&] { return a.closed || a.packets_out > before + 50; }));
  EXPECT_FALSE(a.closed) << a.closed->ToString() << " after " << a.packets_out - before;
  silent = false;
  EXPECT_TRUE(RunUntil([&] { return b.messages.size() == 1; }));
}

TEST_F(SctpAssociationTest, ShutdownFromBothEndsAtOnce) {
  Connect();
  ASSERT_EQ(Send(a, 1, Pattern(50000, 1)), link::SendResult::kAccepted);
  ASSERT_EQ(Send(b, 1, Pattern(60000, 2)), link::SendResult::kAccepted);
  a.association->Shutdown();
  b.association->Shutdown();
  ASSERT_TRUE(RunUntil([&] { return a.closed && b.closed; }));
  EXPECT_TRUE(a.closed->ok() && b.closed->ok());
  EXPECT_EQ(a.received_bytes, 60000u);
  EXPECT_EQ(b.received_bytes, 50000u);
}

TEST_F(SctpAssociationTest, ShutdownBeforeItIsUpEndsFromTheLoop) {
  Make({}, {});
  ASSERT_TRUE(a.association->Connect().ok());
  a.association->Shutdown();
  EXPECT_FALSE(a.closed.has_value());
  ASSERT_TRUE(RunUntil([&] { return a.closed.has_value(); }));
  EXPECT_TRUE(a.closed->ok());
  a.association->HandlePacket(Pattern(20, 1));  // a late one changes nothing
}

TEST_F(SctpAssociationTest, AbortInsideACallbackStopsAllFurtherCalls) {
  Connect();
  for (int i = 0; i < 10; ++i) ASSERT_EQ(Send(a, 1, ByteSpan("x")), link::SendResult::kAccepted);
  b.on_message = [this](const InboundMessage&) { b.association->Abort(); };
  ASSERT_TRUE(RunUntil([&] { return a.closed.has_value(); }));
  EXPECT_EQ(b.messages.size(), 1u);
  EXPECT_FALSE(b.closed.has_value());
}

class SctpPartsTest : public SctpAssociationTest,
                      public testing::WithParamInterface<Interleaving> {};

TEST_P(SctpPartsTest, WholePartsFillThePackets) {
  SctpOptions options;
  options.interleaving = GetParam();
  Connect(options);
  ASSERT_EQ(a.association->interleaving(), GetParam() == Interleaving::kOffered);
  std::vector<size_t> sizes;
  a.filter = [&](ByteSpan packet) {
    if (packet.size() > 200) sizes.push_back(packet.size());  // else control
    return true;
  };
  const size_t step = a.association->part_size();
  ASSERT_EQ(Send(a, 1, Pattern(7 * step, 1)), link::SendResult::kAccepted);
  ASSERT_TRUE(RunUntil([&] { return b.messages.size() == 1; }));
  EXPECT_EQ(sizes, std::vector<size_t>(7, sizes.front()));
  EXPECT_GT(sizes.front() + 4, options.max_packet_size);
}

INSTANTIATE_TEST_SUITE_P(BothFormats, SctpPartsTest,
                         testing::Values(Interleaving::kOff, Interleaving::kOffered));

TEST_F(SctpAssociationTest, SendsBeforeItIsUpWait) {
  Make({}, {});
  EXPECT_EQ(Send(a, 1, ByteSpan("x")), link::SendResult::kWouldBlock);
  EXPECT_EQ(a.association->SendableBytes(), 0u);
  ASSERT_TRUE(a.association->Connect().ok());
  ASSERT_TRUE(b.association->Connect().ok());
  ASSERT_TRUE(RunUntil([&] { return a.send_readies == 1; }));
  EXPECT_EQ(Send(a, 1, ByteSpan("x")), link::SendResult::kAccepted);
}

TEST_F(SctpAssociationTest, AFullBufferBlocksUntilHalfOfTheQueueIsGone) {
  Connect();
  b.association->PauseReceive();
  const ByteBuffer message = Pattern(16384, 1);
  size_t accepted = 0;
  while (Send(a, 1, message) == link::SendResult::kAccepted) ++accepted;
  EXPECT_GE(accepted * message.size(), SctpOptions().send_buffer - 2 * message.size());
  EXPECT_EQ(a.association->SendableBytes(), 0u);
  // The peer takes one window more, then everything stands still.
  loop.RunFor(std::chrono::milliseconds(300));
  while (Send(a, 1, message) == link::SendResult::kAccepted) ++accepted;
  loop.RunFor(std::chrono::milliseconds(300));
  EXPECT_TRUE(b.messages.empty());
  const size_t bound = SctpOptions().send_buffer + SctpOptions().receive_buffer;
  EXPECT_LE(accepted * message.size(), bound + 4 * message.size());
  const int before = a.send_readies;
  size_t queued_when_ready = 0;
  a.on_send_ready = [&] { queued_when_ready = a.association->QueuedBytes(); };
  b.association->ResumeReceive();
  EXPECT_TRUE(b.messages.empty()) << "nothing is delivered inside ResumeReceive";
  ASSERT_TRUE(RunUntil([&] { return b.messages.size() == accepted; }));
  EXPECT_EQ(a.send_readies, before + 1);
  EXPECT_LE(queued_when_ready, SctpOptions().send_buffer / 2);
}

TEST_F(SctpAssociationTest, PausingInsideACallbackHoldsTheRest) {
  Connect();
  for (int i = 0; i < 10; ++i) ASSERT_EQ(Send(a, 1, ByteSpan("x")), link::SendResult::kAccepted);
  b.on_message = [this](const InboundMessage&) { b.association->PauseReceive(); };
  ASSERT_TRUE(RunUntil([&] { return !b.messages.empty(); }));
  loop.RunFor(std::chrono::milliseconds(50));
  EXPECT_EQ(b.messages.size(), 1u);
  b.association->ResumeReceive();
  ASSERT_TRUE(RunUntil([&] { return b.messages.size() == 2; }));
}

class SctpPausedEndTest : public AssociationPairTest, public testing::WithParamInterface<bool> {};

TEST_P(SctpPausedEndTest, TheEndGoesPastAPauseBehindWhatWasReceived) {
  Connect();
  b.association->PauseReceive();
  ASSERT_EQ(Send(a, 1, Pattern(100000, 1)), link::SendResult::kAccepted);
  ASSERT_TRUE(RunUntil([&] { return a.association->QueuedBytes() == 0; }));
  if (GetParam()) {
    a.association->Shutdown();
  } else {
    a.association->Abort();
  }
  ASSERT_TRUE(RunUntil([&] { return b.closed.has_value(); }));
  EXPECT_EQ(b.closed->ok(), GetParam()) << b.closed->ToString();
  EXPECT_EQ(b.received_bytes, 100000u);
}

INSTANTIATE_TEST_SUITE_P(ShutdownAndAbort, SctpPausedEndTest, testing::Bool());

TEST_F(SctpAssociationTest, MessagesOverALimitAreRefusedAtBothEnds) {
  SctpOptions small;
  small.max_message_size = 100000;
  Connect(SctpOptions(), small);
  EXPECT_EQ(Send(a, 1, Pattern(SctpOptions().send_buffer + 1, 0)), link::SendResult::kTooLarge);
  ASSERT_EQ(Send(a, 1, Pattern(100000, 0)), link::SendResult::kAccepted);
  ASSERT_TRUE(RunUntil([&] { return b.messages.size() == 1; }));
  EXPECT_FALSE(b.closed.has_value());
  ASSERT_EQ(Send(a, 1, Pattern(100001, 0)), link::SendResult::kAccepted);
  ASSERT_TRUE(RunUntil([&] { return a.closed && b.closed; }));
  EXPECT_EQ(b.closed->code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(a.closed->code(), StatusCode::kClosed);
  EXPECT_EQ(b.messages.size(), 1u);
}

TEST_F(SctpAssociationTest, DamagedPacketsAreDroppedAndSentAgain) {
  Connect();
  int left = 3;
  a.filter = [&](ByteSpan packet) {
    if (left-- <= 0) return true;
    ByteBuffer damaged = ByteBuffer::CopyOf(packet);
    damaged.data()[packet.size() / 2] ^= 1;
    b.association->HandlePacket(damaged);
    return false;
  };
  for (size_t size = 0; size < 12; ++size) b.association->HandlePacket(Pattern(size, 1));
  ASSERT_EQ(Send(a, 1, Pattern(16384, 4)), link::SendResult::kAccepted);
  ASSERT_TRUE(RunUntil([&] { return b.messages.size() == 1; }));
  EXPECT_EQ(b.messages[0].bytes.span(), Pattern(16384, 4).span());
  EXPECT_EQ(b.association->stats().dropped_packets, 15u);
}

// Each INIT is answered with a cookie that has to be signed; a peer may not have as many as it
// likes.
TEST_F(SctpAssociationTest, AnswersNoFloodOfInits) {
  ByteBuffer init;
  a.filter = [&init](ByteSpan packet) {
    constexpr size_t kChunkType = 12;
    if (packet[kChunkType] == 1) init = ByteBuffer::CopyOf(packet);
    return true;
  };
  Connect();
  ASSERT_FALSE(init.empty());
  const size_t packets_before = b.packets_out;
  for (int i = 0; i < 1000; ++i) b.association->HandlePacket(init);
  EXPECT_LE(b.packets_out, packets_before + 64);
  EXPECT_GE(b.association->stats().dropped_packets, 900u);
  EXPECT_EQ(Send(a, 0, Pattern(1000, 1)), link::SendResult::kAccepted);
  EXPECT_TRUE(RunUntil([this] { return b.messages.size() == 1; }));
}

TEST_F(SctpAssociationTest, SurvivesLossInBothDirections) {
  SctpOptions options;
  options.rto_min = options.rto_initial = std::chrono::milliseconds(50);
  Connect(options);
  SeededRandom random(5);
  a.filter = b.filter = [&](ByteSpan) { return random.Below(50) != 0; };
  size_t sent = 0;
  const auto fill = [&] {
    while (sent < 200 &&
           Send(a, static_cast<uint16_t>(sent % 7), Pattern(16384, static_cast<uint8_t>(sent))) ==
               link::SendResult::kAccepted) {
      ++sent;
    }
  };
  a.on_send_ready = fill;
  fill();
  ASSERT_TRUE(RunUntil([&] { return b.messages.size() == 200; }, 3 * kSoon));
  std::map<uint16_t, uint8_t> next;
  for (const InboundMessage& message : b.messages) {
    uint8_t& seed = next.try_emplace(message.stream.value(), message.stream.value()).first->second;
    ASSERT_EQ(message.bytes.span(), Pattern(16384, seed).span());
    seed = static_cast<uint8_t>(seed + 7);
  }
}

TEST_F(SctpAssociationTest, LargerPacketsWhereAgreed) {
  SctpOptions options;
  options.max_packet_size = 8000;
  Connect(options);
  size_t largest = 0;
  a.filter = [&](ByteSpan packet) {
    largest = std::max(largest, packet.size());
    return true;
  };
  ASSERT_EQ(Send(a, 1, Pattern(100000, 1)), link::SendResult::kAccepted);
  ASSERT_TRUE(RunUntil([&] { return b.messages.size() == 1; }));
  EXPECT_GT(largest, 7900u);
  ASSERT_TRUE(a.association->SetMaxPacketSize(1163).ok());
  largest = 0;
  ASSERT_EQ(Send(a, 1, Pattern(100000, 2)), link::SendResult::kAccepted);
  ASSERT_TRUE(RunUntil([&] { return b.messages.size() == 2; }));
  EXPECT_LE(largest, 1163u);
}

struct PacketFit {
  size_t packet_size = 0;
  size_t packets = 0;
};

class SctpPacketFitTest : public AssociationPairTest,
                          public testing::WithParamInterface<PacketFit> {};

// The size that the tunnel gives its messages (kDefaultMaxMessageBytes).
TEST_P(SctpPacketFitTest, AMessageOfTheTunnelLeavesNoRest) {
  SctpOptions options;
  options.max_packet_size = GetParam().packet_size;
  Connect(options);
  size_t packets = 0;
  a.filter = [&](ByteSpan packet) {
    if (packet.First(13).data()[12] == static_cast<uint8_t>(ChunkType::kInterleavedData)) ++packets;
    return true;
  };
  ASSERT_EQ(Send(a, 0, Pattern(15'792, 1)), link::SendResult::kAccepted);
  ASSERT_TRUE(RunUntil([&] { return b.messages.size() == 1; }));
  EXPECT_EQ(packets, GetParam().packets);
}

INSTANTIATE_TEST_SUITE_P(BothSizes, SctpPacketFitTest,
                         testing::Values(PacketFit{1163, 14}, PacketFit{16347, 1}));

TEST_F(SctpAssociationTest, ManyAssociationsLiveSideBySide) {
  std::vector<std::unique_ptr<AssociationEnd>> ends;
  for (int i = 0; i < 20; ++i) {
    ends.push_back(std::make_unique<AssociationEnd>());
    AssociationEnd& end = *ends.back();
    end.association = std::make_unique<SctpAssociation>(SctpOptions(), *stack, end, end);
    ASSERT_TRUE(end.association->Connect().ok());
  }
  loop.SetPump([&] {
    bool moved = false;
    for (size_t i = 0; i < ends.size(); i += 2) {
      moved |= Move(*ends[i], *ends[i + 1]);
      moved |= Move(*ends[i + 1], *ends[i]);
    }
    return moved;
  });
  ASSERT_TRUE(RunUntil([&] {
    return std::all_of(ends.begin(), ends.end(), [](const auto& end) { return end->ups == 1; });
  }));
  for (size_t i = 0; i < ends.size(); ++i) {
    ASSERT_EQ(Send(*ends[i], 1, Pattern(100 + i, 1)), link::SendResult::kAccepted);
  }
  ASSERT_TRUE(RunUntil([&] {
    return std::all_of(ends.begin(), ends.end(),
                       [](const auto& end) { return end->messages.size() == 1; });
  }));
  for (size_t i = 0; i < ends.size(); ++i) {
    EXPECT_EQ(ends[i]->messages[0].bytes.size(), 100 + (i ^ 1));
  }
}

TEST_F(SctpAssociationTest, AnObserverMayHandItsAssociationToDeferDelete) {
  Connect();
  b.on_message = [this](const InboundMessage&) {
    b.association->Abort();
    loop.DeferDelete(std::move(b.association));
  };
  ASSERT_EQ(Send(a, 1, ByteSpan("x")), link::SendResult::kAccepted);
  ASSERT_TRUE(RunUntil([&] { return a.closed.has_value(); }));
}

TEST_F(SctpAssociationTest, IdleAssociationsExchangeHeartbeats) {
  Connect();
  loop.RunFor(std::chrono::milliseconds(100));
  const size_t before = a.packets_out;
  ASSERT_TRUE(RunUntil([&] { return a.packets_out >= before + 2; }, std::chrono::seconds(4)));
}

}  // namespace
}  // namespace ming::sctp
