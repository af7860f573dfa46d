#include "ming/signaling/signaling_admission.h"

#include <gtest/gtest.h>

#include <string>

namespace ming::signaling {
namespace {

using std::chrono::seconds;

TEST(SignalingAdmissionTest, ForgetsSourcesThatAreGone) {
  SignalingServerCoreOptions options;
  options.valid_tokens = {Secret("t")};
  SignalingAdmission admission(options);
  Timestamp now(seconds(1));
  const IpAddress source = *IpAddress::Parse("192.0.2.1");
  admission.AddConnection(now, source);
  EXPECT_EQ(admission.source_count(), 1u);
  now = now + seconds(1);
  admission.RemoveConnection(now, source);
  EXPECT_EQ(admission.source_count(), 0u);
}

// Those that connect, leave and come back, and those that stay, share one allowance.
TEST(SignalingAdmissionTest, BoundsTheRateOfNewConnectionsOfASource) {
  SignalingServerCoreOptions options;
  options.connection_rate = 2.0;
  options.connection_burst = 5.0;
  SignalingAdmission admission(options);
  Timestamp now(seconds(1));
  const auto arrive = [&](const char* address) {
    const IpAddress source = *IpAddress::Parse(address);
    const auto refusal = admission.Check(now, {source, "", ""});
    if (refusal) return refusal->status;
    admission.AddConnection(now, source);
    admission.RemoveConnection(now, source);
    return 0;
  };
  for (int i = 0; i < 5; ++i) EXPECT_EQ(arrive("192.0.2.1"), 0);
  EXPECT_EQ(arrive("192.0.2.1"), 429);
  EXPECT_EQ(arrive("192.0.2.2"), 0);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(arrive("127.0.0.1"), 0);
  now = now + std::chrono::milliseconds(500);
  EXPECT_EQ(arrive("192.0.2.1"), 0);
  EXPECT_EQ(arrive("192.0.2.1"), 429);
}

TEST(SignalingAdmissionTest, ForgetsArrivalsOfManySources) {
  SignalingServerCoreOptions options;
  SignalingAdmission admission(options);
  Timestamp now(seconds(1));
  for (uint32_t i = 0; i < 200'000; ++i) {
    const uint8_t bytes[] = {10, static_cast<uint8_t>(i >> 16), static_cast<uint8_t>(i >> 8),
                             static_cast<uint8_t>(i)};
    const IpAddress source = IpAddress::FromBytes({bytes, sizeof(bytes)});
    admission.AddConnection(now, source);
    admission.RemoveConnection(now, source);
    now = now + std::chrono::microseconds(100);
  }
  EXPECT_LE(admission.source_count(), 65'536u + 50'000u);
}

TEST(SignalingAdmissionTest, RemembersABoundedNumberOfGuessers) {
  SignalingServerCoreOptions options;
  options.valid_tokens = {Secret("t")};
  SignalingAdmission admission(options);
  Timestamp now(seconds(1));
  const auto guess = [&](uint32_t number) {
    const uint8_t bytes[] = {10, static_cast<uint8_t>(number >> 16),
                             static_cast<uint8_t>(number >> 8), static_cast<uint8_t>(number)};
    const auto refusal =
        admission.Check(now, {IpAddress::FromBytes({bytes, sizeof(bytes)}), "", "Bearer x"});
    EXPECT_EQ(refusal->status, 401);
  };
  for (uint32_t i = 0; i < 70'000; ++i) guess(i);
  EXPECT_EQ(admission.source_count(), 65'536u);
  now = now + seconds(60);
  guess(70'001);
  EXPECT_EQ(admission.source_count(), 1u);
}

TEST(SignalingAdmissionTest, GrantsWhatTheTokenOwns) {
  SignalingServerCoreOptions options;
  options.valid_tokens = {Secret("general")};
  options.host_tokens = {{"a", Secret("s")}, {"b", Secret("s")}, {"c", Secret("other")}};
  const SignalingAdmission admission(options);
  const IpAddress source;
  const SignalingGrant own = admission.Grant({source, "", "Bearer s"});
  EXPECT_TRUE(admission.MayRegister(own, "a"));
  EXPECT_TRUE(admission.MayRegister(own, "b"));
  EXPECT_FALSE(admission.MayRegister(own, "c"));
  EXPECT_FALSE(admission.MayRegister(own, "free"));
  EXPECT_TRUE(own.only_its_hosts());
  const SignalingGrant general = admission.Grant({source, "", "Bearer general"});
  EXPECT_TRUE(admission.MayRegister(general, "free"));
  EXPECT_FALSE(admission.MayRegister(general, "a"));
  EXPECT_FALSE(general.only_its_hosts());
}

}  // namespace
}  // namespace ming::signaling
