#include "ming/tunnel/udp_flow_table.h"

#include <gtest/gtest.h>

namespace ming::tunnel {
namespace {

constexpr Timestamp kStart{std::chrono::seconds(100)};

UdpSource Source(uint16_t port) { return {*IpAddress::Parse("127.0.0.1"), Port(port), 0}; }

TEST(UdpFlowTableTest, OneFlowForEachSource) {
  UdpFlowTable table{UdpFlowOptions{}};
  const auto a = table.Add(kStart, Source(1));
  const auto b = table.Add(kStart, Source(2));
  ASSERT_TRUE(a && b);
  EXPECT_NE(*a, *b);
  EXPECT_EQ(table.Find(kStart, Source(1)), a);
  EXPECT_EQ(table.Find(kStart, Source(2)), b);
  EXPECT_FALSE(table.Find(kStart, Source(3)));
  UdpSource other_interface = Source(1);
  other_interface.scope_id = 7;
  EXPECT_FALSE(table.Find(kStart, other_interface));
}

TEST(UdpFlowTableTest, ExpiresWhatIsIdleAndOnlyThat) {
  UdpFlowTable table{UdpFlowOptions{}};
  const auto busy = table.Add(kStart, Source(2));
  const auto quiet = table.Add(kStart, Source(1));
  table.Touch(kStart + std::chrono::seconds(30), *busy);
  EXPECT_EQ(table.NextTimeout(), kStart + std::chrono::seconds(60));
  table.HandleTimeout(kStart + std::chrono::seconds(60) - std::chrono::nanoseconds(1));
  EXPECT_FALSE(table.PollEvent());
  table.HandleTimeout(kStart + std::chrono::seconds(60));
  const auto ended = table.PollEvent();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->id, *quiet);
  EXPECT_EQ(ended->reason, FlowEnded::Reason::kIdle);
  EXPECT_FALSE(table.PollEvent());
  EXPECT_EQ(table.NextTimeout(), kStart + std::chrono::seconds(90));
  EXPECT_FALSE(table.Find(kStart, Source(1)));
}

TEST(UdpFlowTableTest, FullTableEvictsWhatWasIdleLongest) {
  UdpFlowOptions options;
  options.max_flows = 2;
  options.evict_idle_after = std::chrono::seconds(5);
  UdpFlowTable table(options);
  const auto oldest = table.Add(kStart, Source(1));
  ASSERT_TRUE(table.Add(kStart + std::chrono::seconds(1), Source(2)));
  EXPECT_FALSE(table.Add(kStart + std::chrono::milliseconds(4999), Source(3)));
  EXPECT_FALSE(table.PollEvent());
  EXPECT_TRUE(table.Add(kStart + std::chrono::seconds(5), Source(3)));
  const auto ended = table.PollEvent();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->id, *oldest);
  EXPECT_EQ(ended->reason, FlowEnded::Reason::kEvicted);
  EXPECT_EQ(table.size(), 2U);
}

TEST(UdpFlowTableTest, FullTableRefusesWhereEvictionIsOff) {
  UdpFlowOptions options;
  options.max_flows = 1;
  options.evict_idle_after.reset();
  UdpFlowTable table(options);
  const auto first = table.Add(kStart, Source(1));
  EXPECT_FALSE(table.Add(kStart + std::chrono::seconds(59), Source(2)));
  table.Remove(*first);
  EXPECT_TRUE(table.Add(kStart, Source(2)));
}

TEST(UdpFlowTableTest, FlowsWithoutASourceAreKnownById) {
  UdpFlowTable table{UdpFlowOptions{}};
  const auto a = table.Add(kStart, std::nullopt);
  const auto b = table.Add(kStart, std::nullopt);
  ASSERT_TRUE(a && b);
  table.Remove(*a);
  table.Remove(*a);
  table.Touch(kStart, *a);
  EXPECT_EQ(table.size(), 1U);
  table.Remove(*b);
  EXPECT_EQ(table.NextTimeout(), Timestamp::Max());
}

TEST(UdpFlowOptionsTest, RejectsWhatCannotWork) {
  UdpFlowOptions options;
  EXPECT_TRUE(Validate(options).ok());
  options.max_flows = 0;
  options.idle_timeout = Duration::zero();
  options.max_datagram_bytes = 65536;
  EXPECT_FALSE(Validate(options).ok());
}

}  // namespace
}  // namespace ming::tunnel
