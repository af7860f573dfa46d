#include "ming/net/connection_race.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace ming::net {
namespace {

using std::chrono::milliseconds;

constexpr Duration kDelay = milliseconds(250);
Status Unreachable() { return Status::FromErrno("connect", ENETUNREACH); }
Status Refused() { return Status::FromErrno("connect", ECONNREFUSED); }

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
  race.HandleFailure(Unreachable());
  EXPECT_EQ(race.PollStart(kStart), 1u);
  EXPECT_EQ(race.PollStart(kStart), std::nullopt);
}

TEST(ConnectionRaceTest, IsLostWhenAllFailed) {
  ConnectionRace race(2, kDelay);
  EXPECT_EQ(race.PollStart(kStart), 0u);
  race.HandleFailure(Unreachable());
  EXPECT_FALSE(race.lost());
  EXPECT_EQ(race.PollStart(kStart), 1u);
  race.HandleFailure(Unreachable());
  EXPECT_TRUE(race.lost());
  EXPECT_EQ(race.PollStart(kStart + kDelay), std::nullopt);
}

TEST(ConnectionRaceTest, ReportsARefusalBeforeOtherFailures) {
  for (const bool refused_first : {true, false}) {
    ConnectionRace race(2, kDelay);
    EXPECT_TRUE(race.error().ok());
    race.PollStart(kStart);
    race.HandleFailure(refused_first ? Refused() : Unreachable());
    race.PollStart(kStart);
    race.HandleFailure(refused_first ? Unreachable() : Refused());
    EXPECT_EQ(race.error().detail(), ECONNREFUSED);
  }
}

TEST(ConnectionRaceTest, WithoutCandidatesItIsLostFromTheStart) {
  ConnectionRace race(0, kDelay);
  EXPECT_EQ(race.PollStart(kStart), std::nullopt);
  EXPECT_TRUE(race.lost());
}

}  // namespace
}  // namespace ming::net
