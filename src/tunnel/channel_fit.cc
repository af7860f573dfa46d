#include "ming/tunnel/channel_fit.h"

#include <glog/logging.h>

#include <string>
#include <utility>

#include "ming/codec/tunnel_control.h"

namespace ming::tunnel {
namespace {

constexpr std::string_view kTcpLabel = "tcp-";  // with the application's address
constexpr std::string_view kOldTcpLabel = "tunnel-tcp";
constexpr std::string_view kUdpLabel = "tunnel-udp";

bool IsTcpLabel(std::string_view label) {
  return label == kOldTcpLabel || label.substr(0, kTcpLabel.size()) == kTcpLabel;
}

Status Misfit(codec::TunnelProtocol host, codec::TunnelProtocol channel) {
  return {StatusCode::kUnsupported, "a channel for " + std::string(TunnelProtocolName(channel)) +
                                        " at a host for " + std::string(TunnelProtocolName(host)) +
                                        " (give both sides the same --protocol)"};
}

}  // namespace

Status CheckChannelFits(codec::TunnelProtocol protocol, std::string_view label,
                        const link::ChannelTraits& traits) {
  using codec::TunnelProtocol;
  if (protocol == TunnelProtocol::kUdp) {
    return IsTcpLabel(label) ? Misfit(protocol, TunnelProtocol::kTcp) : Status::Ok();
  }
  if (label == kUdpLabel) return Misfit(protocol, TunnelProtocol::kUdp);
  const bool loses = traits.max_retransmits.has_value();
  if (!loses && traits.ordering == link::Ordering::kOrdered) return Status::Ok();
  return {StatusCode::kUnsupported, "a channel that may lose or reorder cannot carry tcp"};
}

void RefuseChannel(link::TimerService& timers, std::unique_ptr<link::MessageChannel> channel,
                   const ChannelTerms& terms, const Status& why) {
  if (terms.speaks_control()) {
    const ByteBuffer word =
        codec::SerializeTunnelControl(codec::TunnelRefused{std::string(why.message())});
    // A peer that takes no message now will see the close.
    if (channel->Send(link::MessageKind::kText, word) != link::SendResult::kAccepted) {
      VLOG(1) << "a refusal was not taken";
    }
  }
  channel->Close();
  timers.DeferDelete(std::move(channel));
}

}  // namespace ming::tunnel
