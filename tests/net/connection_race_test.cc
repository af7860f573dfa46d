#include "ming/net/connection_race.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace ming::net {
namespace {

using std::chrono::milliseconds;

constexpr Duration kDelay = milliseconds(250);
constexpr Timestamp kStart{std::chrono::hours(1)};

std::vector<std::string> Alternated(const std::vector<std::string>& hosts) {
  std::vector<SocketAddress> addresses;
  addresses.reserve(hosts.size());
  for (const auto& host : hosts) addresses.push_back(*SocketAddress::ParseHost(host, Port(0)));
  std::vector<std::string> result;
  for (const auto& address : AlternateFamilies(addresses)) {
    result.push_back(address.ip().ToString());
  }
  return result;
}

TEST(AlternateFamiliesTest, StartsWithTheFirstFamilyAndKeepsTheOrderWithin) {
  EXPECT_THAT(Alternated({"::1", "::2", "::3", "10.0.0.1", "10.0.0.2"}),
              testing::ElementsAre("::1", "10.0.0.1", "::2", "10.0.0.2", "::3"));
  EXPECT_THAT(Alternated({"10.0.0.1", "::1", "::2"}),
              testing::ElementsAre("10.0.0.1", "::1", "::2"));
  EXPECT_THAT(Alternated({"10.0.0.1", "10.0.0.2"}), testing::ElementsAre("10.0.0.1", "10.0.0.2"));
  EXPECT_THAT(Alternated({}), testing::IsEmpty());
}

TEST(ConnectionRaceTest, StartsTheFirstAtOnceAndTheNextAfterTheDelay) {
  ConnectionRace race(2, kDelay);
  EXPECT_EQ(race.PollStart(kStart), 0u);
  EXPECT_EQ(race.PollStart(kStart), std::nullopt);
  EXPECT_EQ(race.NextStart(), kStart + kDelay);
  EXPECT_EQ(race.PollStart(kStart + kDelay - milliseconds(1)), std::nullopt);
  EXPECT_EQ(race.PollStart(kStart + kDelay), 1u);
  EXPECT_EQ(race.NextStart(), Timestamp::Max());
}

TEST(ConnectionRaceTest, AFailureStartsTheNextAtOnce) {
  ConnectionRace race(3, kDelay);
  EXPECT_EQ(race.PollStart(kStart), 0u);
  race.HandleFailure();
  EXPECT_EQ(race.PollStart(kStart), 1u);
  EXPECT_EQ(race.PollStart(kStart), std::nullopt);
}

TEST(ConnectionRaceTest, IsLostWhenAllFailed) {
  ConnectionRace race(2, kDelay);
  EXPECT_EQ(race.PollStart(kStart), 0u);
  race.HandleFailure();
  EXPECT_FALSE(race.lost());
  EXPECT_EQ(race.PollStart(kStart), 1u);
  race.HandleFailure();
  EXPECT_TRUE(race.lost());
  EXPECT_EQ(race.PollStart(kStart + kDelay), std::nullopt);
}

TEST(ConnectionRaceTest, WithoutCandidatesItIsLostFromTheStart) {
  ConnectionRace race(0, kDelay);
  EXPECT_EQ(race.PollStart(kStart), std::nullopt);
  EXPECT_TRUE(race.lost());
}

}  // namespace
}  // namespace ming::net
