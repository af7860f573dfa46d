// IceAgent: finds and keeps a path to one peer (RFC 8445, trickle ICE, consent freshness) and
// carries datagrams over it. An adapter of libnice; what a peer says is validated before libnice
// sees it.
#ifndef MING_ICE_ICE_AGENT_H_
#define MING_ICE_ICE_AGENT_H_

#include <memory>
#include <optional>
#include <vector>

#include "ming/base/bytes.h"
#include "ming/base/status.h"
#include "ming/codec/ice_candidate.h"
#include "ming/codec/sdp.h"
#include "ming/ice/ice_options.h"
#include "ming/ice/ice_types.h"
#include "ming/net/glib_bridge.h"
#include "ming/net/reactor.h"
#include "ming/net/resolver.h"

namespace ming::ice {

// What every agent of a process shares; outlives the agents.
struct IceServices {
  net::Reactor& reactor;
  net::GlibBridge& glib;
  net::Resolver& resolver;
};

class IceAgent final {
 public:
  // Called from the loop, never inside a call to the agent. Every method may call back into the
  // agent and may destroy it through TimerService::DeferDelete.
  class Observer {
   public:
    virtual ~Observer() = default;
    virtual void OnIceState(IceState state) = 0;
    // One that was not in local_candidates() when Start returned.
    virtual void OnLocalCandidate(const codec::IceCandidate& candidate) = 0;
    virtual void OnLocalCandidatesDone() = 0;
    // At the first pair and at every change; before the OnIceState that it causes.
    virtual void OnSelectedPair(const SelectedPair& pair) = 0;
    // A datagram from an address that passed a connectivity check; never STUN. One that holds
    // several DTLS records may come as one call for each. Valid during the call. May come a little
    // before kConnected.
    virtual void OnDatagram(ByteSpan datagram) = 0;
    // Behind the last OnDatagram of those that came together.
    virtual void OnDatagramsDone() = 0;
    // Once, after Close(); nothing follows.
    virtual void OnIceClosed() = 0;
  };

  // CHECKs that `options` validate. `observer` and the services outlive the agent.
  IceAgent(const IceServices& services, const IceOptions& options, IceRole role,
           Observer& observer);
  // No call to the observer follows.
  ~IceAgent();
  IceAgent(const IceAgent&) = delete;
  IceAgent& operator=(const IceAgent&) = delete;

  // Once: makes the sockets and starts gathering. The host candidates are in local_candidates() on
  // return, those of servers follow. kUnavailable: no usable local address or port.
  Status Start();
  const codec::IceCredentials& local_credentials() const;
  // All so far. With kRelayOnly, only those of TURN servers.
  const std::vector<codec::IceCandidate>& local_candidates() const;
  bool local_candidates_done() const;

  // The peer's credentials, once; checks start with the first pair. Other ones mean that the peer
  // restarts ICE: that takes another agent on both sides.
  void SetRemoteCredentials(const codec::IceCredentials& credentials);
  // kUnsupported: of no use to us (a name, TCP, another component) and ignored; kMalformed: breaks
  // a rule; kResourceExhausted: more than max_remote_candidates.
  Status AddRemoteCandidate(const codec::IceCandidate& candidate);
  // Only then can the checks fail for good.
  void SetRemoteCandidatesDone();

  // Queues one datagram for the selected pair; it leaves at the end of the loop's turn, in order.
  void SendDatagram(ByteSpan datagram);

  const std::optional<SelectedPair>& selected_pair() const;
  IceStats stats() const;

  // Gives TURN allocations back, then OnIceClosed follows; nothing else does.
  void Close();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ming::ice

#endif  // MING_ICE_ICE_AGENT_H_
