#include "ming/codec/dcep.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

namespace ming::codec {
namespace {

using Bytes = std::vector<uint8_t>;

// ordered:false, maxRetransmits:0, label "tunnel-udp", as Pion writes it.
const Bytes kPionUdpOpen = {0x03, 0x81, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x0A, 0x00,
                            0x00, 't',  'u',  'n',  'n',  'e',  'l',  '-',  'u',  'd',  'p'};

DataChannelOpen OpenOf(ByteSpan wire) {
  auto message = ParseDcepMessage(wire);
  EXPECT_TRUE(message.ok()) << message.status().ToString();
  if (!message.ok() || !std::holds_alternative<DataChannelOpen>(*message)) return {};
  return std::get<DataChannelOpen>(*message);
}

StatusCode CodeOf(ByteSpan wire) { return ParseDcepMessage(wire).status().code(); }

Bytes OpenWithLengths(uint16_t label_bytes, uint16_t protocol_bytes, size_t text_bytes) {
  Bytes wire = {0x03, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00};
  for (const uint16_t length : std::initializer_list<uint16_t>{label_bytes, protocol_bytes}) {
    wire.push_back(static_cast<uint8_t>(length >> 8));
    wire.push_back(static_cast<uint8_t>(length & 0xFF));
  }
  wire.resize(wire.size() + text_bytes, 'x');
  return wire;
}

TEST(Dcep, ReadsTheOpenOfPion) {
  const DataChannelOpen open = OpenOf(kPionUdpOpen);
  EXPECT_EQ(open.label, "tunnel-udp");
  EXPECT_EQ(open.protocol, "");
  EXPECT_EQ(open.priority, kDcepPriorityNormal);
  EXPECT_EQ(open.reliability.ordering, DcepOrdering::kUnordered);
  EXPECT_EQ(open.reliability.max_retransmits, 0U);
  EXPECT_FALSE(open.reliability.max_lifetime_ms);
}

TEST(Dcep, WritesGoldenBytes) {
  DataChannelOpen udp;
  udp.label = "tunnel-udp";
  udp.reliability.ordering = DcepOrdering::kUnordered;
  udp.reliability.max_retransmits = 0;
  EXPECT_EQ(HexDump(SerializeDataChannelOpen(udp)), HexDump(kPionUdpOpen));

  DataChannelOpen tcp;
  tcp.label = "t";
  tcp.protocol = "p";
  EXPECT_EQ(HexDump(SerializeDataChannelOpen(tcp)), "03 00 01 00 00 00 00 00 00 01 00 01 74 70");
  EXPECT_EQ(HexDump(SerializeDataChannelAck()), "02");
}

TEST(Dcep, EveryChannelTypeRoundTrips) {
  for (const DcepOrdering ordering : {DcepOrdering::kOrdered, DcepOrdering::kUnordered}) {
    for (const int limit : {0, 1, 2}) {
      DataChannelOpen open;
      open.label = "l\xC3\xA4";
      open.protocol = "proto";
      open.priority = 512;
      open.reliability.ordering = ordering;
      if (limit == 1) open.reliability.max_retransmits = UINT32_MAX;
      if (limit == 2) open.reliability.max_lifetime_ms = 1500;
      EXPECT_EQ(OpenOf(SerializeDataChannelOpen(open)), open) << limit;
    }
  }
}

TEST(Dcep, IgnoresTheParameterOfReliableChannels) {
  Bytes wire = OpenWithLengths(0, 0, 0);
  wire[7] = 9;
  EXPECT_EQ(OpenOf(wire).reliability, DcepReliability{});
}

TEST(Dcep, AckIsKnownByItsFirstByte) {
  for (const Bytes& ack : {Bytes{2}, Bytes{2, 0, 0, 0}, Bytes{2, 1, 2, 3}}) {
    const auto message = ParseDcepMessage(ack);
    ASSERT_TRUE(message.ok());
    EXPECT_TRUE(std::holds_alternative<DataChannelAck>(*message));
  }
  for (const Bytes& bad : {Bytes{2, 0}, Bytes{2, 0, 0}, Bytes{2, 0, 0, 0, 0}}) {
    EXPECT_EQ(CodeOf(bad), StatusCode::kMalformed) << HexDump(bad);
  }
}

TEST(Dcep, RefusesEveryTruncation) {
  for (size_t size = 0; size < kPionUdpOpen.size(); ++size) {
    EXPECT_EQ(CodeOf(ByteSpan(kPionUdpOpen).First(size)), StatusCode::kMalformed) << size;
  }
}

TEST(Dcep, RefusesLengthsThatDisagreeWithTheMessage) {
  EXPECT_EQ(OpenOf(OpenWithLengths(3, 2, 5)).label, "xxx");
  EXPECT_EQ(CodeOf(OpenWithLengths(3, 2, 6)), StatusCode::kMalformed);
  for (const uint16_t length : std::initializer_list<uint16_t>{0, 1, 2, 4, 65534, 65535}) {
    EXPECT_EQ(CodeOf(OpenWithLengths(length, 2, 5)), StatusCode::kMalformed) << length;
  }
  for (const uint16_t length : std::initializer_list<uint16_t>{0, 1, 3, 65534, 65535}) {
    EXPECT_EQ(CodeOf(OpenWithLengths(3, length, 5)), StatusCode::kMalformed) << length;
  }
}

TEST(Dcep, TakesTheLongestTexts) {
  EXPECT_EQ(OpenOf(OpenWithLengths(65535, 65535, size_t{65535} * 2)).protocol.size(), 65535U);
  EXPECT_EQ(CodeOf(OpenWithLengths(65535, 65535, size_t{65535} * 2 + 1)), StatusCode::kMalformed);
  EXPECT_EQ(CodeOf(OpenWithLengths(65535, 65535, size_t{65535} * 2 - 1)), StatusCode::kMalformed);
}

TEST(Dcep, RefusesTextThatIsNotUtf8) {
  Bytes wire = OpenWithLengths(1, 1, 2);
  wire[12] = 0xFF;
  EXPECT_EQ(CodeOf(wire), StatusCode::kMalformed);
  wire[12] = 'a';
  wire[13] = 0xC3;
  EXPECT_EQ(CodeOf(wire), StatusCode::kMalformed);
}

TEST(Dcep, UnknownTypesAreUnsupported) {
  for (const uint8_t type : std::initializer_list<uint8_t>{0, 1, 4, 0x7F, 0xFF}) {
    EXPECT_EQ(CodeOf(Bytes{type, 0, 0, 0}), StatusCode::kUnsupported) << int{type};
  }
  for (const uint8_t channel_type : std::initializer_list<uint8_t>{0x03, 0x7F, 0x83, 0xFF}) {
    Bytes wire = OpenWithLengths(0, 0, 0);
    wire[1] = channel_type;
    EXPECT_EQ(CodeOf(wire), StatusCode::kUnsupported) << int{channel_type};
  }
}

TEST(Dcep, TwoMessagesGluedAreOneBadMessage) {
  Bytes glued = kPionUdpOpen;
  glued.insert(glued.end(), kPionUdpOpen.begin(), kPionUdpOpen.end());
  EXPECT_EQ(CodeOf(glued), StatusCode::kMalformed);
}

}  // namespace
}  // namespace ming::codec
