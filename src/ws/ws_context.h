// WsContext: the libwebsockets context that all WebSocket servers and clients of one loop share.
#ifndef MING_WS_WS_CONTEXT_H_
#define MING_WS_WS_CONTEXT_H_

#include <cstddef>
#include <memory>

#include "ming/base/status.h"

namespace ming::net {
class GlibBridge;
class Reactor;
}  // namespace ming::net

namespace ming::ws {

class LwsEngine;

// Created after and destroyed before the reactor and the bridge; outlives every WsServer and
// WsClient made on it. A WsConnection that is left when it goes loses its socket (kClosed). It has
// no threads of its own. What libwebsockets logs goes to VLOG.
class WsContext final {
 public:
  // kInternal where libwebsockets cannot start, which means a missing GLib plugin (Debian package
  // libwebsockets-evlib-glib).
  static Result<std::unique_ptr<WsContext>> Create(net::Reactor& reactor, net::GlibBridge& bridge);
  ~WsContext();
  WsContext(const WsContext&) = delete;
  WsContext& operator=(const WsContext&) = delete;

  // Sockets that libwebsockets holds now, listening and connecting ones included; for leak checks.
  size_t socket_count() const;

  // The loop it runs on.
  net::Reactor& reactor();

  // For the classes of this folder.
  LwsEngine& engine() { return *engine_; }

 private:
  explicit WsContext(std::unique_ptr<LwsEngine> engine);

  std::unique_ptr<LwsEngine> engine_;
};

}  // namespace ming::ws

#endif  // MING_WS_WS_CONTEXT_H_
