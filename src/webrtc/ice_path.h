// IcePath: the way to the peer. It owns the IceAgent in use and, during an ICE restart, the next
// one, with the bridges of both to TURN servers over TLS. A restart is a second agent: it has
// sockets, credentials and candidates of its own, so it finds a path where the addresses of the
// first one are gone, and datagrams go on over the old path until the new one works.
#ifndef MING_WEBRTC_ICE_PATH_H_
#define MING_WEBRTC_ICE_PATH_H_

#include <memory>
#include <optional>
#include <vector>

#include "ming/base/bytes.h"
#include "ming/base/status.h"
#include "ming/codec/ice_candidate.h"
#include "ming/ice/ice_agent.h"
#include "ming/ice/ice_options.h"
#include "ming/tls/tls_trust.h"
#include "ming/webrtc/negotiation.h"
#include "ming/webrtc/no_path.h"

namespace ming::webrtc {

struct IcePathOptions {
  ice::IceOptions ice;  // TURN over TLS is allowed here
  // How the servers of turns: URLs are judged; null: by the system's authorities.
  std::shared_ptr<const tls::TlsTrust> turn_trust;
};

// `options` as an agent checks them: TLS is dealt with by the path.
Status Validate(const IcePathOptions& options);

class IcePath final {
 public:
  // Why datagrams take another way than before.
  enum class Change {
    kFirst,    // there was none
    kBetter,   // the agent in use found a better pair
    kRestart,  // ICE was restarted: another agent, likely another network
  };

  // Called from the loop, never inside a call to the path. Every method may call back into the path
  // and may destroy it through TimerService::DeferDelete.
  class Observer {
   public:
    virtual ~Observer() = default;
    // Of the agent that was started last: one that was not in Describe() when Start returned.
    virtual void OnLocalCandidate(const codec::IceCandidate& candidate) = 0;
    virtual void OnLocalCandidatesDone() = 0;
    // Datagrams take `pair` from here on.
    virtual void OnPathChanged(const ice::SelectedPair& pair, Change change) = 0;
    // The pair in use works, both ways.
    virtual void OnPathUp() = 0;
    // No pair works, or the peer no longer consents; and no restart is under way that could help.
    virtual void OnPathLost() = 0;
    // Of any agent, the old one and the next one included; never STUN. Valid during the call.
    virtual void OnPathDatagram(ByteSpan datagram) = 0;
    // Behind the last one of those that came together.
    virtual void OnPathDatagramsDone() = 0;
    // Once, after Close(); nothing follows.
    virtual void OnPathClosed() = 0;
  };

  // CHECKs that `options` validate. `services` and `observer` outlive the path.
  IcePath(const ice::IceServices& services, const IcePathOptions& options, Observer& observer);
  // No call to the observer follows.
  ~IcePath();
  IcePath(const IcePath&) = delete;
  IcePath& operator=(const IcePath&) = delete;

  // Makes an agent and starts its gathering: the first one, or the next one of an ICE restart,
  // which replaces one that has not found a path yet. The role of the first one stays (RFC 8445,
  // section 6.1.1). On failure nothing has changed, with one exception: where a port range is too
  // narrow for two agents the old one goes first.
  Status Start(ice::IceRole role);
  bool started() const { return current_ != nullptr; }
  // Our side of the agent that was started last. One must have been started.
  LocalSession Describe() const;

  // The peer's side of it.
  void SetRemote(const RemoteSession& session);
  // For the agent that knows the peer's description last set. As IceAgent's.
  Status AddRemoteCandidate(const codec::IceCandidate& candidate);
  void SetRemoteCandidatesDone();

  void SendDatagram(ByteSpan datagram);

  // The pair that datagrams take.
  const std::optional<ice::SelectedPair>& selected_pair() const;
  // Of all agents so far.
  ice::IceStats stats() const;
  // After OnPathLost: what the agent that was started last had to try with.
  NoPathFacts Facts() const;

  // Gives TURN allocations back, then OnPathClosed follows; nothing else does.
  void Close();

 private:
  class Leg;

  Status StartLeg(std::unique_ptr<Leg>& leg);
  void UseNext();
  void Retire(std::unique_ptr<Leg> leg, Duration overlap);
  Leg& newest() const;
  Leg* described() const;

  // What a leg's agent says.
  void OnLegState(Leg& leg, ice::IceState state);
  void OnLegCandidate(const Leg& leg, const codec::IceCandidate& candidate);
  void OnLegCandidatesDone(const Leg& leg);
  void OnLegPair(Leg& leg, const ice::SelectedPair& pair);
  void OnLegDatagram(ByteSpan datagram);
  void OnLegDatagramsDone();
  void OnLegClosed(Leg& leg);

  const ice::IceServices services_;
  const IcePathOptions options_;
  Observer& observer_;
  ice::IceRole role_ = ice::IceRole::kControlling;
  bool closing_ = false;
  ice::IceStats past_;  // of agents that are gone
  std::unique_ptr<Leg> current_;
  std::unique_ptr<Leg> next_;                  // during a restart
  std::vector<std::unique_ptr<Leg>> retired_;  // on their way out
};

}  // namespace ming::webrtc

#endif  // MING_WEBRTC_ICE_PATH_H_
