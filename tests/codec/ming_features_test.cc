#include "ming/codec/ming_features.h"

#include <gtest/gtest.h>

namespace ming::codec {
namespace {

MingFeatures Full() {
  MingFeatures features;
  features.half_close = true;
  features.max_message_bytes = 262144;
  features.path_mtu_bytes = 8192;
  features.credit_bytes = 1048576;
  features.restart_requests = true;
  features.path_probes = true;
  features.protocol = TunnelProtocol::kUdp;
  features.answers = "aBc/+9";
  return features;
}

TEST(MingFeatures, GoldenValueRoundTrips) {
  const std::string golden =
      "1 half-close restart probe msg=262144 path-mtu=8192 credit=1048576 protocol=udp "
      "answers=aBc/+9";
  EXPECT_EQ(SerializeMingFeatures(Full()), golden);
  EXPECT_EQ(ParseMingFeatures(golden), Full());
  EXPECT_EQ(SerializeMingFeatures({}), "1");
  EXPECT_EQ(ParseMingFeatures("1"), MingFeatures{});
}

TEST(MingFeatures, WithoutAVersionThePeerIsForeign) {
  for (const char* foreign : {"", " ", "half-close", "0 half-close", "-1", "1000", "v1", "1.0",
                              "99999999999999999999999"}) {
    EXPECT_FALSE(ParseMingFeatures(foreign)) << foreign;
  }
}

TEST(MingFeatures, LaterVersionsAndUnknownFeaturesAreTaken) {
  const auto features = ParseMingFeatures("  2  teleport half-close beam=3  x= =");
  ASSERT_TRUE(features);
  EXPECT_EQ(features->version, 2U);
  EXPECT_TRUE(features->half_close);
}

TEST(MingFeatures, NamesMustMatchWhole) {
  const auto features =
      ParseMingFeatures("1 half-closed half-close=1 Half-Close MSG=2048 msg 2048");
  EXPECT_EQ(features, MingFeatures{});
}

TEST(MingFeatures, OnlyKnownProtocolsAreNamed) {
  EXPECT_EQ(ParseMingFeatures("1 protocol=tcp")->protocol, TunnelProtocol::kTcp);
  EXPECT_EQ(ParseMingFeatures("1 protocol=quic protocol=udp")->protocol, TunnelProtocol::kUdp);
  EXPECT_EQ(ParseMingFeatures("1 protocol= answers= protocol restart=1"), MingFeatures{});
}

TEST(MingFeatures, WhatIsOnOrOffNeedsBothSides) {
  struct Switch {
    bool MingFeatures::*offered;
    bool MingAgreement::*agreed;
  };
  for (const auto& [offered, agreed] :
       {Switch{&MingFeatures::half_close, &MingAgreement::half_close},
        Switch{&MingFeatures::restart_requests, &MingAgreement::restart_requests},
        Switch{&MingFeatures::path_probes, &MingAgreement::path_probes}}) {
    MingFeatures with;
    with.*offered = true;
    EXPECT_TRUE(Intersect(with, with).*agreed);
    EXPECT_FALSE(Intersect(with, {}).*agreed);
    EXPECT_FALSE(Intersect({}, with).*agreed);
  }
}

TEST(MingFeatures, ValuesAreHeldWithinTheirRange) {
  const auto message_bytes = [](const std::string& value) {
    return ParseMingFeatures("1 msg=" + value)->max_message_bytes;
  };
  for (const char* unusable : {"", "0", "-1", "+2048", "2048x", "0x800", "1023", "1e6"}) {
    EXPECT_FALSE(message_bytes(unusable)) << unusable;
  }
  EXPECT_EQ(message_bytes("1024"), kMinFeatureMessageBytes);
  EXPECT_EQ(message_bytes("0002048"), 2048U);
  EXPECT_EQ(message_bytes("1048576"), kMaxFeatureMessageBytes);
  for (const char* huge : {"1048577", "4294967296", "18446744073709551616",
                           "99999999999999999999999999999999999999"}) {
    EXPECT_EQ(message_bytes(huge), kMaxFeatureMessageBytes) << huge;
  }
  const auto low = ParseMingFeatures("1 path-mtu=1199 credit=1023");
  EXPECT_EQ(low, MingFeatures{});
  const auto high = ParseMingFeatures("1 path-mtu=65536 credit=1073741825");
  EXPECT_EQ(high->path_mtu_bytes, kMaxFeaturePathMtu);
  EXPECT_EQ(high->credit_bytes, kMaxFeatureCredit);
}

TEST(MingFeatures, TheFirstUsableOfTwoCounts) {
  EXPECT_EQ(ParseMingFeatures("1 msg=4096 msg=8192")->max_message_bytes, 4096U);
  EXPECT_EQ(ParseMingFeatures("1 msg=0 msg=8192")->max_message_bytes, 8192U);
}

TEST(MingFeatures, WritesValuesWithinTheirRange) {
  MingFeatures features;
  features.max_message_bytes = 1;
  features.path_mtu_bytes = UINT32_MAX;
  EXPECT_EQ(SerializeMingFeatures(features), "1 msg=1024 path-mtu=65535");
}

TEST(MingAgreement, HoldsWhatBothNamed) {
  MingFeatures remote = Full();
  remote.max_message_bytes = 65536;
  remote.path_mtu_bytes = 16384;
  remote.credit_bytes = 4096;
  const MingAgreement agreement = Intersect(Full(), remote);
  EXPECT_TRUE(agreement.half_close);
  EXPECT_EQ(agreement.send_message_bytes, 65536U);
  EXPECT_EQ(agreement.path_mtu_bytes, 8192U);
  EXPECT_EQ(agreement.send_credit_bytes, 4096U);
  EXPECT_EQ(agreement.receive_credit_bytes, 1048576U);
}

TEST(MingAgreement, IsEmptyWhereOneSideIsSilent) {
  EXPECT_EQ(Intersect(Full(), {}), MingAgreement{});
  EXPECT_EQ(Intersect({}, Full()), MingAgreement{});
}

}  // namespace
}  // namespace ming::codec
