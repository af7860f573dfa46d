#include "ming/codec/packet_demux.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <vector>

namespace ming::codec {
namespace {

using Bytes = std::vector<uint8_t>;

Bytes DtlsRecord(size_t body_bytes, uint8_t content_type = 23) {
  Bytes record = {content_type, 254, 253, 0, 1, 0, 0, 0, 0, 0, 7};
  record.push_back(static_cast<uint8_t>(body_bytes >> 8));
  record.push_back(static_cast<uint8_t>(body_bytes & 0xFF));
  record.resize(record.size() + body_bytes, 0xAB);
  return record;
}

Bytes StunMessage(uint16_t body_bytes) {
  Bytes message = {0x00,
                   0x01,
                   static_cast<uint8_t>(body_bytes >> 8),
                   static_cast<uint8_t>(body_bytes & 0xFF),
                   0x21,
                   0x12,
                   0xA4,
                   0x42};
  message.resize(kStunHeaderBytes + body_bytes, 0x5A);
  return message;
}

Bytes Glue(const std::vector<Bytes>& parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

// The beginning of the sample request of RFC 5769, section 2.1, cut to one attribute by its length.
const Bytes kRfc5769Request = {0x00, 0x01, 0x00, 0x08, 0x21, 0x12, 0xA4, 0x42, 0xB7, 0xE7,
                               0xA7, 0x01, 0xBC, 0x34, 0xD6, 0x86, 0xFA, 0x87, 0xDF, 0xAE,
                               0x00, 0x24, 0x00, 0x04, 0x6E, 0x00, 0x01, 0xFF};

TEST(PacketDemux, FirstByteDecides) {
  const auto kind_of = [](int first) {
    const uint8_t byte = static_cast<uint8_t>(first);
    return ClassifyPacket(ByteSpan(&byte, 1));
  };
  for (int first = 0; first < 256; ++first) {
    PacketKind expected = PacketKind::kUnknown;
    if (first <= 3) expected = PacketKind::kStun;
    if (first >= 16 && first <= 19) expected = PacketKind::kZrtp;
    if (first >= 20 && first <= 63) expected = PacketKind::kDtls;
    if (first >= 64 && first <= 79) expected = PacketKind::kTurnChannelData;
    if (first >= 128 && first <= 191) expected = PacketKind::kRtp;
    EXPECT_EQ(kind_of(first), expected) << first;
  }
  EXPECT_EQ(ClassifyPacket(ByteSpan()), PacketKind::kUnknown);
}

TEST(PacketDemux, StunAccountsForEveryByte) {
  EXPECT_TRUE(IsStunMessage(kRfc5769Request));
  EXPECT_TRUE(IsStunMessage(StunMessage(0)));
  for (size_t size = 0; size < kRfc5769Request.size(); ++size) {
    EXPECT_FALSE(IsStunMessage(ByteSpan(kRfc5769Request).First(size))) << size;
  }
  EXPECT_FALSE(IsStunMessage(Glue({kRfc5769Request, {0}})));
  for (const uint8_t length : std::initializer_list<uint8_t>{0, 4, 7, 9, 12, 255}) {
    Bytes message = kRfc5769Request;
    message[3] = length;
    EXPECT_FALSE(IsStunMessage(message)) << int{length};
  }
}

TEST(PacketDemux, StunNeedsItsCookieAndTopBits) {
  for (const size_t at : {4U, 5U, 6U, 7U}) {
    Bytes message = kRfc5769Request;
    message[at] ^= 1U;
    EXPECT_FALSE(IsStunMessage(message)) << at;
  }
  for (const uint8_t first : std::initializer_list<uint8_t>{0x04, 0x40, 0x80, 0xC0}) {
    Bytes message = kRfc5769Request;
    message[0] = first;
    EXPECT_FALSE(IsStunMessage(message)) << int{first};
  }
  Bytes odd_length = StunMessage(6);
  EXPECT_FALSE(IsStunMessage(odd_length));
}

TEST(PacketDemux, DtlsRecordsAddUpToTheDatagram) {
  const Bytes two = Glue({DtlsRecord(1), DtlsRecord(100, 22)});
  EXPECT_TRUE(IsDtlsDatagram(DtlsRecord(1)));
  EXPECT_TRUE(IsDtlsDatagram(two));
  for (size_t size = 0; size < two.size(); ++size) {
    EXPECT_EQ(IsDtlsDatagram(ByteSpan(two).First(size)), size == DtlsRecord(1).size()) << size;
  }
  EXPECT_FALSE(IsDtlsDatagram(Glue({two, {23}})));
}

TEST(PacketDemux, DtlsRecordLengthIsBounded) {
  EXPECT_FALSE(IsDtlsDatagram(DtlsRecord(0)));
  EXPECT_TRUE(IsDtlsDatagram(DtlsRecord(16385)));
  EXPECT_TRUE(IsDtlsDatagram(DtlsRecord(kMaxDtlsRecordBodyBytes)));
  EXPECT_FALSE(IsDtlsDatagram(DtlsRecord(kMaxDtlsRecordBodyBytes + 1)));
  EXPECT_FALSE(IsDtlsDatagram(DtlsRecord(65535)));
}

TEST(PacketDemux, DtlsContentTypeAndVersionAreChecked) {
  for (int type = 0; type < 256; ++type) {
    EXPECT_EQ(IsDtlsDatagram(DtlsRecord(5, static_cast<uint8_t>(type))), type >= 20 && type <= 25)
        << type;
  }
  Bytes record = DtlsRecord(5);
  record[2] = 255;  // DTLS 1.0, which a first ClientHello may say
  EXPECT_TRUE(IsDtlsDatagram(record));
  record[1] = 3;  // TLS
  EXPECT_FALSE(IsDtlsDatagram(record));
}

TEST(PacketSplitter, TakesRecordsAndStunApart) {
  const Bytes first = DtlsRecord(40, 22);
  const Bytes second = DtlsRecord(3);
  const Bytes stun = StunMessage(8);
  const Bytes all = Glue({first, second, stun});
  PacketSplitter splitter{ByteSpan(all)};
  const auto a = splitter.Next();
  const auto b = splitter.Next();
  const auto c = splitter.Next();
  ASSERT_TRUE(a && b && c);
  EXPECT_EQ(a->kind, PacketKind::kDtls);
  EXPECT_TRUE(a->bytes == ByteSpan(first));
  EXPECT_EQ(b->kind, PacketKind::kDtls);
  EXPECT_TRUE(b->bytes == ByteSpan(second));
  EXPECT_EQ(c->kind, PacketKind::kStun);
  EXPECT_TRUE(c->bytes == ByteSpan(stun));
  EXPECT_FALSE(splitter.Next());
}

TEST(PacketSplitter, TheRestBehindTheLastWholePacketIsOnePiece) {
  const Bytes record = DtlsRecord(10);
  const Bytes all = Glue({record, StunMessage(4)});
  for (size_t cut = record.size() + 1; cut < all.size(); ++cut) {
    PacketSplitter splitter(ByteSpan(all).First(cut));
    EXPECT_EQ(splitter.Next()->kind, PacketKind::kDtls);
    const auto rest = splitter.Next();
    ASSERT_TRUE(rest);
    EXPECT_EQ(rest->kind, PacketKind::kUnknown);
    EXPECT_EQ(rest->bytes.size(), cut - record.size());
    EXPECT_FALSE(splitter.Next());
  }
}

TEST(PacketSplitter, NothingComesFromNothing) {
  PacketSplitter splitter{ByteSpan()};
  EXPECT_FALSE(splitter.Next());
}

TEST(PacketSplitter, OnesAreNoPacket) {
  const Bytes ones(1500, 0xFF);
  PacketSplitter splitter{ByteSpan(ones)};
  EXPECT_EQ(splitter.Next()->kind, PacketKind::kUnknown);
  EXPECT_FALSE(splitter.Next());
}

}  // namespace
}  // namespace ming::codec
