// LwsEngine: the libwebsockets context on the loop's GMainContext, and its virtual hosts. Private
// to this folder; libwebsockets' own names stay in the sources.
#ifndef MING_WS_LWS_ENGINE_H_
#define MING_WS_LWS_ENGINE_H_

#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>

#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/link/timer_service.h"
#include "ming/net/glib_bridge.h"
#include "ming/net/reactor.h"
#include "ming/net/socket_address.h"
#include "ming/ws/ws_client.h"
#include "ming/ws/ws_server.h"

// NOLINTBEGIN(readability-identifier-naming): libwebsockets' names
struct lws;
struct lws_context;
struct lws_vhost;
// NOLINTEND(readability-identifier-naming)

namespace ming::ws {

class LwsConnection;

// Whom libwebsockets tells about a socket. The engine finds it in the socket's opaque user data.
class LwsHandler {
 public:
  virtual ~LwsHandler() = default;
  // Runs inside the engine: takes notes, asks for a turn-end hook and returns; the only calls back
  // into the engine are those that the event is for (writing, closing by -1, flow control).
  // `reason` is an lws_callback_reasons; the result is what libwebsockets wants for it.
  virtual int OnLwsEvent(lws* wsi, int reason, void* in, size_t size) = 0;
};

// Whose heartbeat the engine keeps.
class LwsHeartbeatUser {
 public:
  // Something is due, and says when to come again; Timestamp::Max(): never.
  virtual Timestamp OnHeartbeat(Timestamp now) = 0;

 protected:
  ~LwsHeartbeatUser() = default;
};

// What a socket of our own is opened for.
struct LwsRequest {
  lws_vhost* vhost = nullptr;  // of ClientVhost
  net::SocketAddress address;
  std::string host;    // of the Host field
  std::string target;  // path and query
  // A plain request; else one for WebSocket.
  bool plain_get = false;
  int tls_flags = 0;  // LCCSCF_*
};

class LwsEngine {
 public:
  static Result<std::unique_ptr<LwsEngine>> Create(net::Reactor& reactor, net::GlibBridge& bridge);
  ~LwsEngine();
  LwsEngine(const LwsEngine&) = delete;
  LwsEngine& operator=(const LwsEngine&) = delete;

  net::Reactor& reactor() { return reactor_; }
  lws_context* context() { return context_; }

  // A virtual host for adopted sockets; the caller destroys it. kInvalidArgument: the files.
  Result<lws_vhost*> CreateServerVhost(const std::optional<WsServerTls>& tls, size_t read_slice);
  // Closes the sockets that are left on it.
  void DestroyServerVhost(lws_vhost* vhost);
  // The virtual host for connecting with this trust; made once, lives as long as the engine.
  // kInvalidArgument: the CA file.
  Result<lws_vhost*> ClientVhost(const WsUrl::Scheme scheme, const WsTrust& trust,
                                 size_t read_slice);

  // After a call made outside the engine's callbacks.
  void Touch() { bridge_.Arm(); }
  // The same, where libwebsockets holds back work (received data, a timer) that no descriptor will
  // announce.
  void Kick();

  // Opens a socket for `handler`, in `wsi` until it has ended; redirects are not followed. False:
  // it has failed at once, and the handler may know why.
  bool Connect(const LwsRequest& request, LwsHandler& handler, lws*& wsi);

  // Ends the socket at once, without a close frame; its handler hears no more of it. Not from
  // inside an event of this socket.
  void DropSocket(lws* wsi);

  void ScheduleHeartbeat(LwsHeartbeatUser& user, Timestamp when);
  void CancelHeartbeat(LwsHeartbeatUser& user, Timestamp when);

  // Connections whose owners let the engine go first lose their sockets with it.
  void AddConnection(LwsConnection& connection) { connections_.insert(&connection); }
  void RemoveConnection(LwsConnection& connection) { connections_.erase(&connection); }

  void NoteSocketOpened() { ++sockets_; }
  void NoteSocketClosed() { --sockets_; }
  size_t socket_count() const { return sockets_; }

 private:
  struct Vhost;

  LwsEngine(net::Reactor& reactor, net::GlibBridge& bridge);

  Vhost& AddVhost(const std::string& name, size_t read_slice);
  void RunHeartbeats();
  void ArmHeartbeats();

  net::Reactor& reactor_;
  net::GlibBridge& bridge_;
  lws_context* context_ = nullptr;
  void* main_loop_ = nullptr;  // a GMainLoop that is never run: it carries the context
  std::list<std::unique_ptr<Vhost>> vhosts_;
  size_t sockets_ = 0;
  std::unordered_set<LwsConnection*> connections_;
  unsigned vhosts_made_ = 0;
  std::set<std::pair<Timestamp, LwsHeartbeatUser*>> heartbeats_;
  std::unique_ptr<link::Alarm> heartbeat_alarm_;
};

}  // namespace ming::ws

#endif  // MING_WS_LWS_ENGINE_H_
