// ReverseServer: the server of a reverse tunnel: listens for callers (A) and for the client (B),
// and joins them as ServerCore says.
#ifndef MING_REVERSE_REVERSE_SERVER_H_
#define MING_REVERSE_REVERSE_SERVER_H_

#include <cstddef>
#include <cstdint>
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
#include "ming/codec/reverse_line.h"
#include "ming/link/byte_stream.h"
#include "ming/net/pipe_pool.h"
#include "ming/net/reactor.h"
#include "ming/net/socket_address.h"
#include "ming/net/tcp_listener.h"
#include "ming/net/tcp_stream.h"
#include "ming/reverse/hmac_token.h"
#include "ming/reverse/joint.h"
#include "ming/reverse/line_link.h"
#include "ming/reverse/reverse_counters.h"
#include "ming/reverse/reverse_log.h"
#include "ming/reverse/server_core.h"
#include "ming/reverse/udp_callers.h"
#include "ming/tls/certificate.h"
#include "ming/tls/tls_trust.h"
#include "ming/tunnel/relay.h"

namespace ming::reverse {

struct ReverseServerOptions {
  // One for each of core.listeners.
  std::vector<HostPort> callers{HostPort{"", Port(18080)}};
  HostPort clients{"", Port(19090)};
  ServerCoreOptions core;
  UdpOptions udp;              // where core.udp is set
  tunnel::RelayOptions relay;  // without pipes: the server lends its own
  // Whether the kernel may move the bytes of long bursts (splice(2)). For processes that ignore
  // SIGPIPE.
  bool splice = true;
  // Port B speaks TLS with this certificate; null: plain TCP.
  std::shared_ptr<const tls::Certificate> certificate;
  // Where there is one, clients show a certificate that it trusts, for their id; null: they show
  // none. Only with `certificate`; core.client_certificates is set by it.
  std::shared_ptr<const tls::TlsTrust> client_trust;
  // What clients have to prove; empty: nothing.
  Secret token;
};

class ReverseServer final : private UdpCallers::Observer {
 public:
  // Called once, from the loop: everything has ended after Stop. May destroy the server through
  // DeferDelete.
  using StoppedCallback = std::function<void()>;

  // Listens; errors as of TcpListener. `reactor` and `random` outlive the server; `random` is
  // unpredictable.
  static Result<std::unique_ptr<ReverseServer>> Start(net::Reactor& reactor, Random& random,
                                                      const ReverseServerOptions& options,
                                                      StoppedCallback on_stopped);
  // Resets every connection.
  ~ReverseServer() override;
  ReverseServer(const ReverseServer&) = delete;
  ReverseServer& operator=(const ReverseServer&) = delete;

  // No caller is taken any more; relays may end within the drain time.
  void Stop();

  // With the real ports.
  std::vector<std::string> caller_addresses() const;
  std::string client_address() const { return clients_->ToString(); }
  Port caller_port(size_t listener) const { return callers_[listener]->port(); }
  Port client_port() const { return clients_->port(); }

  ReverseCounters counters() const;

 private:
  class Caller;
  class Link;
  struct Joined {
    std::unique_ptr<Joint> joint;
    net::TcpStream& tcp;  // of its data connection
  };

  ReverseServer(net::Reactor& reactor, Random& random, const ReverseServerOptions& options,
                StoppedCallback on_stopped);

  Status Listen();
  void OnCaller(size_t listener, std::unique_ptr<net::TcpStream> stream,
                const net::SocketAddress& peer);
  void OnCallerFailed(CallerId caller);
  CallerId NewCallerId() override { return CallerId(++last_caller_); }
  void OnUdpCaller(CallerId caller, size_t listener, const std::string& source) override;
  void OnUdpDone(CallerId caller, codec::ReverseReason why) override { OnRelayDone(caller, why); }
  std::unique_ptr<net::TcpStream> ReleaseCaller(CallerId id);
  bool IsUdp(CallerId caller) const { return udp_ != nullptr && udp_->Has(caller); }
  void OnLink(std::unique_ptr<net::TcpStream> stream, const net::SocketAddress& peer);
  std::unique_ptr<Link> MakeLink(LinkId id, std::unique_ptr<net::TcpStream> stream);
  void OnLinkReadable(LinkId link);
  void OnLinkFailed(LinkId link);
  void OnLinkClosed(LinkId link);
  void NotePaired(const ConnPaired& paired);
  void OnRelayDone(CallerId caller, codec::ReverseReason why);
  // The data connection of a relay that is done, where it can serve another caller.
  std::optional<LinkId> KeepLink(CallerId caller, codec::ReverseReason why);
  void OnAlarm();

  void Pump();
  void Apply(const SendLine& event);
  void Apply(const EndLink& event);
  void Apply(const ResetCaller& event);
  void Apply(const StartRelay& event);
  void Apply(const AbortRelay& event);
  void Apply(const StopListening& event);
  void Apply(const ServerStopped& event);
  void Apply(const ClientUp& event);
  void Apply(const ClientDown& event);
  void Apply(const ClientBusy& event);
  void Apply(const ConnNew& event);
  void Apply(const ConnEnd& event);
  void Apply(const DataRejected& event);

  net::Reactor& reactor_;
  const ReverseServerOptions options_;
  const StoppedCallback on_stopped_;
  const std::optional<HmacToken> token_;
  ServerCore core_;
  net::PipePool pipes_;
  tunnel::RelayOptions relay_options_;
  std::vector<std::unique_ptr<net::TcpListener>> callers_;
  std::unique_ptr<net::TcpListener> clients_;
  std::unordered_map<CallerId, std::unique_ptr<Caller>> waiting_;
  std::unordered_map<LinkId, std::unique_ptr<Link>> links_;
  std::unordered_map<CallerId, Joined> joints_;
  std::unique_ptr<UdpCallers> udp_;  // where it is on
  const std::unique_ptr<link::Alarm> alarm_;
  ServerLog log_;
  ReverseCounters counters_;
  uint64_t clients_lost_ = 0;
  uint64_t last_caller_ = 0;
  uint64_t last_link_ = 0;
  bool pumping_ = false;
};

}  // namespace ming::reverse

#endif  // MING_REVERSE_REVERSE_SERVER_H_
