#include "ming/tunnel/channel_fit.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace ming::tunnel {
namespace {

using codec::TunnelProtocol;

link::ChannelTraits Unreliable() {
  link::ChannelTraits traits;
  traits.ordering = link::Ordering::kUnordered;
  traits.max_retransmits = uint16_t{0};
  return traits;
}

bool Fits(TunnelProtocol protocol, std::string_view label, const link::ChannelTraits& traits) {
  return CheckChannelFits(protocol, label, traits).ok();
}

TEST(ChannelFitTest, ChannelsOfTheSameProtocolFit) {
  EXPECT_TRUE(Fits(TunnelProtocol::kTcp, "tunnel-tcp", {}));
  EXPECT_TRUE(Fits(TunnelProtocol::kTcp, "tcp-127.0.0.1:4000", {}));
  EXPECT_TRUE(Fits(TunnelProtocol::kUdp, "tunnel-udp", Unreliable()));
  EXPECT_TRUE(Fits(TunnelProtocol::kUdp, "tunnel-udp", {}));  // reliable datagrams are no worse
}

TEST(ChannelFitTest, ChannelsOfTheOtherProtocolDoNot) {
  EXPECT_FALSE(Fits(TunnelProtocol::kTcp, "tunnel-udp", Unreliable()));
  EXPECT_FALSE(Fits(TunnelProtocol::kTcp, "tunnel-udp", {}));
  EXPECT_FALSE(Fits(TunnelProtocol::kUdp, "tunnel-tcp", {}));
  EXPECT_FALSE(Fits(TunnelProtocol::kUdp, "tcp-127.0.0.1:4000", {}));
  EXPECT_EQ(CheckChannelFits(TunnelProtocol::kTcp, "tunnel-udp", {}).message(),
            "a channel for udp at a host for tcp (give both sides the same --protocol)");
}

TEST(ChannelFitTest, OtherLabelsGoByWhatTheChannelCanDo) {
  EXPECT_TRUE(Fits(TunnelProtocol::kTcp, "data", {}));
  EXPECT_TRUE(Fits(TunnelProtocol::kUdp, "", {}));
  EXPECT_TRUE(Fits(TunnelProtocol::kUdp, "data", Unreliable()));
  EXPECT_FALSE(Fits(TunnelProtocol::kTcp, "data", Unreliable()));
}

}  // namespace
}  // namespace ming::tunnel
