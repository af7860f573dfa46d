// ReverseClient: the client of a reverse tunnel: keeps the control connection to the server, and
// joins callers with the target as ClientCore says.
#ifndef MING_REVERSE_REVERSE_CLIENT_H_
#define MING_REVERSE_REVERSE_CLIENT_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "ming/base/ip_address.h"
#include "ming/base/random.h"
#include "ming/base/secret.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/codec/proxy_protocol.h"
#include "ming/codec/reverse_line.h"
#include "ming/link/timer_service.h"
#include "ming/net/pipe_pool.h"
#include "ming/net/reactor.h"
#include "ming/net/resolver.h"
#include "ming/net/tcp_connector.h"
#include "ming/net/tcp_stream.h"
#include "ming/reverse/client_core.h"
#include "ming/reverse/datagram_joint.h"
#include "ming/reverse/hmac_token.h"
#include "ming/reverse/line_link.h"
#include "ming/reverse/reverse_counters.h"
#include "ming/reverse/reverse_log.h"
#include "ming/tls/certificate.h"
#include "ming/tls/tls_trust.h"
#include "ming/tunnel/relay.h"

namespace ming::reverse {

struct ReverseClientOptions {
  HostPort server;  // its port B
  HostPort target;  // resolved for each connection
  ClientCoreOptions core;
  UdpOptions udp;  // where core.udp is set
  // To the server, and to the target over all its addresses; resolving included.
  Duration connect_timeout = std::chrono::seconds(5);
  Duration dial_timeout = std::chrono::seconds(5);
  tunnel::RelayOptions relay;  // without pipes: the client lends its own
  // As of ReverseServerOptions.
  bool splice = true;
  // Tells the target who the caller is, before the caller's first byte; none: nothing.
  std::optional<codec::ProxyVersion> proxy_protocol;
  // How the server is judged, which speaks TLS then; null: plain TCP.
  std::shared_ptr<const tls::TlsTrust> server_trust;
  // Whom its certificate must be for; empty: server.host.
  std::string server_name;
  // Shown to the server; may be null. Only with `server_trust`.
  std::shared_ptr<const tls::Certificate> certificate;
  // Proven to the server; empty: none.
  Secret token;
};

class ReverseClient final {
 public:
  // Once, from the loop, and last. May destroy the client through DeferDelete.
  using EndedCallback = std::function<void(ClientEnd end, const Status& why)>;

  // Begins to connect. `reactor`, `resolver` and `random` outlive the client.
  ReverseClient(net::Reactor& reactor, net::Resolver& resolver, Random& random,
                const ReverseClientOptions& options, EndedCallback on_ended);
  // Resets every connection.
  ~ReverseClient();
  ReverseClient(const ReverseClient&) = delete;
  ReverseClient& operator=(const ReverseClient&) = delete;

  // Relays may end within the drain time; then the callback follows.
  void Stop();

  bool connected() const { return core_.control_up(); }
  ReverseCounters counters() const;

 private:
  class Control;
  class Conn;

  // The stream in which the lines go, over a connection to the server.
  std::unique_ptr<link::ByteStream> Secure(std::unique_ptr<net::TcpStream> stream);
  void OnControlConnected();
  void OnControlReadable(Control& control);
  void OnControlFailed(const Status& why);
  void OnControlClosed(Control& control);
  void OnServerDialed(codec::ReverseConnId id, const Status& status);
  void OnTargetDialed(codec::ReverseConnId id, const Status& status);
  void OnTargetLost(codec::ReverseConnId id);
  void OnConnReadable(codec::ReverseConnId id);
  void OnConnFailed(codec::ReverseConnId id);
  void OnRelayDone(codec::ReverseConnId id, codec::ReverseReason why);
  void OnAlarm();

  void Pump();
  Conn& ConnOf(codec::ReverseConnId id);
  void Apply(const client::DialControl& event);
  void Apply(const client::SendControl& event);
  void Apply(const client::EndControl& event);
  void Apply(const client::DialServer& event);
  void Apply(const client::SendLink& event);
  void Apply(const client::DialTarget& event);
  void Apply(const client::StartRelay& event);
  void Apply(const client::KeepLink& event);
  void Apply(const client::AbortRelay& event);
  void Apply(const client::DropConn& event);
  void Apply(const client::Ended& event);
  void Apply(const client::ControlUp& event);
  void Apply(const client::ControlDown& event);
  void Apply(const client::ReconnectWait& event);
  void Apply(const client::ConnNew& event);
  void Apply(const client::ConnPaired& event);
  void Apply(const client::ConnEnd& event);

  net::Reactor& reactor_;
  net::Resolver& resolver_;
  const ReverseClientOptions options_;
  const EndedCallback on_ended_;
  const std::optional<HmacToken> token_;
  ClientCore core_;
  net::PipePool pipes_;
  tunnel::RelayOptions relay_options_;
  ClientLog log_;
  std::unique_ptr<Control> control_;
  std::vector<std::unique_ptr<Control>> leaving_;  // they end in order
  std::unordered_map<codec::ReverseConnId, std::unique_ptr<Conn>> conns_;
  std::unique_ptr<link::ByteStream> kept_;  // of the relay that is just done
  const std::unique_ptr<link::Alarm> alarm_;
  ReverseCounters counters_;
  bool was_up_ = false;
  bool pumping_ = false;
};

}  // namespace ming::reverse

#endif  // MING_REVERSE_REVERSE_CLIENT_H_
