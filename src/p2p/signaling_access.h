// SignalingAccess: the way to the signaling server, as both roles are told it.
#ifndef MING_P2P_SIGNALING_ACCESS_H_
#define MING_P2P_SIGNALING_ACCESS_H_

#include <string>

#include "ming/base/backoff.h"
#include "ming/base/secret.h"
#include "ming/signaling/signaling_client.h"
#include "ming/ws/ws_client.h"
#include "ming/ws/ws_url.h"

namespace ming::p2p {

struct SignalingAccess {
  ws::WsUrl url;
  // Bearer token; empty: none.
  Secret token;
  ws::WsTrust trust;
  // Between attempts to reach the server. The four seconds at most keep recovery near the five that
  // users were promised when host and server were restarted together.
  BackoffOptions backoff{std::chrono::seconds(1), std::chrono::seconds(4), 0.3};
};

// `id` is the one to register (a host) or to speak as (a client).
inline signaling::SignalingClientOptions MakeSignalingOptions(const SignalingAccess& access,
                                                              signaling::SignalingRole role,
                                                              const std::string& id) {
  signaling::SignalingClientOptions options;
  options.url = access.url;
  options.role = role;
  options.id = id;
  options.token = access.token;
  options.trust = access.trust;
  options.backoff = access.backoff;
  return options;
}

}  // namespace ming::p2p

#endif  // MING_P2P_SIGNALING_ACCESS_H_
