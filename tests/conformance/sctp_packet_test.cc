#include "ming/conformance/sctp_packet.h"

#include <gtest/gtest.h>

#include <vector>

#include "ming/base/byte_io.h"

namespace ming::conformance {
namespace {

// INIT with 16 streams each way, Supported Extensions 130 and 192.
ByteBuffer Init() {
  ByteBuffer body;
  ByteWriter writer(body);
  writer.WriteU32(0x11223344);
  writer.WriteU32(131072);
  writer.WriteU16(16);
  writer.WriteU16(17);
  writer.WriteU32(1);
  writer.WriteU16(0x8008);
  writer.WriteU16(6);
  writer.WriteU8(130);
  writer.WriteU8(192);
  writer.WriteU16(0);  // padding
  writer.WriteU16(0xC000);
  writer.WriteU16(4);
  return body;
}

TEST(SctpPacket, ReadsWhatItWrites) {
  ByteBuffer packet = StartSctpPacket(5000, 5001, 0xCAFE);
  AppendChunk(packet, static_cast<uint8_t>(ChunkType::kHeartbeat), 0, ByteBuffer::CopyOf("abc"));
  AppendChunk(packet, static_cast<uint8_t>(ChunkType::kInit), 3, Init());
  const auto view = ParseSctpPacket(packet);
  ASSERT_TRUE(view.has_value());
  EXPECT_EQ(view->source_port, 5000);
  EXPECT_EQ(view->destination_port, 5001);
  EXPECT_EQ(view->verification_tag, 0xCAFEU);
  ASSERT_EQ(view->chunks.size(), 2U);
  EXPECT_EQ(view->Find(ChunkType::kHeartbeat)->value.AsText(), "abc");
  EXPECT_EQ(view->Find(ChunkType::kAbort), nullptr);
  const auto init = ParseSctpInit(*view->Find(ChunkType::kInit));
  ASSERT_TRUE(init.has_value());
  EXPECT_EQ(init->initiate_tag, 0x11223344U);
  EXPECT_EQ(init->outbound_streams, 16);
  EXPECT_EQ(init->inbound_streams, 17);
  EXPECT_TRUE(init->supports(ChunkType::kReconfig));
  EXPECT_TRUE(init->supports(ChunkType::kForwardTsn));
  EXPECT_FALSE(init->supports(ChunkType::kIData));
}

TEST(SctpPacket, NoTruncationReadsPastTheEnd) {
  ByteBuffer packet = StartSctpPacket(1, 2, 3);
  AppendChunk(packet, static_cast<uint8_t>(ChunkType::kInit), 0, Init());
  for (size_t size = 0; size < packet.size(); ++size) {
    // A copy of exactly that size, so that a sanitizer sees one byte too many.
    const ByteBuffer cut = ByteBuffer::CopyOf(packet.span().First(size));
    const auto view = ParseSctpPacket(cut);
    if (!view) continue;
    for (const SctpChunk& chunk : view->chunks) ParseSctpInit(chunk);
  }
  SctpChunk init;
  const ByteBuffer body = Init();
  for (size_t size = 0; size < body.size(); ++size) {
    const ByteBuffer cut = ByteBuffer::CopyOf(body.span().First(size));
    init.value = cut;
    ParseSctpInit(init);
  }
}

TEST(SctpPacket, ALengthBelowTheHeaderIsNoChunk) {
  ByteBuffer packet = StartSctpPacket(1, 2, 3);
  ByteWriter writer(packet);
  writer.WriteU32(0x04000003);
  EXPECT_FALSE(ParseSctpPacket(packet).has_value());
}

}  // namespace
}  // namespace ming::conformance
