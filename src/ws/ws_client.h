// WsClient: one attempt to open a WebSocket connection.
#ifndef MING_WS_WS_CLIENT_H_
#define MING_WS_WS_CLIENT_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ming/base/secret.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/ws/ws_connection.h"
#include "ming/ws/ws_url.h"

namespace ming::net {
class Resolver;
}  // namespace ming::net

namespace ming::ws {

class WsContext;

// Whose certificates a client believes (wss:// only).
struct WsTrust {
  enum class Mode {
    kSystem,    // the CAs of the system, name checked
    kCaFile,    // those in `ca_file` (PEM) only, name checked
    kInsecure,  // anybody: no protection against a man in the middle
  };
  Mode mode = Mode::kSystem;
  std::string ca_file;
};

struct WsHeader {
  std::string name;
  std::string value;  // no CR, LF or NUL
};

struct WsClientOptions {
  WsUrl url;
  // Sent as "Authorization: Bearer <token>" unless empty.
  Secret bearer_token;
  // Further request headers ("Origin", "User-Agent"), at most 16.
  std::vector<WsHeader> headers;
  WsTrust trust;
  // From the start (name resolution included) to the end of the upgrade, over all addresses.
  Duration connect_timeout = std::chrono::seconds(10);
  // An address that has not taken part in a TCP handshake by then is given up, though the time of
  // the whole is not over.
  Duration reach_timeout = std::chrono::seconds(10);
  WsLimits limits;
};

// All problems of `options`, one sentence each; empty: valid.
std::vector<std::string> Validate(const WsClientOptions& options);

// Resolves, tries the addresses one after the other, does TLS and the upgrade. Failures:
// kPermissionDenied for HTTP 401 and 403; kUnavailable for any other HTTP answer and for a server
// that cannot be reached; kTimeout; kProtocolViolation for an answer that is not HTTP or a wrong
// upgrade. Status::detail() is the HTTP status, or the errno, where there is one.
class WsClient {
 public:
  using DoneCallback = std::function<void(Result<std::unique_ptr<WsConnection>>)>;

  // `done` runs once, from the loop; it may destroy the WsClient. Destroying it before cancels: no
  // callback.
  static std::unique_ptr<WsClient> Connect(WsContext& context, net::Resolver& resolver,
                                           const WsClientOptions& options, DoneCallback done);
  virtual ~WsClient() = default;
};

}  // namespace ming::ws

#endif  // MING_WS_WS_CLIENT_H_
