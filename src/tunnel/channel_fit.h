// Whether a channel that a client opened carries what the host tunnels.
#ifndef MING_TUNNEL_CHANNEL_FIT_H_
#define MING_TUNNEL_CHANNEL_FIT_H_

#include <memory>

#include "ming/base/status.h"
#include "ming/codec/ming_features.h"
#include "ming/link/message_channel.h"
#include "ming/link/timer_service.h"
#include "ming/tunnel/channel_terms.h"

namespace ming::tunnel {

// kUnsupported, with the reason for people: it would lose bytes of a TCP connection. The label does
// not decide (ming-protocol, section 3), and datagrams fit on any channel.
Status CheckChannelFits(codec::TunnelProtocol protocol, const link::ChannelTraits& traits);

// Closes `channel`, after the word `refuse` where the client understands it.
void RefuseChannel(link::TimerService& timers, std::unique_ptr<link::MessageChannel> channel,
                   const ChannelTerms& terms, const Status& why);

}  // namespace ming::tunnel

#endif  // MING_TUNNEL_CHANNEL_FIT_H_
