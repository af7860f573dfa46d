// Resolver: host names to addresses without blocking the loop. One worker thread runs getaddrinfo;
// it starts with the first name that needs it.
#ifndef MING_NET_RESOLVER_H_
#define MING_NET_RESOLVER_H_

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ming/base/ip_address.h"
#include "ming/base/status.h"
#include "ming/link/timer_service.h"
#include "ming/net/reactor.h"
#include "ming/net/socket_address.h"

namespace ming::net {

struct ResolverOptions {
  // Requests that may wait for the worker at once; more fail with kResourceExhausted. One for each
  // connection being dialled: enough for a burst, far below what would hurt.
  size_t max_waiting = 4096;
  // A name whose lookup takes longer than this, or fails, is answered with the addresses that it
  // had before (RFC 8767): a tunnel in use finds its servers while DNS is gone. A denial is no
  // exception: a machine that changes networks asks servers that never knew the name. They count
  // for `stale_limit`, and are kept for `max_known` names.
  Duration stale_after = std::chrono::milliseconds(500);
  Duration stale_limit = std::chrono::hours(24);
  size_t max_known = 256;
};

class Resolver {
 private:
  struct Lookup;

 public:
  // In the order of preference of the system (RFC 6724), at least one. Called once, from the loop,
  // never inside Resolve. May destroy the request.
  using Callback = std::function<void(Result<std::vector<SocketAddress>>)>;

  // One question; destroying it cancels it.
  class Request {
   public:
    ~Request();
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;

   private:
    friend class Resolver;
    Request(Resolver& resolver, Port port, Callback on_done)
        : resolver_(resolver), port_(port), on_done_(std::move(on_done)) {}
    // The last thing in a call: it may destroy the request.
    void Finish(const Result<std::vector<SocketAddress>>& result);

    Resolver& resolver_;
    const Port port_;
    Callback on_done_;
    // An answer that needs no lookup is on its way, or one that does not wait for it.
    std::unique_ptr<link::Alarm> answer_alarm_;
    Lookup* lookup_ = nullptr;  // it waits for
  };

  // The addresses of a name, without ports, at least one. Blocks; runs on the worker's thread.
  using LookupFunction = std::function<Result<std::vector<SocketAddress>>(const std::string& host)>;

  // Without `lookup` the system is asked (getaddrinfo).
  explicit Resolver(Reactor& reactor, const ResolverOptions& options = ResolverOptions(),
                    LookupFunction lookup = nullptr);
  // Every request is gone by now. Does not wait for a lookup that hangs.
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // `host`: a name, or a numeric address (with zone). Numeric ones, "localhost" and an empty one
  // (127.0.0.1, then ::1) need no worker. Requests for the same name share one lookup.
  // kUnavailable: there is no such name, or nobody to ask; and it never had an address.
  std::unique_ptr<Request> Resolve(const std::string& host, Port port, Callback on_done);

 private:
  class Worker;
  // What a name was the last time.
  struct Known {
    std::vector<SocketAddress> addresses;
    Timestamp learned;
  };

  const Known* FindKnown(const std::string& host) const;
  void Learn(const std::string& host, const std::vector<SocketAddress>& addresses);
  void AnswerSoon(Request& request, const Result<std::vector<SocketAddress>>& answer);
  void JoinLookup(Request& request, const std::string& host);
  void OnLookupDone(const std::string& host, const Result<std::vector<SocketAddress>>& addresses);
  void Leave(Request& request);

  Reactor& reactor_;
  const ResolverOptions options_;
  const LookupFunction lookup_;
  size_t waiting_ = 0;
  std::map<std::string, std::unique_ptr<Lookup>> lookups_;
  std::map<std::string, Known> known_;
  std::unique_ptr<Worker> worker_;
};

}  // namespace ming::net

#endif  // MING_NET_RESOLVER_H_
