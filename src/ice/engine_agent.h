// EngineAgent: one libnice agent with one stream of one component: its calls and callbacks with own
// types. It takes no decision.
#ifndef MING_ICE_ENGINE_AGENT_H_
#define MING_ICE_ENGINE_AGENT_H_

#include <optional>
#include <string>

#include "ming/base/bytes.h"
#include "ming/base/ip_address.h"
#include "ming/codec/ice_candidate.h"
#include "ming/codec/ice_server_url.h"
#include "ming/codec/sdp.h"
#include "ming/ice/ice_options.h"
#include "ming/ice/ice_types.h"
#include "ming/net/glib_bridge.h"
#include "ming/net/socket_address.h"

struct _NiceAgent;  // NOLINT(clang-diagnostic-reserved-identifier): libnice's name

namespace ming::ice {

class EngineAgent final {
 public:
  // Called inside libnice, and inside Gather: no method may call the engine.
  class Observer {
   public:
    virtual ~Observer() = default;
    virtual void OnEngineState(IceState state) = 0;
    virtual void OnEngineCandidate(codec::IceCandidate candidate) = 0;
    virtual void OnEngineGatheringDone() = 0;
    // Without relay_transport.
    virtual void OnEnginePair(const SelectedPair& pair) = 0;
    // Everything that is no connectivity check; valid during the call.
    virtual void OnEngineDatagram(ByteSpan datagram) = 0;
    virtual void OnEngineClosed() = 0;
  };

  // `glib` and `observer` outlive the agent.
  EngineAgent(net::GlibBridge& glib, const IceOptions& options, IceRole role, Observer& observer);
  // No call to the observer follows. TURN allocations are given back in the background.
  ~EngineAgent();
  EngineAgent(const EngineAgent&) = delete;
  EngineAgent& operator=(const EngineAgent&) = delete;

  // Before Gather.
  void AddLocalAddress(const IpAddress& ip);
  void SetStunServer(const std::string& host, Port port);
  // False: no socket could be bound.
  bool Gather();
  // Also while gathering. `at` is the server's address, or that of its bridge.
  bool AddTurnServer(const codec::IceServer& server, const net::SocketAddress& at);

  codec::IceCredentials Credentials() const;
  void SetRemoteCredentials(const codec::IceCredentials& credentials);
  // One that passed ValidateRemoteCandidate.
  void AddRemoteCandidate(const codec::IceCandidate& candidate);
  void SetRemoteCandidatesDone();

  void EnlargeSocketBuffers();
  // Junk ends in the kernel (FilterJunk). After Gather; the credentials stay as they are.
  void FilterSockets();
  // The UDP socket that is bound to `address`; negative: none.
  int DescriptorAt(const net::SocketAddress& address) const;
  // The engine's own descriptor of the selected pair's UDP socket; negative where the pair is
  // relayed by our server.
  int SelectedDescriptor() const;
  // Of the selected pair, where it leads through our TURN server: whether that is reached over TCP,
  // and where.
  struct RelayLeg {
    bool over_tcp = false;
    net::SocketAddress server;
  };
  std::optional<RelayLeg> SelectedRelay() const;
  // Over the selected pair. False: refused.
  bool Send(ByteSpan datagram);

  // Gives TURN allocations back, then OnEngineClosed.
  void Close();

 private:
  struct Callbacks;
  struct CloseTicket;
  template <typename Visit>
  void ForEachSocket(Visit visit) const;
  template <typename Command>
  void StartChecks(Command command);

  net::GlibBridge& glib_;
  Observer& observer_;
  _NiceAgent* agent_ = nullptr;
  unsigned stream_ = 0;
  bool has_turn_ = false;
  bool remote_known_ = false;
  bool checks_started_ = false;
  bool close_started_ = false;
  CloseTicket* close_ticket_ = nullptr;  // while closing is under way; the callback owns it
};

}  // namespace ming::ice

#endif  // MING_ICE_ENGINE_AGENT_H_
