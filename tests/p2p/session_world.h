// SessionWorld: a client core and a host core under simulated time, joined by a signaling server
// and by peer connections that are only modelled. Any part can be lost and return.
#ifndef MING_TESTS_P2P_SESSION_WORLD_H_
#define MING_TESTS_P2P_SESSION_WORLD_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ming/base/random.h"
#include "ming/base/time.h"
#include "ming/p2p/client_session_core.h"
#include "ming/p2p/host_sessions_core.h"

namespace ming::p2p {

// How the signaling messages travel.
struct SignalingConditions {
  double loss = 0.0;         // of a message, on the way
  double duplication = 0.0;  // of a message
  bool reordered = false;    // else messages of one sender stay in order
};

class SessionWorld {
 public:
  SessionWorld(uint64_t seed, const SignalingConditions& conditions, bool ming);
  ~SessionWorld();

  void StartServer();
  void KillServer();
  void StartHost();
  void KillHost();
  void StartClient();
  void KillClient();
  // Of the paths only.
  void SetNetwork(bool up);
  // Everything that is sent is lost in silence, what goes through the server included.
  void SetBlackOut(bool dark);
  // Their addresses change, and they notice; what was gathered with the old ones is void.
  void RoamClient();
  void RoamHost();  // where there is one

  void Run(Duration time);
  // Runs until bytes can flow, `limit` at most; the time it took.
  std::optional<Duration> RunUntilConnected(Duration limit);
  bool connected() const;
  // Stopped by its own decision.
  bool client_ended() const { return client_end_.has_value(); }
  std::optional<TunnelEnd> client_end() const { return client_end_; }
  size_t host_sessions() const { return host_ ? host_->core.session_count() : 0; }
  size_t client_peers() const { return client_ ? client_->peers.size() : 0; }
  size_t host_peers() const { return host_ ? host_->peers.size() : 0; }
  // New sessions that the client made since it started.
  size_t sessions_made() const { return sessions_made_; }

 private:
  // One modelled peer connection.
  struct Peer {
    uint64_t sdp_session = 0;
    uint64_t version = 1;
    // Its addresses are gone, or were gathered without a network.
    bool void_candidates = false;
    std::string local_ufrag;
    std::string remote_ufrag;
    // The sdp_session of the peer it did DTLS with; 0: none yet.
    uint64_t partner = 0;
    bool reported_connected = false;
    // When the partner was heard last, while reported_connected.
    Timestamp heard;
  };
  struct Client {
    explicit Client(uint64_t number, Random& random);
    std::string id;
    uint8_t certificate;
    ClientSessionCore core;
    std::map<SessionId, Peer> peers;
    bool signaling = false;
    Timestamp next_try;
    Timestamp unheard_since;  // while its connection is silent and it wants to know
  };
  struct Host {
    explicit Host(uint64_t number);
    uint8_t certificate;
    HostSessionsCore core;
    std::map<SessionId, Peer> peers;
    std::map<SessionId, std::string> clients;
    bool signaling = false;
    Timestamp next_try;
    Timestamp unheard_since;
  };

  void Schedule(Duration delay, std::function<void()> action);
  // Over the signaling server, to the other side, unless it is lost.
  void Carry(bool to_host, const std::function<void()>& deliver);
  void ConnectSignaling();
  void LoseClientSignaling();
  void LoseHostSignaling();
  void NoticeSilentSignaling();
  // Of a connection that may be dead: whether the check of its owner has failed by now.
  bool FailsItsCheck(bool wants_to_know, Timestamp& unheard_since) const;
  // One attempt a second, about, of one who is not connected.
  bool TriesSignaling(Timestamp& next_try);
  void PumpClient();
  void PumpHost();
  void ToHost(const ClientEvent& event);
  void Apply(const ClientEvent& event);
  void Apply(const HostEvent& event);
  void HostTakesOffer(SessionId session, const std::string& sdp);
  void TurnPaths();
  // Makes partners of peers that reach each other; gives the sdp_sessions of those that do now.
  std::set<uint64_t> JoinPeers();
  void TurnPathsOf(std::map<SessionId, Peer>& peers, const std::set<uint64_t>& alive,
                   const std::function<void(SessionId session, PathState state)>& report);
  void TurnPath(Peer& peer, bool alive, const std::function<void(PathState)>& report);
  bool Matches(const Peer& client_peer, const Peer& host_peer) const;
  void Step();
  std::string NewUfrag();

  SeededRandom random_;
  const SignalingConditions conditions_;
  const bool ming_;
  Timestamp now_{std::chrono::seconds(1000)};
  std::multimap<Timestamp, std::function<void()>> actions_;
  Timestamp last_to_host_;
  Timestamp last_to_client_;
  bool server_ = false;
  uint64_t server_epoch_ = 0;
  bool network_ = true;
  bool dark_ = false;
  uint64_t processes_ = 0;
  uint64_t sdp_sessions_ = 0;
  uint64_t ufrags_ = 0;
  std::unique_ptr<Client> client_;
  std::unique_ptr<Host> host_;
  uint64_t client_epoch_ = 0;
  std::optional<TunnelEnd> client_end_;
  size_t sessions_made_ = 0;
};

}  // namespace ming::p2p

#endif  // MING_TESTS_P2P_SESSION_WORLD_H_
