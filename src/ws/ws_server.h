// WsServer: listens for WebSocket connections, ws:// or wss://.
#ifndef MING_WS_WS_SERVER_H_
#define MING_WS_WS_SERVER_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ming/base/ip_address.h"
#include "ming/base/secret.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/ws/ws_connection.h"

namespace ming::ws {

class WsContext;

// PEM files: the certificate (with its chain, leaf first) and its key.
struct WsServerTls {
  std::string certificate_file;
  std::string key_file;
};

struct WsServerOptions {
  // Empty host: all interfaces, IPv4 and IPv6. Port 0: any; see WsServer::port().
  HostPort listen;
  // Present: wss:// only. Absent: ws:// only.
  std::optional<WsServerTls> tls;
  WsLimits limits;
  // Sockets held at once, those in their handshake included, 1 to 1,000,000; further ones are
  // closed as they come.
  size_t max_connections = 16'384;
  // Sockets still in their TLS or HTTP handshake at once, 1 to max_connections. One more makes the
  // oldest of the address (IPv6: /64) that has most of them leave: a flood crowds out itself.
  size_t max_handshakes = 1'024;
  // From accept to the end of the request header, and for the TLS handshake before it.
  Duration handshake_timeout = std::chrono::seconds(10);
};

// All problems of `options`, one sentence each; empty: valid.
std::vector<std::string> Validate(const WsServerOptions& options);

// The request that asks for an upgrade, or a plain HTTP one. Header values are as sent. One in
// which a header below comes twice was refused with 400.
struct WsRequest {
  IpAddress peer_address;
  Port peer_port;
  std::string path;      // without query; begins with '/'
  std::string query;     // behind '?', may be empty
  std::string host;      // Host header
  std::string origin;    // Origin header; empty where there is none (not a browser)
  Secret authorization;  // Authorization header, whole; empty where there is none
  std::string user_agent;
};

// The answer to a plain request, or a refusal of an upgrade: status 400 to 599 for the latter.
struct WsHttpReply {
  int status = 404;
  std::string text;  // body; a line end is added
  std::string content_type = "text/plain; charset=utf-8";
};

class WsServer {
 public:
  class Observer {
   public:
    virtual ~Observer() = default;
    // Before the upgrade: nothing lets the request through, a reply refuses it. Called inside the
    // engine: may not call back into the server or any of its connections.
    virtual std::optional<WsHttpReply> CheckUpgrade(const WsRequest& request) = 0;
    // A connection is established. From the loop; may call back, and may destroy the server through
    // TimerService::DeferDelete. Messages that came already follow once an observer is set.
    virtual void OnConnection(std::unique_ptr<WsConnection> connection,
                              const WsRequest& request) = 0;
    // A request that asks for no upgrade. May not call back, as CheckUpgrade. GET and HEAD only,
    // others were answered with 405.
    virtual WsHttpReply AnswerHttp(const WsRequest& request) = 0;
  };

  // `observer` outlives the server. kUnavailable: the address is taken or not ours;
  // kInvalidArgument: certificate or key cannot be used (the message names the file).
  static Result<std::unique_ptr<WsServer>> Listen(WsContext& context,
                                                  const WsServerOptions& options,
                                                  Observer& observer);
  // Closes the listening sockets and drops sockets in their handshake. Established connections
  // belong to whoever took them and live on.
  virtual ~WsServer() = default;

  // The real port.
  virtual Port port() const = 0;
  // Sockets held, those in their handshake included.
  virtual size_t connection_count() const = 0;
  virtual size_t handshake_count() const = 0;
  // No further connection is accepted; those established go on. Safe to call twice.
  virtual void StopListening() = 0;
};

}  // namespace ming::ws

#endif  // MING_WS_WS_SERVER_H_
