// ClientSessionCore: when the client of a tunnel offers, restarts ICE, gives a session up and makes
// a new one. It knows neither sockets nor peer connections: the shell reports what happened and
// does what the events say.
#ifndef MING_P2P_CLIENT_SESSION_CORE_H_
#define MING_P2P_CLIENT_SESSION_CORE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ming/base/backoff.h"
#include "ming/base/event_queue.h"
#include "ming/base/random.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/p2p/session_types.h"

namespace ming::p2p {

struct ClientSessionOptions {
  TunnelProtocol protocol = TunnelProtocol::kTcp;
  // How long the first start may take until the signaling server and the host were there; a path
  // that is being connected then may still finish. After the first success there is no limit.
  // 100 ms to 24 h. Ten seconds lets both sides be started by one script, in any order.
  Duration wait = std::chrono::seconds(10);
  // From the answer until the path is up, 1 s to 5 min. libnice gives up after 7 s by itself; slow
  // TURN servers and a DTLS handshake with losses fit in the rest.
  Duration connect_timeout = std::chrono::seconds(15);
  // An ICE restart that found no path by then is followed by the next one, 100 ms to 1 min. A
  // restart takes three round trips, and checks that began before a network returned are far apart.
  Duration restart_timeout = std::chrono::seconds(3);
  // Between two restarts for a new reason, such as a change of the network: 100 ms to 1 min.
  Duration restart_interval = std::chrono::seconds(2);
  // So many restarts in a row that the host answered and that found no path: something is wrong
  // with the session itself, and a new one replaces it. 1 to 10,000. With the three seconds above
  // it outlives a minute in which only the signaling server can be reached.
  size_t max_failed_restarts = 30;
  // A host that is no ming cannot be trusted to restart ICE: so long the old path may come back by
  // itself before a new session replaces it. 0 to 1 min.
  Duration foreign_grace = std::chrono::seconds(1);
  // A path that was lost and not repaired for so long is given up: the connections in it are reset.
  // 1 s to 1 h; the host keeps its side as long.
  Duration session_timeout = std::chrono::minutes(2);
  // An offer older than this is made again with fresh candidates: NAT bindings and local addresses
  // behind the old ones may be gone. 1 s to 5 min.
  Duration offer_lifetime = std::chrono::seconds(30);
  // After a refusal of the server that came when a session had been up once, 1 s to 1 h: tokens are
  // replaced by people.
  Duration refused_pause = std::chrono::seconds(30);
  // An unanswered offer is sent again, the same one, after these delays. Not shorter: a slow host
  // that is no ming starts over at every copy.
  BackoffOptions resend{std::chrono::seconds(5), std::chrono::seconds(10), 0.1};
  // Between attempts that failed, and while the host is not registered. At most three seconds, so
  // that a host that returns is found within the five that users were promised.
  BackoffOptions retry{std::chrono::milliseconds(500), std::chrono::seconds(3), 0.3};
  // Candidates kept for one description, each way, 1 to 1024. A machine with ten addresses, STUN
  // and TURN has about forty.
  size_t max_candidates = 64;

  // All problems at once, one a line; ok when there are none.
  Status Validate() const;
};

enum class ClientState {
  kWaitingForSignaling,  // nothing can be offered now
  kOffering,             // a session exists; no answer yet
  kConnecting,           // answered; the path is not up
  kConnected,
  kRecovering,  // the path was lost; ICE restart, or a wait for its return
  kBackingOff,  // an attempt failed; the next one follows
  kClosed,
};

std::string_view ClientStateName(ClientState state);

// What the shell does, in this order.
struct StartSession {  // make a peer connection; HandleLocalOffer follows
  SessionId session;
};
struct RestartIce {  // a new offer on the running session; HandleLocalOffer follows
  SessionId session;
};
struct ApplyAnswer {
  SessionId session;
  std::string sdp;
};
struct SendOffer {
  std::string sdp;
};
struct SendCandidate {
  Candidate candidate;
};
struct PathUp {
  SessionId session;
};
struct PathDown {  // the session may come back, or end with EndSession
  SessionId session;
  Status why;
};
struct ClientEnded {  // once, and last
  TunnelEnd end = TunnelEnd::kStopped;
  Status why;
};
using ClientEvent =
    std::variant<StartSession, RestartIce, EndSession, ApplyAnswer, ApplyCandidate, SendOffer,
                 SendCandidate, PathUp, PathDown, ReconnectSignaling, ClientEnded>;

// Every Handle method may queue events; drain them with PollEvent after each. Reports about a
// session that is not the current one are ignored.
class ClientSessionCore {
 public:
  // CHECKs that `options` validates. `random` outlives this.
  ClientSessionCore(const ClientSessionOptions& options, std::string host_id, Random& random);

  // The wait begins. Call it once, first.
  void Start(Timestamp now);
  // Ends in order: the session is ended and ClientEnded{kStopped} follows.
  void Close(Timestamp now);

