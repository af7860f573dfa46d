// TunnelClient: the client of a WebRTC tunnel. Local applications connect to it; each connection
// (or UDP source) comes out at the target behind the host.
#ifndef MING_P2P_TUNNEL_CLIENT_H_
#define MING_P2P_TUNNEL_CLIENT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/p2p/client_session_core.h"
#include "ming/p2p/session_types.h"
#include "ming/p2p/tunnel_options.h"
#include "ming/tunnel/forwarder.h"

namespace ming::p2p {

class TunnelServices;

// A moment's view, for a status line and metrics.
struct TunnelClientStatus {
  ClientState state = ClientState::kWaitingForSignaling;
  bool signaling_connected = false;
  // Since the start.
  uint64_t sessions_total = 0;      // peer connections begun
  uint64_t ice_restarts_total = 0;  // of them
  uint64_t paths_up_total = 0;      // the path came up, for the first time or again
  // "direct udp", "relayed udp", "relayed tcp", "relayed tls"; "none" without a path.
  std::string path = "none";
  std::optional<Duration> round_trip_time;
  std::optional<size_t> packet_size;  // largest datagram in use
  // Of the session: from both descriptions known to channels usable.
  std::optional<Duration> setup_time;
  // Between the two machines: datagrams of the path, all sessions so far.
  uint64_t path_bytes_sent = 0;
  uint64_t path_bytes_received = 0;
  // What applications sent and got.
  tunnel::ForwarderCounters flows;
};

class TunnelClient {
 public:
  // Called from the loop; each may call back, and may destroy the client through
  // TimerService::DeferDelete.
  class Observer {
   public:
    virtual ~Observer() = default;
    // The path to the host is up: once for the first time, and again after each loss.
    virtual void OnPathUp() = 0;
    // The path is lost; recovery has begun.
    virtual void OnPathDown(const Status& why) = 0;
    // Exactly once, and last.
    virtual void OnClientEnded(TunnelEnd end, const Status& why) = 0;
  };

  // Listens for local applications at once and starts to connect. `services` and `observer` outlive
  // the client. Fails where the local address cannot be used (the message names it). CHECKs that
  // `options` validates.
  static Result<std::unique_ptr<TunnelClient>> Start(TunnelServices& services,
                                                     const TunnelClientOptions& options,
                                                     Observer& observer);
  // At once: the peer is told, nothing else follows. Prefer Drain.
  virtual ~TunnelClient() = default;

  // Accepts nothing new; connections go on until they end or `deadline` comes, then the host is
  // told and OnClientEnded(kStopped) follows. Later calls do nothing.
  virtual void Drain(Timestamp deadline) = 0;

  virtual TunnelClientStatus GetStatus() const = 0;
  // Where it listens, with real ports: "127.0.0.1:25565", "[::1]:25565".
  virtual std::vector<std::string> local_addresses() const = 0;
};

}  // namespace ming::p2p

#endif  // MING_P2P_TUNNEL_CLIENT_H_
