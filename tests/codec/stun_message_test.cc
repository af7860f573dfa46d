#include "ming/codec/stun_message.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ming/codec/packet_demux.h"

namespace ming::codec {
namespace {

// The sample request of RFC 5769, section 2.1: user name "evtj:h6vY", password
// "VOkJxbRl1RmTxUk/WvJxBt", the padding of the user name is spaces.
const std::vector<uint8_t> kSampleRequest = {
    0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86,
    0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x10, 0x53, 0x54, 0x55, 0x4e, 0x20, 0x74, 0x65, 0x73,
    0x74, 0x20, 0x63, 0x6c, 0x69, 0x65, 0x6e, 0x74, 0x00, 0x24, 0x00, 0x04, 0x6e, 0x00, 0x01, 0xff,
    0x80, 0x29, 0x00, 0x08, 0x93, 0x2f, 0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36, 0x00, 0x06, 0x00, 0x09,
    0x65, 0x76, 0x74, 0x6a, 0x3a, 0x68, 0x36, 0x76, 0x59, 0x20, 0x20, 0x20, 0x00, 0x08, 0x00, 0x14,
    0x9a, 0xea, 0xa7, 0x0c, 0xbf, 0xd8, 0xcb, 0x56, 0x78, 0x1e, 0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49,
    0xc1, 0xb5, 0x71, 0xa2, 0x80, 0x28, 0x00, 0x04, 0xe5, 0x7a, 0x3b, 0xcf};

// The sample response of RFC 5769, section 2.2: 192.0.2.1, port 32853.
const std::vector<uint8_t> kSampleResponse = {
    0x01, 0x01, 0x00, 0x3c, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86,
    0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x0b, 0x74, 0x65, 0x73, 0x74, 0x20, 0x76, 0x65, 0x63,
    0x74, 0x6f, 0x72, 0x20, 0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43,
    0x00, 0x08, 0x00, 0x14, 0x2b, 0x91, 0xf5, 0x99, 0xfd, 0x9e, 0x90, 0xc3, 0x8c, 0x74, 0x89, 0xf9,
    0x2a, 0xf9, 0xba, 0x53, 0xf0, 0x6b, 0xe7, 0xd7, 0x80, 0x28, 0x00, 0x04, 0xc0, 0x7d, 0x4c, 0x96};

StunTransaction SomeTransaction() { return {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}; }

TEST(StunMessageTest, ReadsTheSampleRequest) {
  const Result<StunMessage> message = ParseStunMessage(kSampleRequest);
  ASSERT_TRUE(message.ok()) << message.status().ToString();
  EXPECT_EQ(message->message_class, StunClass::kRequest);
  EXPECT_EQ(message->method, kStunBinding);
  EXPECT_EQ(message->Username(), "evtj:h6vY");
  EXPECT_EQ(message->Number(StunType::kPriority), 0x6e0001ffU);
  EXPECT_EQ(message->Number(StunType::kIceControlled), 0x932ff9b151263b36U);
  EXPECT_TRUE(StunFingerprintFits(kSampleRequest));
}

TEST(StunMessageTest, ReadsTheSampleResponse) {
  const Result<StunMessage> message = ParseStunMessage(kSampleResponse);
  ASSERT_TRUE(message.ok()) << message.status().ToString();
  EXPECT_EQ(message->message_class, StunClass::kSuccess);
  const StunAddress want{*IpAddress::Parse("192.0.2.1"), Port(32853)};
  EXPECT_EQ(message->XorMappedAddress(), want);
  EXPECT_TRUE(StunFingerprintFits(kSampleResponse));
}

TEST(StunMessageTest, IntegrityCoversWhatStandsBeforeIt) {
  const std::optional<StunIntegrity> integrity = FindStunIntegrity(kSampleRequest);
  ASSERT_TRUE(integrity.has_value());
  EXPECT_EQ(integrity->covered.size(), kSampleRequest.size() - 8 - 24);
  EXPECT_EQ(integrity->covered.data()[3], 0x50);  // up to its own end, without FINGERPRINT
  EXPECT_EQ(integrity->hash[0], 0x9a);
  EXPECT_EQ(integrity->hash[19], 0xa2);
}

TEST(StunMessageTest, EveryByteIsUnderTheFingerprint) {
  for (size_t i = 0; i < kSampleRequest.size(); ++i) {
    std::vector<uint8_t> changed = kSampleRequest;
    changed[i] = static_cast<uint8_t>(changed[i] ^ 1);
    EXPECT_FALSE(StunFingerprintFits(changed)) << "byte " << i;
  }
}

TEST(StunMessageTest, NoTruncationParses) {
  for (size_t size = 0; size < kSampleRequest.size(); ++size) {
    EXPECT_FALSE(ParseStunMessage(ByteSpan(kSampleRequest).First(size)).ok()) << size;
  }
}

TEST(StunMessageTest, AnAttributeThatOverrunsIsMalformed) {
  std::vector<uint8_t> changed = kSampleRequest;
  changed[23] = 0x60;  // the length of the first attribute
  EXPECT_EQ(ParseStunMessage(changed).status().code(), StatusCode::kMalformed);
}

TEST(StunMessageTest, ReadsWhatItWrites) {
  StunWriter writer(StunClass::kError, kStunBinding, SomeTransaction());
  const StunAddress address{*IpAddress::Parse("2001:db8::1"), Port(5000)};
  writer.AddText(StunType::kUsername, "abc:de");
  writer.AddU64(StunType::kIceControlling, 7);
  const std::vector<uint8_t> role_conflict = {0, 0, 4, 87};
  writer.Add(StunType::kErrorCode, role_conflict);
  writer.AddXorMappedAddress(address);
  writer.Add(0x7FFF, ByteSpan());
  const ByteBuffer covered = ByteBuffer::CopyOf(writer.CoveredByIntegrity());
  writer.AddIntegrity({1, 2, 3});
  writer.AddFingerprint();

  const Result<StunMessage> message = ParseStunMessage(writer.wire());
  ASSERT_TRUE(message.ok()) << message.status().ToString();
  EXPECT_EQ(message->message_class, StunClass::kError);
  EXPECT_EQ(message->transaction, SomeTransaction());
  EXPECT_EQ(message->Username(), "abc:de");
  EXPECT_EQ(message->Number(StunType::kIceControlling), 7U);
  EXPECT_EQ(message->ErrorCode(), 487);
  EXPECT_EQ(message->XorMappedAddress(), address);
  EXPECT_EQ(message->attributes.size(), 7U);
  EXPECT_TRUE(StunFingerprintFits(writer.wire()));
  const std::optional<StunIntegrity> integrity = FindStunIntegrity(writer.wire());
  ASSERT_TRUE(integrity.has_value());
  EXPECT_EQ(integrity->covered.span(), covered.span());
}

TEST(StunMessageTest, MethodAndClassAreApart) {
  for (const StunClass message_class :
       {StunClass::kRequest, StunClass::kIndication, StunClass::kSuccess, StunClass::kError}) {
    StunWriter writer(message_class, 0x0BC, SomeTransaction());
    const Result<StunMessage> message = ParseStunMessage(writer.wire());
    ASSERT_TRUE(message.ok());
    EXPECT_EQ(message->message_class, message_class);
    EXPECT_EQ(message->method, 0x0BC);
  }
}

}  // namespace
}  // namespace ming::codec
