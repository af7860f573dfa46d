#include "ming/tunnel/channel_fit.h"

#include <glog/logging.h>

#include <string>
#include <utility>

#include "ming/codec/tunnel_control.h"

namespace ming::tunnel {

Status CheckChannelFits(codec::TunnelProtocol protocol, const link::ChannelTraits& traits) {
  const bool whole =
      !traits.max_retransmits.has_value() && traits.ordering == link::Ordering::kOrdered;
  if (whole || protocol == codec::TunnelProtocol::kUdp) return Status::Ok();
  return {StatusCode::kUnsupported,
          "a channel that may lose or reorder cannot carry tcp (give both sides the same "
          "--protocol)"};
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
