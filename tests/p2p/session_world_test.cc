// Both session cores together, under simulated time.
#include "session_world.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>

namespace ming::p2p {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Simulations rerun with other seeds: MING_SIM_SEED shifts all of them.
uint64_t Seed(uint64_t number) {
  const char* shift = std::getenv("MING_SIM_SEED");  // NOLINT(concurrency-mt-unsafe): one thread
  return number + (shift == nullptr ? 0 : std::strtoull(shift, nullptr, 10) * 1'000'003);
}

TEST(SessionWorldTest, ConnectsWhoeverStartsFirst) {
  for (uint64_t order = 0; order < 6; ++order) {
    SessionWorld world(Seed(order), {}, true);
    const int first = static_cast<int>(order / 2);
    const int second = (first + 1 + static_cast<int>(order % 2)) % 3;
    const int third = 3 - first - second;
    for (const int part : {first, second, third}) {
      if (part == 0) world.StartServer();
      if (part == 1) world.StartHost();
      if (part == 2) world.StartClient();
      world.Run(milliseconds(700));
    }
    EXPECT_TRUE(world.RunUntilConnected(seconds(6)).has_value()) << "order " << order;
    EXPECT_EQ(world.sessions_made(), 1U);
  }
}

TEST(SessionWorldTest, EndsWhenThereIsNoHost) {
  SessionWorld world(Seed(1), {}, true);
  world.StartServer();
  world.StartClient();
  world.Run(seconds(11));
  EXPECT_EQ(world.client_end(), TunnelEnd::kHostNotFound);
  EXPECT_EQ(world.client_peers(), 0U);
}

TEST(SessionWorldTest, EndsWhenThereIsNoServer) {
  SessionWorld world(Seed(1), {}, true);
  world.StartHost();
  world.StartClient();
  world.Run(seconds(11));
  EXPECT_EQ(world.client_end(), TunnelEnd::kServerLost);
}

TEST(SessionWorldTest, EndsWhenThereIsNoPath) {
  SessionWorld world(Seed(1), {}, true);
  world.SetNetwork(false);
  world.StartServer();
  world.StartHost();
  world.StartClient();
  world.Run(seconds(20));
  EXPECT_EQ(world.client_end(), TunnelEnd::kNoPath);
  world.Run(seconds(60));
  EXPECT_EQ(world.host_sessions(), 0U);
}

class SessionFaultTest : public ::testing::TestWithParam<bool> {
 protected:
  SessionFaultTest() : world_(Seed(7), {}, GetParam()) {
    world_.StartServer();
    world_.StartHost();
    world_.StartClient();
    EXPECT_TRUE(world_.RunUntilConnected(seconds(10)).has_value());
    world_.Run(seconds(5));
  }
  bool ming() const { return GetParam(); }

