#include "ming/net/tcp_listener.h"

#include <glog/logging.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "ming/net/bound_sockets.h"

namespace ming::net {
namespace {

// Connections accepted from one socket in one turn before others run.
constexpr int kAcceptsPerTurn = 64;

}  // namespace

Result<std::unique_ptr<TcpListener>> TcpListener::Listen(Reactor& reactor, const HostPort& where,
                                                         const TcpListenOptions& options,
                                                         AcceptCallback on_accept) {
  auto bound = BindAll(SocketType::kStream, where, options.backlog);
  if (!bound.ok()) return bound.status().WithContext("cannot listen on " + where.ToString());
  std::unique_ptr<TcpListener> listener(new TcpListener(reactor, options, std::move(on_accept)));
  for (auto& socket : *bound) {
    listener->addresses_.push_back(socket.address);
    listener->AddSocket(std::move(socket.fd));
  }
  return listener;
}

TcpListener::TcpListener(Reactor& reactor, const TcpListenOptions& options,
                         AcceptCallback on_accept)
    : reactor_(reactor),
      options_(options),
      on_accept_(std::move(on_accept)),
      retry_alarm_(reactor.CreateAlarm([this] { UpdateWatches(); })) {}

TcpListener::~TcpListener() = default;

void TcpListener::AddSocket(UniqueFd fd) {
  const int number = fd.get();
  TcpStream::Prepare(number, options_.tcp);
  auto watch = std::make_unique<FdWatch>(reactor_, number,
                                         [this, number](uint32_t) { AcceptBatch(number); });
  watch->SetEvents(EPOLLIN);
  sockets_.push_back({std::move(fd), std::move(watch)});
}

std::string TcpListener::ToString() const { return JoinAddresses(addresses_); }

void TcpListener::StopAccepting() {
  stopped_ = true;
  UpdateWatches();
}

void TcpListener::AcceptBatch(int fd) {
  for (int i = 0; i < kAcceptsPerTurn && !stopped_ && !retry_alarm_->armed(); ++i) {
    if (!Accept(fd)) return;
  }
}

// False: nothing more for now.
bool TcpListener::Accept(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  UniqueFd connection(
      ::accept4(fd, reinterpret_cast<sockaddr*>(&storage), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!connection.valid()) return HandleAcceptError(errno);
  const SocketAddress peer = SocketAddress::FromKernel(storage).value_or(SocketAddress());
  on_accept_(TcpStream::AdoptAccepted(reactor_, std::move(connection)), peer);
  return true;
}

bool TcpListener::HandleAcceptError(int error_number) {
  switch (error_number) {
    case EAGAIN:
      return false;
    // The connection failed before it was taken (accept(2) names them): on to the next one.
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENOPROTOOPT:
    case EPERM:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
    case EOPNOTSUPP:
      return true;
    default:
      break;
  }
  // Out of descriptors or memory: the connection stays in the backlog and the socket readable, so
  // watching it on would spin.
  if (rest_lines_.Pass(reactor_.Now())) {
    LOG(WARNING) << "accepting on " << ToString()
                 << " rests: " << Status::FromErrno("accept", error_number).message()
                 << rest_lines_.TakeHeldBack();
  }
  retry_alarm_->ArmAt(reactor_.Now() + options_.retry_delay);
  UpdateWatches();
  return false;
}

void TcpListener::UpdateWatches() {
  const bool accepting = !stopped_ && !retry_alarm_->armed();
  for (auto& socket : sockets_) socket.watch->SetEvents(accepting ? uint32_t{EPOLLIN} : 0);
}

}  // namespace ming::net
