#include "ming/p2p/demo.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "tunnel_world.h"

namespace ming::p2p {
namespace {

class DemoProbe final : public Demo::Observer {
 public:
  void OnDemoProgress(const DemoProgress& p) override {
    EXPECT_LE(p.done, p.total);
    if (p.finished) finished.push_back(p.phase);
  }
  void OnDemoDone(const Status& status, const DemoReport& r) override {
    EXPECT_FALSE(result.has_value());
    result = status;
    report = r;
  }

  std::vector<DemoPhase> finished;
  std::optional<Status> result;
  DemoReport report;
};

using DemoTest = TunnelWorld;

TEST_F(DemoTest, MovesEverythingAndReportsIt) {
  DemoOptions options;
  options.tcp_bytes = 3'000'001;
  options.datagrams = 1000;
  options.round_trips = 20;
  DemoProbe probe;
  const auto demo = Demo::Start(*services_, options, probe);
  ASSERT_TRUE(RunUntil([&] { return probe.result.has_value(); }));
  EXPECT_TRUE(probe.result->ok()) << probe.result->ToString();
  EXPECT_EQ(probe.finished, (std::vector<DemoPhase>{DemoPhase::kConnecting, DemoPhase::kToHost,
                                                    DemoPhase::kToClient, DemoPhase::kRoundTrips,
                                                    DemoPhase::kDatagrams}));
  EXPECT_EQ(probe.report.bytes_to_host, 3'000'001U);
  EXPECT_EQ(probe.report.bytes_to_client, 3'000'001U);
  EXPECT_EQ(probe.report.sha256_to_host.size(), 64U);
  EXPECT_EQ(probe.report.sha256_to_host, probe.report.sha256_to_client);
  EXPECT_EQ(probe.report.datagrams_sent, 1000U);
  EXPECT_EQ(probe.report.datagrams_returned, 1000U);
  EXPECT_EQ(probe.report.datagrams_damaged, 0U);
  EXPECT_GT(probe.report.round_trip_time, Duration::zero());
  EXPECT_EQ(probe.report.path, "direct udp");
}

TEST_F(DemoTest, CarriesTheLargestDatagrams) {
  DemoOptions options;
  options.tcp_bytes = 1;
  options.datagrams = 50;
  options.datagram_bytes = 16384;
  options.round_trips = 1;
  DemoProbe probe;
  const auto demo = Demo::Start(*services_, options, probe);
  ASSERT_TRUE(RunUntil([&] { return probe.result.has_value(); }));
  EXPECT_TRUE(probe.result->ok()) << probe.result->ToString();
}

TEST_F(DemoTest, EndsAtTheTimeLimit) {
  DemoOptions options;
  options.tcp_bytes = uint64_t{1} << 40;
  options.time_limit = std::chrono::seconds(1);
  DemoProbe probe;
  const auto demo = Demo::Start(*services_, options, probe);
  ASSERT_TRUE(RunUntil([&] { return probe.result.has_value(); }));
  EXPECT_EQ(probe.result->code(), StatusCode::kTimeout);
  EXPECT_NE(probe.result->message().find("TCP to the host"), std::string::npos);
}

TEST_F(DemoTest, StopsAnywhere) {
  DemoOptions options;
  options.tcp_bytes = 10'000'000;
  options.datagrams = 100;
  // Each run goes a little further than the one before.
  for (int milliseconds = 0; milliseconds < 200; milliseconds += 20) {
    DemoProbe probe;
    auto demo = Demo::Start(*services_, options, probe);
    const bool done = reactor_.RunUntil([&] { return probe.result.has_value(); },
                                        std::chrono::milliseconds(milliseconds));
    demo.reset();
    if (done) break;
  }
}

TEST(DemoOptionsTest, NamesEveryValueOutOfRange) {
  DemoOptions options;
  EXPECT_TRUE(options.Validate().ok());
  options.tcp_bytes = 0;
  options.datagram_bytes = 16385;
  const std::string problems = options.Validate().message();
  EXPECT_NE(problems.find("tcp_bytes"), std::string::npos);
  EXPECT_NE(problems.find("datagram_bytes"), std::string::npos);
}

TEST(DemoNextStepsTest, NamesEveryRole) {
  const std::string steps = DemoNextSteps("ming");
  for (const char* line : {"\nming server\n", "\nming host --signal", "\nming client --signal"}) {
    EXPECT_NE(steps.find(line), std::string::npos) << line;
  }
}

}  // namespace
}  // namespace ming::p2p