  SessionWorld world_;
};

TEST_P(SessionFaultTest, RecoversWhenTheHostIsRestarted) {
  world_.KillHost();
  world_.Run(milliseconds(100));
  world_.StartHost();
  EXPECT_TRUE(world_.RunUntilConnected(seconds(5)).has_value());
}

TEST_P(SessionFaultTest, RecoversWhenTheHostComesBackLate) {
  world_.KillHost();
  world_.Run(seconds(300));
  EXPECT_FALSE(world_.client_ended());
  world_.StartHost();
  EXPECT_TRUE(world_.RunUntilConnected(seconds(5)).has_value());
  EXPECT_EQ(world_.client_peers(), 1U);
}

TEST_P(SessionFaultTest, RecoversWhenEverythingIsRestarted) {
  world_.KillServer();
  world_.KillHost();
  world_.KillClient();
  world_.Run(seconds(2));
  world_.StartClient();
  world_.StartHost();
  world_.StartServer();
  EXPECT_TRUE(world_.RunUntilConnected(seconds(5)).has_value());
}

TEST_P(SessionFaultTest, RecoversWhenServerAndHostAreRestarted) {
  world_.KillServer();
  world_.KillHost();
  world_.Run(seconds(20));
  world_.StartServer();
  world_.StartHost();
  EXPECT_TRUE(world_.RunUntilConnected(seconds(6)).has_value());
}

TEST_P(SessionFaultTest, DoesNotNoticeThatTheServerIsRestarted) {
  const size_t sessions = world_.sessions_made();
  world_.KillServer();
  world_.Run(seconds(10));
  EXPECT_TRUE(world_.connected());
  world_.StartServer();
  world_.Run(seconds(10));
  EXPECT_TRUE(world_.connected());
  EXPECT_EQ(world_.sessions_made(), sessions);
}

TEST_P(SessionFaultTest, RepairsALostPath) {
  const size_t sessions = world_.sessions_made();
  world_.SetNetwork(false);
  world_.Run(seconds(4));
  world_.SetNetwork(true);
  EXPECT_TRUE(world_.RunUntilConnected(seconds(5)).has_value());
  EXPECT_EQ(world_.sessions_made(), sessions + (ming() ? 0 : 1));
  world_.Run(seconds(60));
  EXPECT_TRUE(world_.connected());
  EXPECT_EQ(world_.host_sessions(), 1U);
}

TEST_P(SessionFaultTest, HostForgetsAClientThatVanished) {
  world_.KillClient();
  world_.Run(seconds(124));
  EXPECT_EQ(world_.host_sessions(), 0U);
  EXPECT_EQ(world_.host_peers(), 0U);
}

TEST_P(SessionFaultTest, RecoversFromBlackOuts) {
  const size_t sessions = world_.sessions_made();
  for (const int length : {2, 5, 10, 30, 60, 100}) {
    SCOPED_TRACE(length);
    world_.SetBlackOut(true);
    world_.Run(seconds(length));
    world_.SetBlackOut(false);
    // A foreign host takes no copy of an offer sooner than five seconds after the first.
    ASSERT_TRUE(world_.RunUntilConnected(ming() ? seconds(5) : seconds(8)).has_value());
    world_.Run(seconds(10));
    EXPECT_TRUE(world_.connected());
  }
  if (ming()) {
    EXPECT_EQ(world_.sessions_made(), sessions);
  }
  EXPECT_EQ(world_.host_sessions(), 1U);
}

TEST_P(SessionFaultTest, ABlackOutBeyondTheTimeoutCostsTheSessionOnly) {
  const size_t sessions = world_.sessions_made();
  world_.SetBlackOut(true);
  world_.Run(seconds(200));
  EXPECT_EQ(world_.host_sessions(), 0U);
  world_.SetBlackOut(false);
  EXPECT_TRUE(world_.RunUntilConnected(seconds(8)).has_value());
  EXPECT_GT(world_.sessions_made(), sessions);
}

TEST_P(SessionFaultTest, FollowsAClientThatRoams) {
  const size_t sessions = world_.sessions_made();
  for (int i = 0; i < 5; ++i) {
    world_.RoamClient();
    EXPECT_FALSE(world_.connected());
    EXPECT_TRUE(world_.RunUntilConnected(ming() ? seconds(3) : seconds(5)).has_value());
    world_.Run(seconds(5));
  }
  if (ming()) {
    EXPECT_EQ(world_.sessions_made(), sessions);
  }
}

TEST_P(SessionFaultTest, FollowsAHostThatRoams) {
  const size_t sessions = world_.sessions_made();
  for (int i = 0; i < 5; ++i) {
    world_.RoamHost();
    EXPECT_FALSE(world_.connected());
    EXPECT_TRUE(world_.RunUntilConnected(ming() ? seconds(3) : seconds(6)).has_value());
    world_.Run(seconds(5));
  }
  if (ming()) {
    EXPECT_EQ(world_.sessions_made(), sessions);
  }
}

TEST_P(SessionFaultTest, FollowsBothWhenTheyRoamWhileTheServerIsReplaced) {
  const size_t sessions = world_.sessions_made();
  world_.KillServer();
  world_.RoamClient();
  world_.RoamHost();
  world_.Run(seconds(20));
  world_.StartServer();
  EXPECT_TRUE(world_.RunUntilConnected(seconds(5)).has_value());
  if (ming()) {
    EXPECT_EQ(world_.sessions_made(), sessions);
  }
}

TEST_P(SessionFaultTest, OutlivesAMinuteInWhichOnlyTheServerIsReached) {
  const size_t sessions = world_.sessions_made();
  world_.SetNetwork(false);
  world_.Run(seconds(60));
  world_.SetNetwork(true);
  EXPECT_TRUE(world_.RunUntilConnected(seconds(5)).has_value());
  if (ming()) {
    EXPECT_EQ(world_.sessions_made(), sessions);
  }
}

INSTANTIATE_TEST_SUITE_P(Peers, SessionFaultTest, ::testing::Bool(),
                         [](const auto& c) { return c.param ? "Ming" : "Foreign"; });

struct ChaosCase {
  const char* name;
  SignalingConditions conditions;
};

class SessionChaosTest : public ::testing::TestWithParam<ChaosCase> {};

// Minutes of random faults; once they end, the tunnel works again, and nothing is left over.
TEST_P(SessionChaosTest, SettlesAfterRandomFaults) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(Seed(seed)));
    const bool ming = seed % 2 == 0;
    SessionWorld world(Seed(seed), GetParam().conditions, ming);
    SeededRandom faults(Seed(seed) + 500);
    world.StartServer();
    world.StartHost();
    world.StartClient();
    // Before the first success the client may give up, as it should; that is tested elsewhere.
    if (!world.RunUntilConnected(seconds(30))) continue;
    for (int fault = 0; fault < 30; ++fault) {
      switch (faults.Below(10)) {
        case 0:
          world.KillServer();
          break;
        case 1:
          world.KillHost();
          break;
        case 2:
          world.SetNetwork(false);
          break;
        case 3:
          world.StartServer();
          break;
        case 4:
          world.StartHost();
          break;
        case 5:
          world.SetBlackOut(true);
          break;
        case 6:
          world.SetBlackOut(false);
          break;
        case 7:
          world.RoamClient();
          break;
        case 8:
          world.RoamHost();
          break;
        default:
          world.SetNetwork(true);
          break;
      }
      world.Run(milliseconds(faults.Below(8000)));
    }
    EXPECT_FALSE(world.client_ended());
    world.StartServer();
    world.SetNetwork(true);
    world.SetBlackOut(false);
    world.StartHost();
    EXPECT_TRUE(world.RunUntilConnected(seconds(120)).has_value());
    world.Run(seconds(120));
    EXPECT_TRUE(world.connected());
    EXPECT_EQ(world.host_sessions(), 1U);
    EXPECT_EQ(world.host_peers(), 1U);
    EXPECT_EQ(world.client_peers(), 1U);
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Signaling, SessionChaosTest,
                         ::testing::Values(ChaosCase{"Good", {}},
                                           ChaosCase{"Lossy", {0.2, 0, false}},
                                           ChaosCase{"Duplicated", {0, 0.5, false}},
                                           ChaosCase{"Reordered", {0, 0, true}},
                                           ChaosCase{"All", {0.1, 0.3, true}}),
                         [](const auto& c) { return c.param.name; });

}  // namespace
}  // namespace ming::p2p
