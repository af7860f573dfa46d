// TcpListener: accepts TCP connections on the addresses that one listen address means.
#ifndef MING_NET_TCP_LISTENER_H_
#define MING_NET_TCP_LISTENER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ming/base/ip_address.h"
#include "ming/base/log_gate.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/link/timer_service.h"
#include "ming/net/fd_watch.h"
#include "ming/net/reactor.h"
#include "ming/net/socket_address.h"
#include "ming/net/tcp_stream.h"
#include "ming/net/unique_fd.h"

namespace ming::net {

struct TcpListenOptions {
  // Connections the kernel holds until they are accepted; it caps the value at
  // net.core.somaxconn. Large, because a burst of a thousand browsers is ordinary.
  int backlog = 4096;
  // How long accepting rests after the process ran out of descriptors or memory.
  Duration retry_delay = std::chrono::milliseconds(100);
  TcpOptions tcp;
};

class TcpListener {
 public:
  // Called from the loop for each connection. May stop the listener; destroys it only through
  // DeferDelete.
  using AcceptCallback =
      std::function<void(std::unique_ptr<TcpStream> stream, const SocketAddress& peer)>;

  // `where`: an empty host means every interface, IPv4 and IPv6; "localhost" 127.0.0.1 and ::1, as
  // far as they exist; else a numeric address. Port 0 takes a free one, the same for all addresses.
  // Other names are kInvalidArgument. The error reads "cannot listen on <where>: <reason>".
  static Result<std::unique_ptr<TcpListener>> Listen(Reactor& reactor, const HostPort& where,
                                                     const TcpListenOptions& options,
                                                     AcceptCallback on_accept);
  ~TcpListener();
  TcpListener(const TcpListener&) = delete;
  TcpListener& operator=(const TcpListener&) = delete;

  // What it listens on; at least one, all with the same port. Every interface in both families
  // reads [::]:port.
  const std::vector<SocketAddress>& addresses() const { return addresses_; }
  Port port() const { return addresses_.front().port(); }
  // "127.0.0.1:25565, [::1]:25565".
  std::string ToString() const;

  // For good. Connections wait in the kernel's backlog, and are reset when the listener is gone.
  void StopAccepting();

 private:
  struct Socket {
    UniqueFd fd;
    std::unique_ptr<FdWatch> watch;
  };

  TcpListener(Reactor& reactor, const TcpListenOptions& options, AcceptCallback on_accept);

  void AddSocket(UniqueFd fd);
  void AcceptBatch(int fd);
  bool Accept(int fd);
  bool HandleAcceptError(int error_number);
  void UpdateWatches();

  Reactor& reactor_;
  const TcpListenOptions options_;
  AcceptCallback on_accept_;
  std::vector<SocketAddress> addresses_;
  std::vector<Socket> sockets_;
  bool stopped_ = false;
  std::unique_ptr<link::Alarm> retry_alarm_;  // armed while out of descriptors
  LogGate rest_lines_{LogGateRule{1.0, 1.0}};
};

}  // namespace ming::net

#endif  // MING_NET_TCP_LISTENER_H_
