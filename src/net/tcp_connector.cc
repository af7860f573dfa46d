#include "ming/net/tcp_connector.h"

#include <glog/logging.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <iterator>
#include <utility>

#include "ming/net/bound_sockets.h"

namespace ming::net {
namespace {

// `events`: the first that epoll told about the attempt.
Status OutcomeOf(int fd, const SocketAddress& target, uint32_t events) {
  int error_number = 0;
  socklen_t size = sizeof(error_number);
  if ((events & (EPOLLERR | EPOLLHUP)) != 0 &&
      ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error_number, &size) != 0) {
    error_number = errno;
  }
  // Without a listener, a port from the ephemeral range can end up connected to itself (TCP's
  // simultaneous open).
  if (error_number == 0 && LocalAddressOf(fd) == target) error_number = ECONNREFUSED;
  return error_number == 0 ? Status::Ok() : Status::FromErrno("connect", error_number);
}

}  // namespace

TcpConnector::TcpConnector(Reactor& reactor, Resolver& resolver, const HostPort& target,
                           const TcpConnectOptions& options, Callback on_done)
    : reactor_(reactor),
      target_(target),
      options_(options),
      on_done_(std::move(on_done)),
      timeout_alarm_(
          reactor.CreateAlarm([this] { Fail(Status(StatusCode::kTimeout, "no answer in time")); })),
      race_alarm_(reactor.CreateAlarm([this] { Advance(); })) {
  timeout_alarm_->ArmAt(reactor_.Now() + options_.timeout);
  request_ = resolver.Resolve(
      target_.host, target_.port,
      [this](Result<std::vector<SocketAddress>> addresses) { OnResolved(std::move(addresses)); });
}

TcpConnector::~TcpConnector() = default;

void TcpConnector::OnResolved(Result<std::vector<SocketAddress>> addresses) {
  if (!addresses.ok()) {
    Fail(addresses.status());
    return;
  }
  candidates_ = AlternateFamilies(*addresses);
  race_.emplace(candidates_.size(), options_.attempt_delay);
  Advance();
}

// Starts what is due; ends the race when it is lost.
void TcpConnector::Advance() {
  while (const auto candidate = race_->PollStart(reactor_.Now())) {
    const SocketAddress& address = candidates_[*candidate];
    const Status status = Start(address);
    if (!status.ok()) HandleFailure(address, status);
  }
  if (race_->lost()) {
    Fail(race_->error());
    return;
  }
  race_alarm_->ArmAt(race_->NextStart());
}

Status TcpConnector::Start(const SocketAddress& address) {
  auto fd = OpenSocket(SocketType::kStream, address);
  if (!fd.ok()) return fd.status();
  sockaddr_storage storage{};
  const socklen_t size = address.ToKernel(storage);
  const int number = fd->get();
  TcpStream::PrepareConnecting(number, options_.tcp);
  if (::connect(number, reinterpret_cast<const sockaddr*>(&storage), size) != 0 &&
      errno != EINPROGRESS) {
    return Status::FromErrno("connect", errno);
  }
  attempts_.push_back({address, std::move(*fd), nullptr});
  const AttemptRef attempt = std::prev(attempts_.end());
  attempt->watch = std::make_unique<FdWatch>(
      reactor_, number, [this, attempt](uint32_t events) { OnAttemptDone(attempt, events); });
  attempt->watch->SetEvents(TcpStream::kConnectingEvents);
  return Status::Ok();
}

void TcpConnector::OnAttemptDone(AttemptRef attempt, uint32_t events) {
  Attempt done = std::move(*attempt);
  attempts_.erase(attempt);
  const Status status = OutcomeOf(done.fd.get(), done.address, events);
  if (status.ok()) {
    Finish(TcpStream::AdoptConnected(reactor_, {std::move(done.fd), std::move(done.watch), events},
                                     options_.tcp));
    return;
  }
  done.watch.reset();
  done.fd.Close();
  HandleFailure(done.address, status);
  Advance();
}

void TcpConnector::HandleFailure(const SocketAddress& address, const Status& why) {
  VLOG(1) << "connecting to " << target_.ToString() << ": " << address << ": " << why.message();
  race_->HandleFailure(why);
}

void TcpConnector::Fail(const Status& why) {
  Finish(why.WithContext("cannot connect to " + target_.ToString()));
}

void TcpConnector::Finish(Result<std::unique_ptr<TcpStream>> result) {
  timeout_alarm_->Cancel();
  race_alarm_->Cancel();
  request_.reset();
  attempts_.clear();
  const Callback on_done = std::move(on_done_);
  on_done(std::move(result));  // may destroy this
}

}  // namespace ming::net
