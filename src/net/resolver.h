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
    std::unique_ptr<link::Alarm> answer_alarm_;  // an answer that needed no lookup is on its way
    Lookup* lookup_ = nullptr;                   // else the lookup it waits for
  };

  explicit Resolver(Reactor& reactor, const ResolverOptions& options = ResolverOptions());
  // Every request is gone by now. Does not wait for a lookup that hangs.
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // `host`: a name, or a numeric address (with zone). Numeric ones, "localhost" and an empty one
  // (127.0.0.1, then ::1) need no worker. Requests for the same name share one lookup.
  // kUnavailable: there is no such name, or nobody to ask.
  std::unique_ptr<Request> Resolve(const std::string& host, Port port, Callback on_done);

 private:
  class Worker;

  void AnswerSoon(Request& request, const Result<std::vector<SocketAddress>>& answer);
  void JoinLookup(Request& request, const std::string& host);
  void OnLookupDone(const std::string& host, const Result<std::vector<SocketAddress>>& addresses);
  void Leave(Request& request);

  Reactor& reactor_;
  const ResolverOptions options_;
  size_t waiting_ = 0;
  std::map<std::string, std::unique_ptr<Lookup>> lookups_;
  std::unique_ptr<Worker> worker_;
};

}  // namespace ming::net

#endif  // MING_NET_RESOLVER_H_
