#include "ming/tunnel/admission_core.h"

#include <gtest/gtest.h>

#include <vector>

namespace ming::tunnel {
namespace {

constexpr Timestamp kStart{std::chrono::seconds(100)};

std::vector<AdmissionEvent> PollAll(AdmissionCore& core) {
  std::vector<AdmissionEvent> events;
  while (auto event = core.PollEvent()) events.push_back(std::move(*event));
  return events;
}

TEST(AdmissionCoreTest, AdmitsAtOnceWhileThereIsAPath) {
  AdmissionCore core{AdmissionOptions{}};
  core.HandlePathUp();
  const ConnectionId id = core.HandleArrival(kStart);
  const auto events = PollAll(core);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].id, id);
  EXPECT_TRUE(events[0].refusal.ok());
  EXPECT_EQ(core.admitted(), 1U);
  core.HandleDeparture(id);
  EXPECT_EQ(core.admitted(), 0U);
}

TEST(AdmissionCoreTest, ThoseThatWaitGoOnInTheirOrder) {
  AdmissionCore core{AdmissionOptions{}};
  const ConnectionId a = core.HandleArrival(kStart);
  const ConnectionId left = core.HandleArrival(kStart);
  const ConnectionId b = core.HandleArrival(kStart);
  EXPECT_TRUE(PollAll(core).empty());
  EXPECT_EQ(core.waiting(), 3U);
  core.HandleDeparture(left);
  core.HandlePathUp();
  const auto events = PollAll(core);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].id, a);
  EXPECT_EQ(events[1].id, b);
  EXPECT_EQ(core.waiting(), 0U);
  EXPECT_EQ(core.admitted(), 2U);
}

TEST(AdmissionCoreTest, RefusesWhenTheWaitEnds) {
  AdmissionCore core{AdmissionOptions{}};
  core.HandleArrival(kStart);
  core.HandleArrival(kStart + std::chrono::seconds(1));
  EXPECT_EQ(core.NextTimeout(), kStart + std::chrono::seconds(10));
  core.HandleTimeout(core.NextTimeout());
  const auto events = PollAll(core);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].refusal.code(), StatusCode::kTimeout);
  EXPECT_EQ(core.waiting(), 1U);
  EXPECT_EQ(core.NextTimeout(), kStart + std::chrono::seconds(11));
}

TEST(AdmissionCoreTest, LimitsAreExact) {
  AdmissionOptions options;
  options.max_connections = 3;
  options.max_waiting = 2;
  AdmissionCore core(options);
  core.HandleArrival(kStart);
  core.HandleArrival(kStart);
  EXPECT_TRUE(PollAll(core).empty());
  core.HandleArrival(kStart);
  auto events = PollAll(core);
  ASSERT_EQ(events.size(), 1U) << "one more than may wait";
  EXPECT_EQ(events[0].refusal.code(), StatusCode::kResourceExhausted);
  core.HandlePathUp();
  core.HandleArrival(kStart);
  EXPECT_EQ(PollAll(core).size(), 3U);
  EXPECT_EQ(core.admitted(), 3U);
  core.HandleArrival(kStart);
  events = PollAll(core);
  ASSERT_EQ(events.size(), 1U) << "one more than may be";
  EXPECT_EQ(events[0].refusal.code(), StatusCode::kResourceExhausted);
}

TEST(AdmissionCoreTest, DrainRefusesWhatWaitsAndWhatComes) {
  AdmissionCore core{AdmissionOptions{}};
  core.HandleArrival(kStart);
  core.HandleDrain();
  core.HandlePathUp();
  core.HandleArrival(kStart);
  const auto events = PollAll(core);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].refusal.code(), StatusCode::kClosed);
  EXPECT_EQ(events[1].refusal.code(), StatusCode::kClosed);
  EXPECT_EQ(core.admitted() + core.waiting(), 0U);
}

TEST(AdmissionCoreTest, LostPathMakesNewOnesWait) {
  AdmissionCore core{AdmissionOptions{}};
  core.HandlePathUp();
  core.HandlePathDown();
  core.HandleArrival(kStart);
  EXPECT_TRUE(PollAll(core).empty());
  EXPECT_EQ(core.waiting(), 1U);
}

}  // namespace
}  // namespace ming::tunnel
