// HostSessionsCore: one session for every client, as the host of a tunnel keeps them: which offer
// makes a new session, which one restarts the ICE of a running one, and when a session is given up.
// Offers and candidates are hostile input.
#ifndef MING_P2P_HOST_SESSIONS_CORE_H_
#define MING_P2P_HOST_SESSIONS_CORE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "ming/base/event_queue.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/p2p/session_types.h"
#include "ming/p2p/token_bucket.h"

namespace ming::p2p {

struct HostSessionsOptions {
  TunnelProtocol protocol = TunnelProtocol::kTcp;
  // How long the first start may take until the signaling server was reached, 100 ms to 24 h. After
  // the first success there is no limit.
  Duration wait = std::chrono::seconds(10);
  // Sessions at once, 1 to 100,000. Each takes some 250 KiB.
  size_t max_sessions = 1000;
  // From the offer until the path is up for the first time, 1 s to 5 min. A client gives up sooner.
  Duration connect_timeout = std::chrono::seconds(30);
  // With max_sessions, an offer of another client takes the place of the oldest session that has
  // tried for so long and never had a path, 1 s to 5 min: peers that never come do not
  // keep others out.
  Duration patience = std::chrono::seconds(5);
  // How long a session whose path was lost waits for its client, 1 s to 1 h. The client's own limit
  // is the same.
  Duration session_timeout = std::chrono::minutes(2);
  // After a refusal of the server that came when it had accepted us once, 1 s to 1 h.
  Duration refused_pause = std::chrono::seconds(30);
  // Candidates of one session, each way, 1 to 1024.
  size_t max_candidates = 64;
  // Candidates may overtake their offer: clients for which some are kept (1 to 10,000, each up to
  // max_candidates), and for how long (1 s to 5 min).
  size_t max_early_clients = 64;
  Duration early_lifetime = std::chrono::seconds(10);
  // New sessions, of all clients together: each costs a key exchange and sockets.
  TokenBucketOptions new_sessions{50.0, 200.0};
  // Offers to one running session: restarts and copies.
  TokenBucketOptions session_offers{1.0, 10.0};

  // All problems at once, one a line; ok when there are none.
  Status Validate() const;
};

// What the shell does, in this order.
struct CreateSession {  // HandleLocalAnswer or HandleSessionFailed follows
  SessionId session;
  std::string client_id;
  std::string offer;
};
struct AcceptRestart {  // the same on the running session
  SessionId session;
  std::string offer;
};
struct SendAnswer {
  std::string client_id;
  std::string sdp;
};
struct SendCandidateTo {
  std::string client_id;
  SessionId session;
  Candidate candidate;
};
struct SendRefusal {  // an `error` message for the client
  std::string client_id;
  std::string text;
};
struct RequestRestart {  // the client is asked for an ICE restart
  std::string client_id;
};
struct HostEnded {  // once, and last
  TunnelEnd end = TunnelEnd::kStopped;
  Status why;
};
using HostEvent =
    std::variant<CreateSession, AcceptRestart, EndSession, ApplyCandidate, SendAnswer,
                 SendCandidateTo, SendRefusal, RequestRestart, ReconnectSignaling, HostEnded>;

// Every Handle method may queue events; drain them with PollEvent after each. Reports about a
// session that has ended are ignored.
class HostSessionsCore {
 public:
  // CHECKs that `options` validates.
  explicit HostSessionsCore(const HostSessionsOptions& options);

  // The wait begins. Call it once, first.
  void Start(Timestamp now);
  // From now on no session is made; offers to running ones are answered.
  void StopAccepting();
  // Ends in order: every session is ended and HostEnded{kStopped} follows.
  void Close();

  void HandleSignalingUp();
  void HandleSignalingDown(const Status& why);
  // The signaling client gave up because another host holds our ID: the end.
  void HandleIdTaken(const Status& why);
  // The signaling client gave up because the server does not let us register: the end.
  void HandleRegistrationRefused(const Status& why);
  // The signaling client gave up because the server refused us: the end before the first success, a
  // long pause after it.
  void HandleSignalingRefused(Timestamp now, const Status& why);
  // What clients send. `client_id` is the sender, as the server vouches for it.
  void HandleOffer(Timestamp now, const std::string& client_id, const std::string& sdp);
  void HandleRemoteCandidate(Timestamp now, const std::string& client_id,
                             const Candidate& candidate);

  // An address or a route of this machine came or went.
  void HandleNetworkChanged();

  void HandleLocalAnswer(SessionId session, std::string sdp);
  void HandleLocalCandidate(SessionId session, const Candidate& candidate);
  void HandlePathState(Timestamp now, SessionId session, PathState state, const Status& why);
  // The session could not be made, or did not take the offer of an ICE restart: it then goes on as
  // it was.
  void HandleSessionFailed(SessionId session, const Status& why);

  // Early or repeated calls are harmless.
  void HandleTimeout(Timestamp now);
  // Timestamp::Max() when idle.
  Timestamp NextTimeout() const;
  std::optional<HostEvent> PollEvent();

  size_t session_count() const { return sessions_.size(); }
  size_t connected_count() const;
  // A running session waits for the signaling server.
  bool needs_signaling() const;
  // For tests and fuzzers, after any call.
  bool IsConsistent() const;

 private:
  struct Session {
    SessionId id;
    std::string client_id;
    DescriptionFacts remote;
    std::string offer;
    std::string answer;  // empty: not there yet
    std::vector<Candidate> local_candidates;
    size_t remote_candidates = 0;  // of the current offer
    bool connected = false;
    bool ever_connected = false;
    bool answer_arrived = false;  // there was a path since the last one
    bool restart_wanted = false;  // the client is to restart ICE, and has not yet
    Timestamp deadline = Timestamp::Max();
    TokenBucket offers;
  };
  struct EarlyCandidates {
    Timestamp expires;
    std::vector<Candidate> candidates;
  };

  void HandleOfferOfRunning(Timestamp now, Session& session, const DescriptionFacts& facts,
                            const std::string& sdp);
  void CreateSessionFor(Timestamp now, const std::string& client_id, DescriptionFacts facts,
                        const std::string& sdp);
  void SendAnswerAndCandidates(const Session& session);
  void AskForRestart(const Session& session);
  bool MakeRoom(Timestamp now);
  void KeepEarlyCandidate(Timestamp now, const std::string& client_id, const Candidate& candidate);
  void ApplyEarlyCandidates(Timestamp now, Session& session);
  void SetDeadline(Session& session, Timestamp deadline);
  void EndOne(SessionId id, const Status& why);
  void End(TunnelEnd end, const Status& why);
  bool IsConsistent(const Session& session) const;
  Session* Find(SessionId id);
  Session* FindByClient(const std::string& client_id);

  const HostSessionsOptions options_;
  EventQueue<HostEvent> events_;
  bool signaling_up_ = false;
  bool ever_up_ = false;
  bool accepting_ = true;
  bool closed_ = false;
  Status last_failure_;
  uint64_t last_session_id_ = 0;
  TokenBucket new_sessions_;
  std::map<SessionId, Session> sessions_;
  std::unordered_map<std::string, SessionId> by_client_;
  // Sessions that have a deadline.
  std::set<std::pair<Timestamp, SessionId>> deadlines_;
  std::unordered_map<std::string, EarlyCandidates> early_;
  Timestamp start_deadline_ = Timestamp::Max();
  Timestamp reconnect_at_ = Timestamp::Max();
};

}  // namespace ming::p2p

#endif  // MING_P2P_HOST_SESSIONS_CORE_H_
