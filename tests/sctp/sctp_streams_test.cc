// Streams of associations joined in memory: resets, growth, fairness, partial reliability.
#include <gtest/gtest.h>

#include <algorithm>

#include "ming/base/random.h"
#include "ming/sctp/chunks.h"
#include "ming/sctp/sack.h"

#include "association_pair.h"

namespace ming::sctp {
namespace {

using SctpStreamsTest = AssociationPairTest;

std::vector<StreamId> Ids(uint16_t first, uint16_t end) {
  std::vector<StreamId> ids;
  for (uint16_t id = first; id < end; ++id) ids.emplace_back(id);
  return ids;
}

TEST_F(SctpStreamsTest, AResetDeliversFirstAndIsReportedAtBothEnds) {
  Connect();
  for (int i = 0; i < 20; ++i)
    ASSERT_EQ(Send(a, 5, Pattern(16384, 1)), link::SendResult::kAccepted);
  a.Reset({StreamId(5)});
  ASSERT_TRUE(RunUntil([&] { return b.reset_in.count(5) == 1; }));
  EXPECT_EQ(b.messages.size(), 20u);
  ASSERT_TRUE(RunUntil([&] {
    return a.reset_out.count(5) == 1 && a.reset_in.count(5) == 1 && b.reset_out.count(5) == 1;
  }));
}

TEST_F(SctpStreamsTest, AnIdIsUsableAgainAfterBothDirections) {
  Connect();
  for (size_t round = 1; round <= 5; ++round) {
    ASSERT_EQ(Send(a, 5, ByteSpan("first")), link::SendResult::kAccepted);
    ASSERT_EQ(Send(a, 5, ByteSpan("second")), link::SendResult::kAccepted);
    ASSERT_EQ(Send(b, 5, ByteSpan("back")), link::SendResult::kAccepted);
    ASSERT_TRUE(
        RunUntil([&] { return b.messages.size() == 2 * round && a.messages.size() == round; }));
    a.Reset({StreamId(5)});
    ASSERT_TRUE(RunUntil([&] {
      return a.reset_in.count(5) == round && a.reset_out.count(5) == round &&
             b.reset_in.count(5) == round && b.reset_out.count(5) == round;
    }));
  }
}

TEST_F(SctpStreamsTest, ResetsOfStreamsNeverUsedComplete) {
  Connect();
  a.Reset({StreamId(7)});
  ASSERT_TRUE(RunUntil([&] { return a.reset_in.count(7) == 1 && a.reset_out.count(7) == 1; }));
}

TEST_F(SctpStreamsTest, ManyResetsFromBothEndsAtTheSameTimeComplete) {
  Connect();
  for (uint16_t id = 0; id < 1000; ++id) {
    ASSERT_EQ(Send(a, id, ByteSpan("x")), link::SendResult::kAccepted);
    ASSERT_EQ(Send(b, id, ByteSpan("y")), link::SendResult::kAccepted);
  }
  for (const StreamId id : Ids(0, 1000)) {
    a.Reset({id});
    b.Reset({id});
  }
  EXPECT_TRUE(RunUntil([&] {
    return a.reset_in.size() == 1000 && a.reset_out.size() == 1000 && b.reset_in.size() == 1000 &&
           b.reset_out.size() == 1000;
  }));
  EXPECT_EQ(a.messages.size(), 1000u);
  EXPECT_EQ(b.messages.size(), 1000u);
}

TEST_F(SctpStreamsTest, RefusesToGrowWhereItIsFixed) {
  Connect();
  EXPECT_EQ(a.association->RequestStreams(2048).code(), StatusCode::kResourceExhausted);
}

SctpOptions Growing() {
  SctpOptions options;
  options.growth = StreamGrowth::kOnDemand;
  options.max_incoming_streams = 65535;
  return options;
}

TEST_F(SctpStreamsTest, GrowsBothWaysOnRequest) {
  Connect(Growing());
  ASSERT_EQ(Send(a, 4096, ByteSpan("x")), link::SendResult::kClosed);
  ASSERT_TRUE(a.association->RequestStreams(4097).ok());
  EXPECT_EQ(a.association->RequestStreams(4098).code(), StatusCode::kUnavailable);
  ASSERT_TRUE(RunUntil([&] { return a.added.size() == 1 && b.added.size() == 1; }));
  EXPECT_TRUE(a.added[0].ok()) << a.added[0].ToString();
  EXPECT_EQ(a.association->outgoing_streams(), 4097);
  EXPECT_EQ(b.association->outgoing_streams(), 4097);
  ASSERT_EQ(Send(a, 4096, ByteSpan("x")), link::SendResult::kAccepted);
  ASSERT_EQ(Send(b, 4096, ByteSpan("y")), link::SendResult::kAccepted);
  EXPECT_TRUE(RunUntil([&] { return a.messages.size() == 1 && b.messages.size() == 1; }));
}

TEST_F(SctpStreamsTest, TellsAnEndThatHadMoreStreamsFromTheStart) {
  SctpOptions few = Growing();
  few.outgoing_streams = 64;
  SctpOptions more = Growing();
  more.outgoing_streams = 128;
  Connect(few, more);
  ASSERT_EQ(b.association->incoming_streams(), 64);
  ASSERT_TRUE(a.association->RequestStreams(128).ok());
  ASSERT_TRUE(RunUntil([&] { return a.added.size() == 1 && b.added.size() == 1; }));
  EXPECT_TRUE(b.added[0].ok()) << b.added[0].ToString();
  EXPECT_EQ(b.association->incoming_streams(), 128);
}

TEST_F(SctpStreamsTest, GrowsWhenBothEndsAskAtOnceWhileDataAndResetsAreUnderWay) {
  Connect(Growing());
  for (uint16_t id = 0; id < 30; ++id) {
    ASSERT_EQ(Send(a, id, Pattern(16384, 1)), link::SendResult::kAccepted);
  }
  a.Reset(Ids(0, 10));
  ASSERT_TRUE(a.association->RequestStreams(3000).ok());
  ASSERT_TRUE(b.association->RequestStreams(5000).ok());
  b.Reset(Ids(10, 20));
  ASSERT_TRUE(RunUntil([&] {
    return a.association->outgoing_streams() >= 5000 && b.association->outgoing_streams() >= 5000 &&
           !a.added.empty() && !b.added.empty();
  }));
  for (const Status& status : a.added) EXPECT_TRUE(status.ok()) << status.ToString();
  for (const Status& status : b.added) EXPECT_TRUE(status.ok()) << status.ToString();
  ASSERT_TRUE(RunUntil([&] { return b.messages.size() == 30; }));
  ASSERT_TRUE(RunUntil([&] { return a.reset_in.size() == 20 && a.reset_out.size() == 20; }));
}

TEST_F(SctpStreamsTest, AGrowingEndIsRefusedByAFixedPeer) {
  Connect(Growing(), SctpOptions());
  ASSERT_TRUE(a.association->RequestStreams(2000).ok());
  ASSERT_TRUE(RunUntil([&] { return !a.added.empty(); }));
  EXPECT_EQ(a.added[0].code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(b.association->incoming_streams(), 1024);
  ASSERT_EQ(Send(a, 5, ByteSpan("still up")), link::SendResult::kAccepted);
  EXPECT_TRUE(RunUntil([&] { return b.messages.size() == 1; }));
}

TEST_F(SctpStreamsTest, TenThousandChannelsOfOneParity) {
  Connect(Growing());
  uint16_t streams = 1024;
  while (streams < 20002) {
    streams = static_cast<uint16_t>(std::min(2 * streams, 20002));
    const size_t answers = a.added.size();
    ASSERT_TRUE(a.association->RequestStreams(streams).ok());
    ASSERT_TRUE(RunUntil([&] { return a.added.size() > answers; }));
    ASSERT_TRUE(a.added.back().ok()) << a.added.back().ToString();
  }
  for (uint16_t id = 0; id < 20000; id += 2) {
    ASSERT_EQ(Send(a, id, Pattern(50, static_cast<uint8_t>(id))), link::SendResult::kAccepted)
        << id;
  }
  ASSERT_TRUE(RunUntil([&] { return b.messages.size() == 10000; }));
  for (uint16_t id = 0; id < 20000; id += 2) {
    ASSERT_EQ(Send(b, id, ByteSpan("ok")), link::SendResult::kAccepted);
  }
  ASSERT_TRUE(RunUntil([&] { return a.messages.size() == 10000; }));
  std::vector<StreamId> all;
  for (uint16_t id = 0; id < 20000; id += 2) all.emplace_back(id);
  a.Reset(all);
  EXPECT_TRUE(RunUntil([&] { return a.reset_out.size() == 10000 && a.reset_in.size() == 10000; },
                       3 * kSoon));
}

TEST_F(SctpStreamsTest, ASmallMessageOvertakesALargeOne) {
  Connect();
  ASSERT_EQ(Send(a, 1, Pattern(250000, 1)), link::SendResult::kAccepted);
  ASSERT_EQ(Send(a, 2, ByteSpan("small")), link::SendResult::kAccepted);
  ASSERT_TRUE(RunUntil([&] { return b.messages.size() == 2; }));
  EXPECT_EQ(b.messages[0].stream, StreamId(2));
  EXPECT_EQ(b.messages[1].bytes.span(), Pattern(250000, 1).span());
}

TEST_F(SctpStreamsTest, WithoutInterleavingItWaitsBehindIt) {
  SctpOptions plain;
  plain.interleaving = Interleaving::kOff;
  Connect(SctpOptions(), plain);
  EXPECT_FALSE(a.association->interleaving());
  ASSERT_EQ(Send(a, 1, Pattern(250000, 1)), link::SendResult::kAccepted);
  ASSERT_EQ(Send(a, 2, ByteSpan("small")), link::SendResult::kAccepted);
  ASSERT_TRUE(RunUntil([&] { return b.messages.size() == 2; }));
  EXPECT_EQ(b.messages[0].stream, StreamId(1));
}

TEST_F(SctpStreamsTest, BusyStreamsShareTheAssociation) {
  Connect();
  for (uint16_t stream = 0; stream < 4; ++stream) {
    for (int i = 0; i < 10; ++i) {
      ASSERT_EQ(Send(a, stream, Pattern(16384, 1)), link::SendResult::kAccepted);
    }
  }
  std::map<uint16_t, int> first_half;
  ASSERT_TRUE(RunUntil([&] { return b.messages.size() == 40; }));
  for (size_t i = 0; i < 20; ++i) ++first_half[b.messages[i].stream.value()];
  for (uint16_t stream = 0; stream < 4; ++stream) EXPECT_GE(first_half[stream], 3) << stream;
}

TEST_F(SctpStreamsTest, UnreliableMessagesAreGivenUpAndTheRestGoesOn) {
  SctpOptions options;
  options.rto_min = options.rto_initial = std::chrono::milliseconds(50);
  Connect(options);
  link::ChannelTraits unreliable;
  unreliable.ordering = link::Ordering::kUnordered;
  unreliable.max_retransmits = 0;
  bool lossy = true;
  a.filter = [&](ByteSpan) { return !lossy; };
  for (int i = 0; i < 3; ++i) {  // within the first congestion window
    ASSERT_EQ(Send(a, 1, Pattern(1000, 1), unreliable), link::SendResult::kAccepted);
  }
  lossy = false;
  ASSERT_EQ(Send(a, 1, ByteSpan("later"), unreliable), link::SendResult::kAccepted);
  ASSERT_EQ(Send(a, 2, ByteSpan("reliable")), link::SendResult::kAccepted);
  ASSERT_TRUE(RunUntil([&] { return a.association->QueuedBytes() == 0; }));
  ASSERT_TRUE(RunUntil([&] { return b.messages.size() == 2; }));
  EXPECT_EQ(a.association->stats().abandoned_messages, 3u);
}

TEST_F(SctpStreamsTest, AFloodThatIsLostDoesNotHoldUpWhatFollows) {
  SctpOptions options;
  options.interleaving = Interleaving::kOff;
  options.rto_min = options.rto_initial = std::chrono::milliseconds(50);
  options.max_packet_size = 16347;
  Connect(options);
  link::ChannelTraits unreliable;
  unreliable.ordering = link::Ordering::kUnordered;
  unreliable.max_retransmits = 0;
  const ByteBuffer datagram = Pattern(100, 1);
  // Opens the window wide.
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(Send(a, 2, Pattern(50'000, 1)), link::SendResult::kAccepted);
  }
  ASSERT_TRUE(RunUntil([&] { return a.association->QueuedBytes() == 0; }));
  // No more of them are ahead of the gap than the receiver keeps track of.
  bool lossy = true;
  a.filter = [&](ByteSpan) { return !lossy; };
  size_t taken = 0;
  while (taken < 20'000 && Send(a, 1, datagram, unreliable) == link::SendResult::kAccepted) ++taken;
  EXPECT_EQ(taken, SctpAssociation::kMostAhead);
  EXPECT_EQ(Send(a, 2, ByteSpan("reliable")), link::SendResult::kAccepted);
  const int readies = a.send_readies;
  lossy = false;
  // All of them are given up in one round, and the flow goes on.
  ASSERT_TRUE(RunUntil([&] { return a.send_readies > readies; }, std::chrono::seconds(2)));
  const size_t before = b.messages.size();
  ASSERT_EQ(Send(a, 1, ByteSpan("later"), unreliable), link::SendResult::kAccepted);
  ASSERT_TRUE(RunUntil([&] { return b.messages.size() > before; }, std::chrono::seconds(2)));
  ASSERT_TRUE(RunUntil([&] { return a.association->QueuedBytes() == 0; }));
}

TEST_F(SctpStreamsTest, ReliableMessagesSurviveTheSameLoss) {
  SctpOptions options;
  options.rto_min = options.rto_initial = std::chrono::milliseconds(50);
  Connect(options);
  bool lossy = true;
  a.filter = [&](ByteSpan) { return !lossy; };
  link::ChannelTraits unordered;
  unordered.ordering = link::Ordering::kUnordered;
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(Send(a, 1, Pattern(1000, 1), unordered), link::SendResult::kAccepted);
  }
  lossy = false;
  ASSERT_TRUE(RunUntil([&] { return b.messages.size() == 5; }));
  EXPECT_EQ(a.association->stats().abandoned_messages, 0u);
}

TEST_F(SctpStreamsTest, ResetsAndGrowthSurviveLoss) {
  SctpOptions options = Growing();
  options.rto_min = options.rto_initial = std::chrono::milliseconds(50);
  Connect(options);
  SeededRandom random(3);
  a.filter = b.filter = [&](ByteSpan) { return random.Below(8) != 0; };
  for (uint16_t id = 0; id < 10; ++id) {
    ASSERT_EQ(Send(a, id, ByteSpan("x")), link::SendResult::kAccepted);
  }
  a.Reset(Ids(0, 10));
  ASSERT_TRUE(a.association->RequestStreams(2000).ok());
  ASSERT_TRUE(RunUntil(
      [&] { return a.reset_in.size() == 10 && a.reset_out.size() == 10 && !a.added.empty(); },
      3 * kSoon));
  EXPECT_TRUE(a.added[0].ok()) << a.added[0].ToString();
  EXPECT_EQ(b.messages.size(), 10u);
}

TEST_F(SctpStreamsTest, AResetWaitsForAGapInOtherStreamsAndFollowsItsEnd) {
  SctpOptions options;
  options.rto_min = options.rto_initial = std::chrono::milliseconds(50);
  Connect(options);
  // The engine asks for the reset of stream 1 while a packet of stream 2 is missing; the one that
  // fills the gap is the last that comes.
  int number = 0;
  a.filter = [&](ByteSpan) { return ++number != 2; };
  for (uint16_t stream = 1; stream <= 3; ++stream) {
    ASSERT_EQ(Send(a, stream, ByteSpan("x")), link::SendResult::kAccepted);
  }
  a.Reset({StreamId(1)});
  EXPECT_TRUE(RunUntil([&] { return a.reset_out.count(1) == 1 && a.reset_in.count(1) == 1; }));
  EXPECT_EQ(b.messages.size(), 3u);
}

TEST_F(SctpStreamsTest, SendingBehindAResetIsRefused) {
  Connect();
  ASSERT_EQ(Send(a, 5, Pattern(100000, 1)), link::SendResult::kAccepted);
  a.Reset({StreamId(5)});
  EXPECT_NE(Send(a, 5, ByteSpan("late")), link::SendResult::kAccepted);
  ASSERT_EQ(Send(a, 6, ByteSpan("other")), link::SendResult::kAccepted);
  ASSERT_TRUE(RunUntil([&] { return b.messages.size() == 2; }));
}

TEST_F(SctpStreamsTest, ResetsOfUnknownStreamsAreRefused) {
  Connect();
  EXPECT_EQ(a.association->ResetStreams({StreamId(1024)}).code(), StatusCode::kInvalidArgument);
}

// One on each of as many streams as the send buffer takes: each is half received while the others
// are. Returns how many.
uint16_t SendOnManyStreams(SctpAssociation& association, size_t size) {
  uint16_t sent = 0;
  while (association.Send(StreamId(sent), kBinary, Pattern(size, static_cast<uint8_t>(sent)), {}) ==
         link::SendResult::kAccepted) {
    ++sent;
  }
  return sent;
}

SctpOptions WideWindow() {
  SctpOptions options;
  options.receive_buffer = options.send_buffer;
  return options;
}

// Of what the tunnel sends in bulk several times max_reassembly_bytes may be incomplete.
TEST_F(SctpStreamsTest, LongMessagesOfManyStreamsAtOnceAllArrive) {
  constexpr size_t kMessage = size_t{64} << 10;
  Connect(WideWindow());
  ASSERT_TRUE(a.association->interleaving());
  const uint16_t sent = SendOnManyStreams(*a.association, kMessage);
  ASSERT_GT(sent * kMessage / 2, WideWindow().max_reassembly_bytes);
  ASSERT_TRUE(RunUntil([&] { return b.messages.size() == sent || b.closed; }));
  ASSERT_FALSE(b.closed) << b.closed->ToString();
  for (const InboundMessage& message : b.messages) {
    const ByteBuffer wanted = Pattern(kMessage, static_cast<uint8_t>(message.stream.value()));
    ASSERT_EQ(message.bytes.span(), wanted.span()) << message.stream;
  }
}

TEST_F(SctpStreamsTest, TooManyOfTheLongestAtOnceEndTheAssociation) {
  Connect(WideWindow());
  const uint16_t sent = SendOnManyStreams(*a.association, WideWindow().max_message_size);
  ASSERT_GT(sent * WideWindow().max_message_size / 2, WideWindow().max_reassembly_bytes);
  ASSERT_TRUE(RunUntil([&] { return b.closed.has_value(); }));
  EXPECT_EQ(b.closed->code(), StatusCode::kResourceExhausted);
}

// The engine alone would wait for the end of messages that no window is left for.
TEST_F(SctpStreamsTest, UnfinishedMessagesThatFillTheWindowGoOn) {
  constexpr size_t kMessage = size_t{100} << 10;
  SctpOptions options;
  options.receive_buffer = size_t{1} << 20;
  Connect({}, options);
  constexpr uint16_t kStreams = 30;  // three windows, and less than max_reassembly_bytes
  for (uint16_t stream = 0; stream < kStreams; ++stream) {
    ASSERT_EQ(Send(a, stream, Pattern(kMessage, static_cast<uint8_t>(stream))),
              link::SendResult::kAccepted);
  }
  ASSERT_TRUE(RunUntil([&] { return b.messages.size() == kStreams || b.closed; }));
  ASSERT_FALSE(b.closed) << b.closed->ToString();
  for (const InboundMessage& message : b.messages) {
    const ByteBuffer wanted = Pattern(kMessage, static_cast<uint8_t>(message.stream.value()));
    ASSERT_EQ(message.bytes.span(), wanted.span()) << message.stream;
  }
}

TEST_F(SctpStreamsTest, MessagesAreWholeAgainWhenTheWindowIsFree) {
  constexpr size_t kMessage = size_t{100} << 10;
  constexpr uint16_t kStreams = 30;
  SctpOptions options;
  options.receive_buffer = size_t{1} << 20;
  Connect({}, options);
  const auto send = [&](uint16_t streams) {
    const size_t wanted = b.messages.size() + streams;
    for (uint16_t stream = 0; stream < streams; ++stream) {
      ASSERT_EQ(Send(a, stream, Pattern(kMessage, 1)), link::SendResult::kAccepted);
    }
    ASSERT_TRUE(RunUntil([&] { return b.messages.size() == wanted; }));
  };
  send(kStreams);
  send(1);  // its SACKs tell the window
  // What is whole takes room of the window until it is complete.
  size_t least = options.receive_buffer;
  b.filter = [&](ByteSpan packet) {
    ByteSpan rest = packet.Skip(kCommonHeader);
    const std::optional<Chunk> chunk = NextChunk(rest);
    const std::optional<Sack> sack = chunk ? ParseSack(*chunk) : std::nullopt;
    if (sack) least = std::min<size_t>(least, sack->window);
    return true;
  };
  send(1);
  EXPECT_LT(least, options.receive_buffer - kMessage / 2);
}

TEST_F(SctpStreamsTest, MoreUnfinishedMessagesThanTheLimitEndTheAssociation) {
  constexpr size_t kMessage = size_t{100} << 10;
  SctpOptions options;
  options.receive_buffer = size_t{1} << 20;
  Connect({}, options);
  const uint16_t sent = SendOnManyStreams(*a.association, kMessage);
  ASSERT_GT(sent * kMessage / 2, options.receive_buffer + options.max_reassembly_bytes);
  ASSERT_TRUE(RunUntil([&] { return b.closed.has_value(); }));
  EXPECT_EQ(b.closed->code(), StatusCode::kResourceExhausted);
  EXPECT_NE(b.closed->message().find("incomplete messages"), std::string::npos);
}

}  // namespace
}  // namespace ming::sctp
