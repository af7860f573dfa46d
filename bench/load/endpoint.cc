#include "ming/load/endpoint.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <system_error>

namespace ming::load {
namespace {

constexpr int kBacklog = 16'384;
constexpr int kDatagramBuffer = 4 << 20;

// The calling thread is inside the namespace as long as this lives; sockets made there stay there.
class InNamespace {
 public:
  explicit InNamespace(const std::string& name) {
    if (name.empty()) return;
    home_ = UniqueFd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    const UniqueFd inside(::open(("/run/netns/" + name).c_str(), O_RDONLY | O_CLOEXEC));
    if (!home_.valid() || !inside.valid()) Die("namespace " + name);
    if (::setns(inside.get(), CLONE_NEWNET) != 0) Die("namespace " + name);
  }
  InNamespace(const InNamespace&) = delete;
  InNamespace& operator=(const InNamespace&) = delete;
  ~InNamespace() {
    if (home_.valid() && ::setns(home_.get(), CLONE_NEWNET) != 0) Die("back from a namespace");
  }

 private:
  UniqueFd home_;
};

const sockaddr* Raw(const Endpoint& endpoint) {
  return reinterpret_cast<const sockaddr*>(&endpoint.address);
}

UniqueFd Open(const Endpoint& at, int kind) {
  const InNamespace inside(at.network_namespace);
  UniqueFd fd(::socket(AF_INET, kind | SOCK_CLOEXEC, 0));
  if (!fd.valid()) Die("socket");
  return fd;
}

void SetOption(const UniqueFd& fd, int level, int name, int value) {
  if (::setsockopt(fd.get(), level, name, &value, sizeof value) != 0) Die("setsockopt");
}

void SetCongestion(const UniqueFd& fd, const std::string& name) {
  if (name.empty()) return;
  const auto size = static_cast<socklen_t>(name.size());
  if (::setsockopt(fd.get(), IPPROTO_TCP, TCP_CONGESTION, name.data(), size) != 0) {
    Die("congestion control " + name);
  }
}

// Beyond the limit of the system where root may.
void SetDatagramBuffers(const UniqueFd& fd) {
  for (const int name : {SO_RCVBUFFORCE, SO_SNDBUFFORCE}) {
    const int size = kDatagramBuffer;
    static_cast<void>(::setsockopt(fd.get(), SOL_SOCKET, name, &size, sizeof size));
  }
}

}  // namespace

void DieOf(const std::string& what) {
  std::fprintf(stderr, "ming_load: %s\n", what.c_str());
  std::fflush(stdout);
  ::_exit(1);
}

void Die(const std::string& what) {
  DieOf(what + ": " + std::error_code(errno, std::generic_category()).message());
}

Endpoint ParseEndpoint(const std::string& text) {
  Endpoint parsed;
  std::string_view rest = text;
  if (const size_t slash = rest.find('/'); slash != std::string_view::npos) {
    parsed.network_namespace = std::string(rest.substr(0, slash));
    rest.remove_prefix(slash + 1);
  }
  const size_t colon = rest.find(':');
  uint16_t port = 0;
  const std::string host(rest.substr(0, colon));
  const bool has_port = colon != std::string_view::npos;
  const std::string_view digits = has_port ? rest.substr(colon + 1) : std::string_view();
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (!has_port || error != std::errc() || end != digits.data() + digits.size() ||
      ::inet_pton(AF_INET, host.c_str(), &parsed.address.sin_addr) != 1) {
    DieOf("not an address: " + text);
  }
  parsed.address.sin_family = AF_INET;
  parsed.address.sin_port = htons(port);
  return parsed;
}

UniqueFd Listen(const Endpoint& at, const std::string& congestion) {
  UniqueFd fd = Open(at, SOCK_STREAM | SOCK_NONBLOCK);
  SetOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  SetCongestion(fd, congestion);
  if (::bind(fd.get(), Raw(at), sizeof at.address) != 0) Die("bind");
  if (::listen(fd.get(), kBacklog) != 0) Die("listen");
  return fd;
}

UniqueFd Connect(const Endpoint& to, const std::string& congestion) {
  UniqueFd fd = Open(to, SOCK_STREAM);
  SetCongestion(fd, congestion);
  if (::connect(fd.get(), Raw(to), sizeof to.address) != 0) Die("connect");
  SetNoDelay(fd);
  return fd;
}

UniqueFd StartConnect(const Endpoint& to) {
  UniqueFd fd = Open(to, SOCK_STREAM | SOCK_NONBLOCK);
  SetNoDelay(fd);
  if (::connect(fd.get(), Raw(to), sizeof to.address) != 0 && errno != EINPROGRESS) Die("connect");
  return fd;
}

UniqueFd BindDatagrams(const Endpoint& at) {
  UniqueFd fd = Open(at, SOCK_DGRAM);
  SetDatagramBuffers(fd);
  if (::bind(fd.get(), Raw(at), sizeof at.address) != 0) Die("bind");
  return fd;
}

UniqueFd ConnectDatagrams(const Endpoint& to) {
  UniqueFd fd = Open(to, SOCK_DGRAM);
  SetDatagramBuffers(fd);
  if (::connect(fd.get(), Raw(to), sizeof to.address) != 0) Die("connect");
  return fd;
}

UniqueFd Accept(const UniqueFd& listener) {
  for (;;) {
    UniqueFd fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (fd.valid()) {
      SetNoDelay(fd);
      return fd;
    }
    if (errno != EAGAIN) Die("accept");
    pollfd wait{listener.get(), POLLIN, 0};
    if (::poll(&wait, 1, -1) < 0) Die("poll");
  }
}

void SetNonBlocking(const UniqueFd& fd) {
  if (::fcntl(fd.get(), F_SETFL, O_NONBLOCK) != 0) Die("fcntl");
}

void SetNoDelay(const UniqueFd& fd) { SetOption(fd, IPPROTO_TCP, TCP_NODELAY, 1); }

void SendAll(const UniqueFd& fd, const void* bytes, size_t size) {
  const ssize_t sent = ::send(fd.get(), bytes, size, MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(size)) Die("send");
}

void ReceiveAll(const UniqueFd& fd, void* bytes, size_t size) {
  const ssize_t got = ::recv(fd.get(), bytes, size, MSG_WAITALL);
  if (got < 0) Die("receive");
  if (got != static_cast<ssize_t>(size)) DieOf("the connection ended early");
}

int TakeError(const UniqueFd& fd) {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) Die("getsockopt");
  return error;
}

}  // namespace ming::load
