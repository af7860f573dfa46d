// TunnelHost: the host of a WebRTC tunnel. It registers under its ID, answers any number of
// clients, and connects each of their channels to the target.
#ifndef MING_P2P_TUNNEL_HOST_H_
#define MING_P2P_TUNNEL_HOST_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/p2p/host_sessions_core.h"
#include "ming/p2p/session_types.h"
#include "ming/p2p/tunnel_options.h"
#include "ming/tunnel/forwarder.h"

namespace ming::p2p {

class TunnelServices;

// A moment's view, for a status line and metrics.
struct TunnelHostStatus {
  bool registered = false;
  size_t sessions = 0;   // all, those being set up included
  size_t connected = 0;  // with a path
  // Since the start.
  uint64_t registrations_total = 0;  // sent to the signaling server
  uint64_t sessions_total = 0;       // peer connections begun
  uint64_t ice_restarts_total = 0;   // of them
  // Between the machines: datagrams of the paths, all sessions so far.
  uint64_t path_bytes_sent = 0;
  uint64_t path_bytes_received = 0;
  tunnel::ForwarderCounters flows;
};

class TunnelHost {
 public:
  // Called from the loop; each may call back, and may destroy the host through
  // TimerService::DeferDelete.
  class Observer {
   public:
    virtual ~Observer() = default;
    // The registration was sent: once for the first time, and again after each reconnection. A
    // refusal of it comes later, as OnHostEnded.
    virtual void OnRegistered() = 0;
    // Exactly once, and last.
    virtual void OnHostEnded(TunnelEnd end, const Status& why) = 0;
  };

  // Starts to connect. `services` and `observer` outlive the host. CHECKs that `options` validates.
  static std::unique_ptr<TunnelHost> Start(TunnelServices& services,
                                           const TunnelHostOptions& options, Observer& observer);
  // At once: the peers are told, nothing else follows. Prefer Drain.
  virtual ~TunnelHost() = default;

  // Takes no new session and no new channel; what runs goes on until it ends or `deadline` comes,
  // then the clients are told and OnHostEnded(kStopped) follows. Later calls do nothing.
  virtual void Drain(Timestamp deadline) = 0;

  virtual TunnelHostStatus GetStatus() const = 0;
};

}  // namespace ming::p2p

#endif  // MING_P2P_TUNNEL_HOST_H_