  void HandleSignalingUp(Timestamp now);
  void HandleSignalingDown(Timestamp now, const Status& why);
  // The server refused us and the signaling client gave up: the end before the first success, a
  // long pause after it.
  void HandleSignalingRefused(Timestamp now, const Status& why);
  // An `error` message that says that the host is not registered.
  void HandleHostNotFound(Timestamp now, const std::string& text);
  // Any other `error` message of the server, or one of the host.
  void HandleSignalingError(Timestamp now, const std::string& text);
  // The host asks for an ICE restart.
  void HandleRestartRequest(Timestamp now);
  // An address or a route of this machine came or went: the path and what is being made may be
  // void.
  void HandleNetworkChanged(Timestamp now);
  void HandleAnswer(Timestamp now, std::string_view sdp);
  void HandleRemoteCandidate(Timestamp now, const Candidate& candidate);

  void HandleLocalOffer(Timestamp now, SessionId session, std::string sdp);
  void HandleLocalCandidate(Timestamp now, SessionId session, const Candidate& candidate);
  void HandlePathState(Timestamp now, SessionId session, PathState state, const Status& why);
  // The session could not be made, or did not take an answer.
  void HandleSessionFailed(Timestamp now, SessionId session, const Status& why);
  // No offer for an ICE restart could be made: there may be no network at all. The session goes on.
  void HandleRestartFailed(Timestamp now, SessionId session);

  // Early or repeated calls are harmless.
  void HandleTimeout(Timestamp now);
  // Timestamp::Max() when idle.
  Timestamp NextTimeout() const;
  std::optional<ClientEvent> PollEvent();

  ClientState state() const { return state_; }
  // A running session waits for the signaling server, or a tunnel that worked not long ago has
  // none.
  bool NeedsSignaling(Timestamp now) const;
  // True from the first path on.
  bool ever_connected() const { return ever_connected_; }
  // For tests and fuzzers, after any call.
  bool IsConsistent() const;

 private:
  struct Failure {
    TunnelEnd end = TunnelEnd::kServerLost;
    Status why;
  };

  // Of a session that ended by itself.
  static Failure FailureOf(const Status& why);
  void StartNewSession(Timestamp now);
  void EndCurrentSession(const Status& why);
  // The session is over; another one follows at once.
  void ReplaceSession(Timestamp now, const Status& why);
  // The session is over; another one follows after a delay, or the end where the wait is over.
  void FailAttempt(Timestamp now, Failure failure);
  void End(Failure failure);
  void SendPendingOffer(Timestamp now);
  void OfferAgain(Timestamp now);
  void TakeAnswer(Timestamp now, std::string_view sdp, const DescriptionFacts& facts);
  void HandleSecondAnswer(Timestamp now, const DescriptionFacts& facts);
  void BeginRestart(Timestamp now);
  void WantRestart(Timestamp now);
  // Not before the signaling server is there.
  void RestartAt(Timestamp at);
  void HandleRestartDue(Timestamp now);
  bool host_is_ming() const { return remote_ && remote_->is_ming(); }
  void HandleConnected(Timestamp now);
  void HandlePathLost(Timestamp now, const Status& why);
  void HandleStartDeadline();
  void HandleAttemptDeadline(Timestamp now);
  void FlushHeldCandidates();
  void ClearTimers();

  const ClientSessionOptions options_;
  const std::string host_id_;
  Random& random_;
  Backoff resend_backoff_;
  Backoff retry_backoff_;
  EventQueue<ClientEvent> events_;

  ClientState state_ = ClientState::kWaitingForSignaling;
  bool signaling_up_ = false;
  bool ever_connected_ = false;
  bool path_up_ = false;
  Failure last_failure_;

  // The current session; `session_` is never used again after it ended.
  SessionId session_;
  bool has_session_ = false;
  Timestamp session_began_;
  // The newest local offer; pending until it is answered.
  std::string offer_;
  std::string offer_ufrag_;
  bool offer_pending_ = false;
  // Sent, and neither answered nor refused since.
  bool offer_outstanding_ = false;
  Timestamp offer_sent_;
  // An ICE restart was begun and its offer is not answered.
  bool restarting_ = false;
  // One is due as soon as the signaling server is there again.
  bool restart_wanted_ = false;
  Timestamp restart_began_;  // the last one of this session, if there was one
  // The last one was answered; of those, how many in a row have found no path.
  bool restart_answered_ = false;
  size_t failed_restarts_ = 0;
  std::optional<DescriptionFacts> remote_;
  std::vector<Candidate> local_candidates_;
  std::vector<Candidate> held_candidates_;

  Timestamp start_deadline_ = Timestamp::Max();
  Timestamp attempt_deadline_ = Timestamp::Max();
  Timestamp session_deadline_ = Timestamp::Max();
  Timestamp hurry_until_;  // without a session, after a path was lost
  Timestamp restart_at_ = Timestamp::Max();
  Timestamp resend_at_ = Timestamp::Max();
  Timestamp retry_at_ = Timestamp::Max();
  Timestamp reconnect_at_ = Timestamp::Max();
};

}  // namespace ming::p2p

#endif  // MING_P2P_CLIENT_SESSION_CORE_H_
