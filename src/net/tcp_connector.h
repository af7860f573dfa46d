// TcpConnector: one connection to a host by name: resolves it, races its addresses (RFC 8305) and
// gives up after a time.
#ifndef MING_NET_TCP_CONNECTOR_H_
#define MING_NET_TCP_CONNECTOR_H_

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "ming/base/ip_address.h"
#include "ming/base/status.h"
#include "ming/base/time.h"
#include "ming/link/timer_service.h"
#include "ming/net/connection_race.h"
#include "ming/net/fd_watch.h"
#include "ming/net/reactor.h"
#include "ming/net/resolver.h"
#include "ming/net/socket_address.h"
#include "ming/net/tcp_stream.h"
#include "ming/net/unique_fd.h"

namespace ming::net {

struct TcpConnectOptions {
  // For everything: resolving and all attempts.
  Duration timeout = std::chrono::seconds(10);
  // The head start of one address before the next is tried beside it (RFC 8305, section 5).
  Duration attempt_delay = std::chrono::milliseconds(250);
  TcpOptions tcp;
};

class TcpConnector {
 public:
  // Called exactly once, from the loop, never inside the constructor. May destroy the connector.
  // The error reads "cannot connect to <target>: <reason>"; a refusal by one address goes before
  // the failures of others. kTimeout: nobody answered in time.
  using Callback = std::function<void(Result<std::unique_ptr<TcpStream>>)>;

  // `reactor` and `resolver` outlive the connector. Destroying it cancels; no call follows.
  TcpConnector(Reactor& reactor, Resolver& resolver, const HostPort& target,
               const TcpConnectOptions& options, Callback on_done);
  ~TcpConnector();
  TcpConnector(const TcpConnector&) = delete;
  TcpConnector& operator=(const TcpConnector&) = delete;

 private:
  struct Attempt {
    SocketAddress address;
    UniqueFd fd;
    std::unique_ptr<FdWatch> watch;
  };
  using AttemptRef = std::list<Attempt>::iterator;

  void OnResolved(Result<std::vector<SocketAddress>> addresses);
  void Advance();
  Status Start(const SocketAddress& address);
  void OnAttemptDone(AttemptRef attempt, uint32_t events);
  void HandleFailure(const SocketAddress& address, const Status& why);
  void Fail(const Status& why);
  void Finish(Result<std::unique_ptr<TcpStream>> result);

  Reactor& reactor_;
  const HostPort target_;
  const TcpConnectOptions options_;
  Callback on_done_;
  std::vector<SocketAddress> candidates_;
  std::optional<ConnectionRace> race_;
  std::list<Attempt> attempts_;
  std::unique_ptr<link::Alarm> timeout_alarm_;
  std::unique_ptr<link::Alarm> race_alarm_;
  std::unique_ptr<Resolver::Request> request_;
};

}  // namespace ming::net

#endif  // MING_NET_TCP_CONNECTOR_H_
