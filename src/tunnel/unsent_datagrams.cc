#include "ming/tunnel/unsent_datagrams.h"

namespace ming::tunnel {

void CountUnsent(net::UdpSendResult result, ForwarderCounters& counters) {
  switch (result) {
    case net::UdpSendResult::kSent:
      return;
    case net::UdpSendResult::kWouldBlock:
      ++counters.dropped_backpressure;
      return;
    case net::UdpSendResult::kTooLarge:
      ++counters.dropped_oversize;
      return;
    case net::UdpSendResult::kUnreachable:
      ++counters.dropped_unreachable;
      return;
  }
}

}  // namespace ming::tunnel
