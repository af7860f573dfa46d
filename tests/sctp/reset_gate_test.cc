#include "ming/sctp/reset_gate.h"

#include <gtest/gtest.h>

#include <vector>

#include "ming/base/byte_io.h"

namespace ming::sctp {
namespace {

ByteBuffer Header() {
  return ByteBuffer::CopyOf(std::vector<uint8_t>{0x13, 0x88, 0x13, 0x88, 1, 2, 3, 4, 0, 0, 0, 0});
}

ByteBuffer Sack(uint32_t tsn) {
  ByteBuffer chunk;
  ByteWriter writer(chunk);
  writer.WriteU32(0x03000010);
  writer.WriteU32(tsn);
  writer.WriteU32(100000);
  writer.WriteU32(0);
  return chunk;
}

// A request for stream 5, with padding behind it.
ByteBuffer ResetRequest(uint32_t last_tsn) {
  ByteBuffer chunk;
  ByteWriter writer(chunk);
  writer.WriteU32(0x82000016);
  writer.WriteU32(0x000d0012);
  writer.WriteU32(77);
  writer.WriteU32(88);
  writer.WriteU32(last_tsn);
  writer.WriteU32(0x00050000);
  return chunk;
}

ByteBuffer ResetResponse() {
  ByteBuffer chunk;
  ByteWriter writer(chunk);
  writer.WriteU32(0x82000010);
  writer.WriteU32(0x0010000c);
  writer.WriteU32(77);
  writer.WriteU32(1);
  return chunk;
}

template <typename... Chunks>
ByteBuffer Packet(const Chunks&... chunks) {
  ByteBuffer packet = Header();
  (packet.Append(chunks), ...);
  return packet;
}

TEST(ResetGateTest, PassesRequestsThatAreInTime) {
  ResetGate gate;
  EXPECT_FALSE(gate.HoldBack(Packet(ResetRequest(1000)))) << "nothing is known yet";
  gate.NoteOutbound(Packet(Sack(1000)));
  EXPECT_FALSE(gate.HoldBack(Packet(ResetRequest(1000))));
  EXPECT_FALSE(gate.HoldBack(Packet(ResetRequest(999))));
  EXPECT_FALSE(gate.HasDue());
}

TEST(ResetGateTest, HoldsAnEarlyRequestUntilTheGapIsClosed) {
  ResetGate gate;
  gate.NoteOutbound(Packet(Sack(1000)));
  const ByteBuffer early = Packet(ResetRequest(1003));
  const auto passing = gate.HoldBack(early);
  ASSERT_TRUE(passing.has_value());
  EXPECT_EQ(passing->span(), Header().span());
  gate.NoteOutbound(Packet(Sack(1002)));
  EXPECT_FALSE(gate.HasDue());
  gate.NoteOutbound(Packet(Sack(1003)));
  ASSERT_TRUE(gate.HasDue());
  EXPECT_EQ(gate.TakeDue().span(), early.span());
  EXPECT_FALSE(gate.HasDue());
}

TEST(ResetGateTest, LetsTheOtherChunksOfThePacketPass) {
  ResetGate gate;
  gate.NoteOutbound(Packet(Sack(1000)));
  const auto passing =
      gate.HoldBack(Packet(Sack(7), ResetResponse(), ResetRequest(1001), ResetResponse(), Sack(8)));
  ASSERT_TRUE(passing.has_value());
  EXPECT_EQ(passing->span(), Packet(Sack(7), ResetResponse(), ResetResponse(), Sack(8)).span());
  gate.NoteOutbound(Packet(Sack(1001)));
  EXPECT_EQ(gate.TakeDue().span(), Packet(ResetRequest(1001)).span());
}

TEST(ResetGateTest, ARepeatedRequestTakesThePlaceOfTheFirst) {
  ResetGate gate;
  gate.NoteOutbound(Packet(Sack(1000)));
  EXPECT_TRUE(gate.HoldBack(Packet(ResetRequest(1001))));
  EXPECT_TRUE(gate.HoldBack(Packet(ResetRequest(1002))));
  gate.NoteOutbound(Packet(Sack(1001)));
  EXPECT_FALSE(gate.HasDue());
  gate.NoteOutbound(Packet(Sack(1002)));
  ASSERT_TRUE(gate.HasDue());
  (void)gate.TakeDue();
  EXPECT_FALSE(gate.HasDue());
}

TEST(ResetGateTest, ComparesAroundTheWrap) {
  ResetGate gate;
  gate.NoteOutbound(Packet(Sack(0xfffffffe)));
  EXPECT_TRUE(gate.HoldBack(Packet(ResetRequest(1))));
  gate.NoteOutbound(Packet(Sack(1)));
  EXPECT_TRUE(gate.HasDue());
}

TEST(ResetGateTest, LeavesBrokenChunksToTheEngine) {
  ResetGate gate;
  gate.NoteOutbound(Packet(Sack(1000)));
  const ByteBuffer whole = Packet(ResetRequest(2000));
  // A chunk that is cut short is no chunk; padding may be missing.
  for (size_t size = 0; size < whole.size() - 2; ++size) {
    EXPECT_FALSE(gate.HoldBack(whole.span().First(size))) << size;
    ResetGate other;
    other.NoteOutbound(whole.span().First(size));
  }
  EXPECT_TRUE(gate.HoldBack(whole.span().First(whole.size() - 2)));
  // Lengths inside the chunk that do not hold.
  for (const uint8_t length : std::vector<uint8_t>{0, 3, 0x11, 0x13, 0xff}) {
    ByteBuffer broken = ByteBuffer::CopyOf(whole);
    broken.data()[19] = length;
    (void)gate.HoldBack(broken);
  }
}

}  // namespace
}  // namespace ming::sctp
