// NetworkMonitor: tells when the network of this machine changed: an address or the default route
// came or went, a link came up or went down.
#ifndef MING_NET_NETWORK_MONITOR_H_
#define MING_NET_NETWORK_MONITOR_H_

#include <functional>
#include <memory>
#include <vector>

#include "ming/base/ip_address.h"
#include "ming/link/timer_service.h"
#include "ming/net/fd_watch.h"
#include "ming/net/network_view_core.h"
#include "ming/net/reactor.h"
#include "ming/net/unique_fd.h"

namespace ming::net {

class NetworkMonitor;

// One interest in changes; ends with its destruction.
class NetworkWatch {
 public:
  using Callback = std::function<void(const NetworkChange& change)>;

  // `on_change` runs from the loop and may destroy the watch. `monitor` outlives it.
  NetworkWatch(NetworkMonitor& monitor, Callback on_change);
  ~NetworkWatch();
  NetworkWatch(const NetworkWatch&) = delete;
  NetworkWatch& operator=(const NetworkWatch&) = delete;

 private:
  friend class NetworkMonitor;

  NetworkMonitor& monitor_;
  const Callback on_change_;
};

// Does not keep Reactor::Run going, but for the fraction of a second after news.
class NetworkMonitor {
 public:
  // Where rtnetlink is not to be had it says so in the log, once, and never reports anything.
  explicit NetworkMonitor(Reactor& reactor, const NetworkViewOptions& options = {});
  // Every watch is gone by now.
  ~NetworkMonitor();
  NetworkMonitor(const NetworkMonitor&) = delete;
  NetworkMonitor& operator=(const NetworkMonitor&) = delete;

 private:
  friend class NetworkWatch;

  void OnReadable();
  void Pump();
  void Report(const NetworkChange& change);
  void GiveUp(const char* what);

  Reactor& reactor_;
  UniqueFd fd_;
  std::unique_ptr<FdWatch> fd_watch_;
  std::unique_ptr<NetworkViewCore> core_;
  std::unique_ptr<link::Alarm> alarm_;
  std::vector<NetworkWatch*> watches_;
};

}  // namespace ming::net

#endif  // MING_NET_NETWORK_MONITOR_H_
