// SpliceRelay: the relay for two streams over sockets: lets the kernel move long bursts through a
// pipe and copies what is short, where copying is cheaper.
//
// It borrows a pipe only while bytes are inside, so idle relays hold none, and relays whose sinks
// take everything share one. Without a pipe, or where the kernel refuses, it copies.
#ifndef MING_TUNNEL_SPLICE_RELAY_H_
#define MING_TUNNEL_SPLICE_RELAY_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "ming/link/splice.h"
#include "ming/tunnel/copy_relay.h"

namespace ming::tunnel {

class SpliceRelay final : public CopyRelay {
 public:
  // As CreateRelay; both streams have a splice_end, and `options` names pipes.
  using CopyRelay::CopyRelay;
  ~SpliceRelay() override = default;

 private:
  struct Lane {
    std::unique_ptr<link::SplicePipe> pipe;  // while bytes are inside
    size_t inside = 0;                       // bytes in it
    size_t last_burst = 0;                   // bytes that the last Pump moved
    bool refused = false;                    // by the kernel, for good
  };

  Progress Pump(Way way) override;
  bool IsForPipe(Way way) const;
  Progress Splice(Way way);
  // False: the sink did not take all that is inside.
  bool Drain(Way way);
  Lane& lane(Way way) { return way == Way::kAToB ? a_to_b_lane_ : b_to_a_lane_; }

  Lane a_to_b_lane_;
  Lane b_to_a_lane_;
};

}  // namespace ming::tunnel

#endif  // MING_TUNNEL_SPLICE_RELAY_H_
