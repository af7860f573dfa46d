// TunnelRole: what the shells of both session cores have in common: one connection to the signaling
// server, sessions that say goodbye, the clock of the core, the changes of the network, and the
// end.
#ifndef MING_P2P_TUNNEL_ROLE_H_
#define MING_P2P_TUNNEL_ROLE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "ming/base/log_gate.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/codec/signaling_message.h"
#include "ming/link/timer_service.h"
#include "ming/net/network_monitor.h"
#include "ming/p2p/peer_session.h"
#include "ming/p2p/session_types.h"
#include "ming/signaling/signaling_client.h"

namespace ming::p2p {

class TunnelServices;

class TunnelRole : private signaling::SignalingClient::Observer, private PeerSession::Observer {
 public:
  ~TunnelRole() override;
  TunnelRole(const TunnelRole&) = delete;
  TunnelRole& operator=(const TunnelRole&) = delete;

 protected:
  // Datagrams of paths, without IP and UDP headers.
  struct PathBytes {
    uint64_t sent = 0;
    uint64_t received = 0;

    void Add(const webrtc::PeerStats& stats) {
      sent += stats.bytes_sent;
      received += stats.bytes_received;
    }
  };

  // `services` outlives the role. `log_name`: "client".
  TunnelRole(TunnelServices& services, const signaling::SignalingClientOptions& signaling,
             std::string log_name);

  // What the core is told; each is followed by Pump.
  virtual void HandleTimeout() = 0;
  virtual void HandleSignalingUp() = 0;
  virtual void HandleSignalingDown(const Status& why) = 0;
  // The signaling client gave up, both.
  virtual void HandleSignalingRefused(const Status& why) = 0;
  virtual void HandleIdTaken(const Status& why) = 0;
  virtual void HandleSignalingMessage(const codec::SignalingMessage& message) = 0;
  virtual void HandleSignalingError(const signaling::SignalingErrorText& error) = 0;
  virtual void HandleNetworkChanged() = 0;
  virtual void HandlePathState(SessionId session, PathState state, const Status& why) = 0;
  virtual void HandleLocalCandidate(SessionId session, const Candidate& candidate) = 0;
  virtual void HandleRemoteChannel(SessionId session, std::unique_ptr<link::MessageChannel> channel,
                                   const std::string& label) = 0;
  // What the core wants: applies its next event; false: there is none.
  virtual bool ApplyNextEvent() = 0;
  virtual Timestamp NextTimeout() const = 0;
  virtual bool NeedsSignaling() const = 0;
  // Once, and last.
  virtual void ReportEnd(TunnelEnd end, const Status& why) = 0;

  // Applies what the core wants now. Harmless inside itself.
  void Pump();
  void ConnectSignaling();
  // What cannot be sent is lost; the core sends what matters again after a reconnection.
  void Send(const codec::SignalingMessage& message);
  std::unique_ptr<PeerSession> MakeSession(SessionId id, const PeerSessionOptions& options,
                                           const std::string& log_prefix);
  // Ends it in order; nothing of it is reported any more.
  void Retire(std::unique_ptr<PeerSession> session);
  // The role is over: ReportEnd follows when the last session has said goodbye.
  void Finish(TunnelEnd end, const Status& why);

  Timestamp Now() const;
  TunnelServices& services() { return services_; }
  bool finished() const { return end_.has_value(); }
  bool signaling_connected() const { return signaling_ != nullptr && signaling_->connected(); }
  const PathBytes& retired_bytes() const { return retired_bytes_; }

 private:
  struct End {
    TunnelEnd end;
    Status why;
  };

  void OnSignalingConnected() override;
  void OnSignalingMessage(const codec::SignalingMessage& message) override;
  void OnSignalingDisconnected(const Status& why, signaling::SignalingLoss loss) override;
  void OnSignalingError(const signaling::SignalingErrorText& error) override;

  void OnPathState(SessionId session, PathState state, const Status& why) override;
  void OnLocalCandidate(SessionId session, const Candidate& candidate) override;
  void OnRemoteChannel(SessionId session, std::unique_ptr<link::MessageChannel> channel,
                       const std::string& label) override;

  void OnNetworkChanged(const net::NetworkChange& change);
  void UpdateUrgency();
  void LogSignaling(const std::string& text);
  void ReportEndWhenQuiet();

  TunnelServices& services_;
  const signaling::SignalingClientOptions signaling_options_;
  const std::string log_name_;
  LogGate signaling_lines_;
  std::unique_ptr<link::Alarm> alarm_;
  std::optional<net::NetworkWatch> network_watch_;
  std::unique_ptr<signaling::SignalingClient> signaling_;
  // Sessions that say goodbye.
  std::map<SessionId, std::unique_ptr<PeerSession>> closing_;
  PathBytes retired_bytes_;
  bool pumping_ = false;
  std::optional<End> end_;
  bool end_reported_ = false;
};

}  // namespace ming::p2p

#endif  // MING_P2P_TUNNEL_ROLE_H_
