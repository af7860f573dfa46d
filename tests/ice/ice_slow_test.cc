// What waits for the timers of libnice.
#include <gtest/gtest.h>

#include <string>

#include "ice_world.h"

namespace ming::ice {
namespace {

class IceSlowTest : public DescriptorCheck {};

const ::testing::Environment* const kWarmUp =
    ::testing::AddGlobalTestEnvironment(new WarmUp);  // googletest owns it

TEST_F(IceSlowTest, FailsWhenThePeerCannotBeReached) {
  Loop loop;
  AgentPair pair(loop, Loopback());
  pair.Start();
  // Wrong credentials: every check is refused.
  codec::IceCredentials wrong = pair.b.agent->local_credentials();
  wrong.password = Secret(std::string(22, 'x'));
  pair.a.agent->SetRemoteCredentials(wrong);
  for (const codec::IceCandidate& candidate : pair.b.agent->local_candidates()) {
    EXPECT_TRUE(pair.a.agent->AddRemoteCandidate(candidate).ok());
  }
  pair.a.agent->SetRemoteCandidatesDone();
  EXPECT_TRUE(
      loop.RunUntil([&] { return pair.a.Reached(IceState::kFailed); }, std::chrono::seconds(20)));
  pair.Close(loop);
}

TEST_F(IceSlowTest, FailsWhenThePeerNoLongerConsents) {
  Loop loop;
  AgentPair pair(loop, Loopback());
  ASSERT_TRUE(pair.Connect(loop));
  pair.b.agent.reset();
  EXPECT_TRUE(
      loop.RunUntil([&] { return pair.a.Reached(IceState::kFailed); }, std::chrono::seconds(30)));
}

}  // namespace
}  // namespace ming::ice
