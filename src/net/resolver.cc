#include "ming/net/resolver.h"

#include <glog/logging.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "ming/net/work_token.h"

namespace ming::net {
namespace {

using Addresses = std::vector<SocketAddress>;

// A name on the wire has at most 255 octets (RFC 1035, section 2.3.4), 253 characters as text.
constexpr size_t kMaxNameLength = 253;

Addresses Loopbacks() {
  const uint8_t v4[4] = {127, 0, 0, 1};
  return {SocketAddress(IpAddress::FromBytes({v4, sizeof(v4)})),
          SocketAddress(IpAddress::FromBytes({in6addr_loopback.s6_addr, 16}))};
}

Status LookupFailure(int error) {
  if (error == EAI_SYSTEM) return Status::FromErrno("getaddrinfo", errno);
  const bool is_out_of_memory = error == EAI_MEMORY;
  return Status(is_out_of_memory ? StatusCode::kResourceExhausted : StatusCode::kUnavailable,
                ::gai_strerror(error));
}

// Blocks. The addresses have no port.
Result<Addresses> AskSystem(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;  // one answer an address
  addrinfo* list = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (error != 0) return LookupFailure(error);
  Addresses addresses;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    sockaddr_storage storage{};
    std::memcpy(&storage, entry->ai_addr, std::min<size_t>(entry->ai_addrlen, sizeof(storage)));
    const auto address = SocketAddress::FromKernel(storage);
    if (address) addresses.push_back(*address);
  }
  ::freeaddrinfo(list);
  if (addresses.empty()) return Status(StatusCode::kUnavailable, "the name has no address");
  return addresses;
}

}  // namespace

// Names that are being looked up, and who waits for them.
struct Resolver::Lookup {
  std::vector<Request*> requests;
  std::optional<WorkToken> token;  // while somebody waits
};

// The thread that runs getaddrinfo, one name after another.
class Resolver::Worker {
 public:
  using DoneCallback = std::function<void(const std::string& host, const Result<Addresses>&)>;

  // `on_done` runs in the loop.
  Worker(Reactor& reactor, LookupFunction lookup, DoneCallback on_done)
      : shared_(std::make_shared<Shared>()) {
    shared_->reactor = &reactor;
    shared_->lookup = std::move(lookup);
    shared_->on_done = std::move(on_done);
    // Signals are for the loop's thread.
    sigset_t all;
    sigset_t previous;
    sigfillset(&all);
    PCHECK(::pthread_sigmask(SIG_SETMASK, &all, &previous) == 0);
    thread_ = std::thread([shared = shared_] { Work(shared); });
    PCHECK(::pthread_sigmask(SIG_SETMASK, &previous, nullptr) == 0);
  }

  ~Worker() {
    bool busy = false;
    {
      const std::lock_guard<std::mutex> lock(shared_->mutex);
      shared_->stopped = true;
      busy = shared_->busy;
    }
    shared_->work_came.notify_one();
    // getaddrinfo cannot be interrupted and may take a minute; the thread then ends on its own.
    if (busy) {
      thread_.detach();
    } else {
      thread_.join();
    }
  }

  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void Add(const std::string& host) {
    {
      const std::lock_guard<std::mutex> lock(shared_->mutex);
      shared_->hosts.push_back(host);
    }
    shared_->work_came.notify_one();
  }

 private:
  struct Shared {
    std::mutex mutex;
    std::condition_variable work_came;
    std::deque<std::string> hosts;  // guarded by mutex, like all that follows
    bool busy = false;
    bool stopped = false;  // after this neither reactor nor on_done is touched
    Reactor* reactor = nullptr;
    DoneCallback on_done;
    LookupFunction lookup;  // of the worker's thread
  };

  static void Work(const std::shared_ptr<Shared>& shared) {
    std::unique_lock<std::mutex> lock(shared->mutex);
    for (;;) {
      shared->work_came.wait(lock, [&] { return shared->stopped || !shared->hosts.empty(); });
      if (shared->stopped) return;
      const std::string host = std::move(shared->hosts.front());
      shared->hosts.pop_front();
      shared->busy = true;
      lock.unlock();
      auto result = shared->lookup(host);
      lock.lock();
      shared->busy = false;
      if (shared->stopped) return;
      shared->reactor->Post(
          [shared, host, result = std::move(result)] { Deliver(*shared, host, result); });
    }
  }

  // In the loop's thread, which is also the one that stops.
  static void Deliver(Shared& shared, const std::string& host, const Result<Addresses>& result) {
    {
      const std::lock_guard<std::mutex> lock(shared.mutex);
      if (shared.stopped) return;
    }
    shared.on_done(host, result);
  }

