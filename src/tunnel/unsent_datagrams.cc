#include "ming/tunnel/unsent_datagrams.h"

namespace ming::tunnel {

void CountUnsent(net::UdpSendResult result, size_t count, ForwarderCounters& counters) {
  switch (result) {
    case net::UdpSendResult::kSent:
      return;
    case net::UdpSendResult::kWouldBlock:
      counters.dropped_backpressure += count;
      return;
    case net::UdpSendResult::kTooLarge:
      counters.dropped_oversize += count;
      return;
    case net::UdpSendResult::kUnreachable:
      counters.dropped_unreachable += count;
      return;
  }
}

}  // namespace ming::tunnel
