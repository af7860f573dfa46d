// SignalingClient: one host's or client's lasting connection to the signaling server.
#ifndef MING_SIGNALING_SIGNALING_CLIENT_H_
#define MING_SIGNALING_SIGNALING_CLIENT_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "ming/base/backoff.h"
#include "ming/base/random.h"
#include "ming/base/secret.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/codec/signaling_message.h"
#include "ming/signaling/signaling_client_core.h"
#include "ming/ws/ws_client.h"
#include "ming/ws/ws_url.h"

namespace ming::net {
class Resolver;
struct NetworkChange;
}  // namespace ming::net
namespace ming::ws {
class WsContext;
}  // namespace ming::ws

namespace ming::signaling {

struct SignalingClientOptions {
  ws::WsUrl url;
  SignalingRole role = SignalingRole::kClient;
  // Our own ID, 1 to 128 bytes: what a host registers; what a client sends as its sender_id (a
  // random UUID, made at start).
  std::string id;
  // Bearer token; empty: none.
  Secret token;
  ws::WsTrust trust;
  // Delays between attempts; shorter ones while it is urgent.
  BackoffOptions backoff;
  // One attempt: name resolution to the end of the upgrade.
  Duration connect_timeout = std::chrono::seconds(10);
  // A server that does not answer a connection request within so long is tried anew: TCP by itself
  // would repeat the request after 1, 3 and 7 s, and miss the moment when a network returns.
  Duration reach_timeout = std::chrono::seconds(2);
  // A dead server is noticed after peer_timeout at the latest.
  Duration ping_interval = std::chrono::seconds(5);
  Duration peer_timeout = std::chrono::seconds(12);
  // A connection (of a host: a registration) that stood this long is a success: the back-off starts
  // anew, and a later loss of the ID is no longer fatal. Longer than the server's probe of 2 s.
  Duration settle_time = std::chrono::seconds(3);
  // Longest message, each way, bytes.
  size_t max_message_size = size_t{64} * 1024;
};

// All problems of `options`, one sentence each; empty: valid.
std::vector<std::string> Validate(const SignalingClientOptions& options);

class SignalingClient {
 public:
  // Called from the loop, never inside a call to the client. Each may call back into the client and
  // may destroy it through TimerService::DeferDelete; until the turn ends further calls may come.
  class Observer {
   public:
    virtual ~Observer() = default;
    // The connection stands, and a host has sent its registration. The protocol has no answer to
    // that: a refusal comes as OnDisconnected. Again after each reconnection.
    virtual void OnSignalingConnected() = 0;
    // A message of another peer, or of a kind we do not know. Never `error`: see OnSignalingError.
    virtual void OnSignalingMessage(const codec::SignalingMessage& message) = 0;
    // Not connected: once for each lost connection and for each failed attempt. `why`:
    // kPermissionDenied (HTTP 401 or 403, which detail() then says, or an ID that is taken:
    // detail() 0), kUnavailable (unreachable, refused, lost), kTimeout, kProtocolViolation (not a
    // signaling server). Nothing follows one that is not kRetrying.
    virtual void OnSignalingDisconnected(const Status& why, SignalingLoss loss) = 0;
    // An `error` message of the server or of a peer, for people.
    virtual void OnSignalingError(const SignalingErrorText& error) = 0;
  };

  // Starts connecting; CHECKs that `options` validate. `context`, `resolver`, `random` and
  // `observer` outlive the client.
  static std::unique_ptr<SignalingClient> Start(ws::WsContext& context, net::Resolver& resolver,
                                                Random& random,
                                                const SignalingClientOptions& options,
                                                Observer& observer);
  // Drops the connection; nothing follows.
  virtual ~SignalingClient() = default;

  // Its sender_id is replaced by our ID. kUnavailable while not connected: nothing is queued, since
  // offers and candidates grow stale; send again after OnSignalingConnected. kResourceExhausted:
  // the server does not read (the connection is given up and reconnected).
  virtual Status Send(const codec::SignalingMessage& message) = 0;
  virtual void SetUrgency(SignalingUrgency urgency) = 0;
  // A connection whose address is gone is replaced at once, any other one is asked for a sign of
  // life.
  virtual void HandleNetworkChanged(const net::NetworkChange& change) = 0;
  virtual bool connected() const = 0;
  virtual const std::string& id() const = 0;
};

}  // namespace ming::signaling

#endif  // MING_SIGNALING_SIGNALING_CLIENT_H_