  const std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

Resolver::Request::~Request() { resolver_.Leave(*this); }

void Resolver::Request::Finish(const Result<Addresses>& result) {
  const Callback on_done = std::move(on_done_);
  if (!result.ok()) {
    on_done(result.status());
    return;
  }
  Addresses addresses = *result;
  for (auto& address : addresses) address = address.WithPort(port_);
  on_done(std::move(addresses));
}

Resolver::Resolver(Reactor& reactor, const ResolverOptions& options, LookupFunction lookup)
    : reactor_(reactor), options_(options), lookup_(lookup ? std::move(lookup) : AskSystem) {}

Resolver::~Resolver() { DCHECK_EQ(waiting_, 0u) << "requests outlive the Resolver"; }

std::unique_ptr<Resolver::Request> Resolver::Resolve(const std::string& host, Port port,
                                                     Callback on_done) {
  std::unique_ptr<Request> request(new Request(*this, port, std::move(on_done)));
  const auto numeric = SocketAddress::ParseHost(host, port);
  if (numeric) {
    AnswerSoon(*request, Addresses{*numeric});
  } else if (host.empty() || host == "localhost") {
    AnswerSoon(*request, Loopbacks());
  } else if (host.size() > kMaxNameLength || host.find('\0') != std::string::npos) {
    AnswerSoon(*request, Status(StatusCode::kInvalidArgument, "not a host name"));
  } else if (waiting_ >= options_.max_waiting) {
    AnswerSoon(*request, Status(StatusCode::kResourceExhausted, "too many names to look up"));
  } else {
    JoinLookup(*request, host);
  }
  return request;
}

void Resolver::AnswerSoon(Request& request, const Result<Addresses>& answer) {
  request.answer_alarm_ = reactor_.CreateAlarm([&request, answer] { request.Finish(answer); });
  request.answer_alarm_->ArmAt(reactor_.Now());
}

void Resolver::JoinLookup(Request& request, const std::string& host) {
  if (!worker_) {
    worker_ = std::make_unique<Worker>(
        reactor_, lookup_, [this](const std::string& name, const Result<Addresses>& addresses) {
          OnLookupDone(name, addresses);
        });
  }
  auto& lookup = lookups_[host];
  if (!lookup) {
    lookup = std::make_unique<Lookup>();
    worker_->Add(host);
  }
  if (!lookup->token) lookup->token.emplace(reactor_);
  lookup->requests.push_back(&request);
  request.lookup_ = lookup.get();
  ++waiting_;
  const Known* const known = FindKnown(host);
  if (known == nullptr) return;
  request.answer_alarm_ = reactor_.CreateAlarm([this, &request, addresses = known->addresses] {
    Leave(request);
    request.Finish(addresses);
  });
  request.answer_alarm_->ArmAt(reactor_.Now() + options_.stale_after);
}

const Resolver::Known* Resolver::FindKnown(const std::string& host) const {
  const auto known = known_.find(host);
  const bool usable =
      known != known_.end() && reactor_.Now() - known->second.learned <= options_.stale_limit;
  return usable ? &known->second : nullptr;
}

void Resolver::Learn(const std::string& host, const Addresses& addresses) {
  known_[host] = {addresses, reactor_.Now()};
  if (known_.size() <= options_.max_known) return;
  known_.erase(std::min_element(known_.begin(), known_.end(), [](const auto& a, const auto& b) {
    return a.second.learned < b.second.learned;
  }));
}

void Resolver::OnLookupDone(const std::string& host, const Result<Addresses>& addresses) {
  // Each callback may destroy its own or any other request, which then leaves the list, or start a
  // new lookup of the same name.
  if (addresses.ok()) Learn(host, *addresses);
  const Known* const known = FindKnown(host);
  const bool use_known = !addresses.ok() && known != nullptr;
  const Result<Addresses> answer = use_known ? Result<Addresses>(known->addresses) : addresses;
  const auto node = lookups_.extract(host);
  Lookup& lookup = *node.mapped();
  while (!lookup.requests.empty()) {
    Request& request = *lookup.requests.front();
    Leave(request);
    request.answer_alarm_.reset();
    request.Finish(answer);
  }
}

void Resolver::Leave(Request& request) {
  if (request.lookup_ == nullptr) return;
  auto& requests = request.lookup_->requests;
  requests.erase(std::find(requests.begin(), requests.end(), &request));
  if (requests.empty()) request.lookup_->token.reset();
  request.lookup_ = nullptr;
  --waiting_;
}

}  // namespace ming::net
