#include "ming/tunnel/channel_fit.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace ming::tunnel {
namespace {

using codec::TunnelProtocol;

link::ChannelTraits Unordered() {
  link::ChannelTraits traits;
  traits.ordering = link::Ordering::kUnordered;
  return traits;
}

link::ChannelTraits Unreliable() {
  link::ChannelTraits traits;
  traits.max_retransmits = uint16_t{0};
  return traits;
}

TEST(ChannelFitTest, TcpNeedsAChannelThatKeepsEverything) {
  EXPECT_TRUE(CheckChannelFits(TunnelProtocol::kTcp, {}).ok());
  EXPECT_FALSE(CheckChannelFits(TunnelProtocol::kTcp, Unordered()).ok());
  EXPECT_EQ(CheckChannelFits(TunnelProtocol::kTcp, Unreliable()).message(),
            "a channel that may lose or reorder cannot carry tcp (give both sides the same "
            "--protocol)");
}

TEST(ChannelFitTest, DatagramsFitOnAnyChannel) {
  EXPECT_TRUE(CheckChannelFits(TunnelProtocol::kUdp, {}).ok());
  EXPECT_TRUE(CheckChannelFits(TunnelProtocol::kUdp, Unordered()).ok());
  EXPECT_TRUE(CheckChannelFits(TunnelProtocol::kUdp, Unreliable()).ok());
}

}  // namespace
}  // namespace ming::tunnel
