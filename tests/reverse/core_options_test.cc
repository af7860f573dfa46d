#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "ming/reverse/client_core_options.h"
#include "ming/reverse/server_core_options.h"

namespace ming::reverse {
namespace {

template <typename Options>
auto CountProblems(const Options& options) {
  const std::string message = options.Validate().message();
  return message.empty() ? 0 : std::count(message.begin(), message.end(), '\n') + 1;
}

TEST(ServerCoreOptionsTest, NamesEveryProblem) {
  ServerCoreOptions options;
  EXPECT_EQ(CountProblems(options), 0);
  options.pair_timeout = Duration::zero();
  options.max_pending = 0;
  options.listeners = {{ClientSelector::Kind::kId, "a b"}};
  EXPECT_EQ(CountProblems(options), 3);
}

TEST(ServerCoreOptionsTest, TakesNoHeartbeatOrOneOfALeastLength) {
  ServerCoreOptions options;
  options.heartbeat = Duration::zero();
  EXPECT_EQ(CountProblems(options), 0);
  options.heartbeat = std::chrono::milliseconds(9);
  EXPECT_EQ(CountProblems(options), 1);
}

TEST(ClientCoreOptionsTest, NamesEveryProblem) {
  ClientCoreOptions options;
  EXPECT_EQ(CountProblems(options), 0);
  options.id = "";
  options.labels = {"a b"};
  options.reconnect.most = options.reconnect.least / 2;
  EXPECT_EQ(CountProblems(options), 3);
}

TEST(ClientCoreOptionsTest, BoundsTheLabels) {
  ClientCoreOptions options;
  options.labels.assign(kMaxLabels, "web");
  EXPECT_EQ(CountProblems(options), 0);
  options.labels.emplace_back("web");
  EXPECT_EQ(CountProblems(options), 1);
}

TEST(ClientCoreOptionsTest, OpensNothingAheadWhereTheTargetIsDialledFirst) {
  ClientCoreOptions options;
  options.ahead = kMaxAhead;
  EXPECT_EQ(CountProblems(options), 0);
  options.dial_first = true;
  EXPECT_EQ(CountProblems(options), 1);
  options.ahead = kMaxAhead + 1;
  EXPECT_EQ(CountProblems(options), 2);
}

}  // namespace
}  // namespace ming::reverse
