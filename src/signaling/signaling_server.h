// SignalingServer: the rendezvous of hosts and clients, over WebSocket.
#ifndef MING_SIGNALING_SIGNALING_SERVER_H_
#define MING_SIGNALING_SIGNALING_SERVER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ming/base/ip_address.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/signaling/signaling_server_core.h"
#include "ming/ws/ws_server.h"

namespace ming::net {
class Reactor;
}  // namespace ming::net
namespace ming::ws {
class WsContext;
}  // namespace ming::ws

namespace ming::signaling {

struct SignalingServerOptions {
  // Empty host: all interfaces, IPv4 and IPv6. Port 0: any.
  HostPort listen{"", Port(8080)};
  // Present: wss:// only.
  std::optional<ws::WsServerTls> tls;
  // Tokens, origins, limits.
  SignalingServerCoreOptions core;
  // A ping each so often, and gone after so long without any frame from the peer.
  Duration ping_interval = std::chrono::seconds(54);
  Duration peer_timeout = std::chrono::seconds(60);
  // Bytes that may wait for a slow reader. A message that does not fit is lost: others may flood a
  // reader that does its best, and who they flood is not to blame. At least two of the largest
  // messages, at most 64 MiB.
  size_t send_queue_bytes = size_t{256} * 1024;
  // The same for all readers together, at least send_queue_bytes, at most 4 GiB. Beyond it a
  // message is lost where one waits for that reader already.
  size_t send_queue_total = size_t{64} * 1024 * 1024;
  // A reader for whom no message found room for so long is closed. 10 ms to 1 min.
  Duration slow_reader_limit = std::chrono::seconds(5);
  // From accept to the end of the request header, and for the TLS handshake before it.
  Duration handshake_timeout = std::chrono::seconds(10);
  // How long Shutdown waits for the close handshakes.
  Duration drain_timeout = std::chrono::seconds(2);
};

// All problems of `options`, one sentence each; empty: valid.
std::vector<std::string> Validate(const SignalingServerOptions& options);

class SignalingServer {
 public:
  // Listens at once. CHECKs that `options` validate. kInvalidArgument: the TLS files; kUnavailable:
  // the address is taken or not ours. `context` outlives the server.
  static Result<std::unique_ptr<SignalingServer>> Start(net::Reactor& reactor,
                                                        ws::WsContext& context,
                                                        const SignalingServerOptions& options);
  // Drops every connection at once.
  virtual ~SignalingServer() = default;

  // The real port.
  virtual Port port() const = 0;
  virtual const SignalingServerMetrics& metrics() const = 0;
  // Bytes that wait for readers now.
  virtual size_t queued_bytes() const = 0;
  // Stops listening and closes every connection with 1001. `done` runs once, from the loop, when
  // all are gone or drain_timeout has passed; it may destroy the server. Call it once.
  virtual void Shutdown(std::function<void()> done) = 0;
};

}  // namespace ming::signaling

#endif  // MING_SIGNALING_SIGNALING_SERVER_H_
