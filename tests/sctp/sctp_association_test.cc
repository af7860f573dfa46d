// Associations joined in memory: set-up, data, back-pressure and every way to end.
#include "ming/sctp/sctp_association.h"

#include <gtest/gtest.h>

#include "ming/sctp/crc32c.h"

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

}  // namespace
}  // namespace ming::sctp
