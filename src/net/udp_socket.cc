#include "ming/net/udp_socket.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "ming/net/bound_sockets.h"

namespace ming::net {
namespace {

// Larger than the kernel's limit where we may (CAP_NET_ADMIN), else as large as it allows.
void SetBuffer(int fd, int forced_name, int name, int bytes) {
  if (::setsockopt(fd, SOL_SOCKET, forced_name, &bytes, sizeof(bytes)) == 0) return;
  static_cast<void>(::setsockopt(fd, SOL_SOCKET, name, &bytes, sizeof(bytes)));
}

void SetBuffers(int fd, const UdpOptions& options) {
  SetBuffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, options.receive_buffer);
  SetBuffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, options.send_buffer);
}

// What the kernel tells on a socket about an earlier datagram (ICMP), not about this call.
bool IsPeerError(int error_number) {
  return error_number == ECONNREFUSED || error_number == EHOSTUNREACH ||
         error_number == ENETUNREACH || error_number == EHOSTDOWN;
}

}  // namespace

Result<std::vector<std::unique_ptr<UdpSocket>>> UdpSocket::Listen(Reactor& reactor,
                                                                  const HostPort& where,
                                                                  const UdpOptions& options) {
  auto bound = BindAll(SocketType::kDatagram, where, 0);
  if (!bound.ok()) return bound.status().WithContext("cannot listen on " + where.ToString());
  std::vector<std::unique_ptr<UdpSocket>> sockets;
  for (auto& socket : *bound) {
    SetBuffers(socket.fd.get(), options);
    sockets.emplace_back(new UdpSocket(reactor, std::move(socket.fd)));
  }
  return sockets;
}

Result<std::unique_ptr<UdpSocket>> UdpSocket::Bind(Reactor& reactor, const SocketAddress& local,
                                                   const UdpOptions& options) {
  auto bound = BindTo(SocketType::kDatagram, local, 0);
  if (!bound.ok()) return bound.status().WithContext("cannot bind " + local.ToString());
  SetBuffers(bound->fd.get(), options);
  return std::unique_ptr<UdpSocket>(new UdpSocket(reactor, std::move(bound->fd)));
}

Result<std::unique_ptr<UdpSocket>> UdpSocket::Connect(Reactor& reactor, const SocketAddress& remote,
                                                      const UdpOptions& options) {
  auto fd = OpenSocket(SocketType::kDatagram, remote);
  if (!fd.ok()) return fd.status();
  sockaddr_storage storage{};
  const socklen_t size = remote.ToKernel(storage);
  if (::connect(fd->get(), reinterpret_cast<const sockaddr*>(&storage), size) != 0) {
    return Status::FromErrno("cannot reach " + remote.ToString(), errno);
  }
  SetBuffers(fd->get(), options);
  return std::unique_ptr<UdpSocket>(new UdpSocket(reactor, std::move(*fd)));
}

UdpSocket::UdpSocket(Reactor& reactor, UniqueFd fd)
    : reactor_(reactor),
      fd_(std::move(fd)),
      watch_(reactor, fd_.get(), [this](uint32_t events) { OnEvents(events); }) {}

UdpSocket::~UdpSocket() = default;

void UdpSocket::SetObserver(Observer* observer) {
  observer_ = observer;
  UpdateInterest();
}

void UdpSocket::PauseReceiving() {
  paused_ = true;
  UpdateInterest();
}

void UdpSocket::ResumeReceiving() {
  paused_ = false;
  UpdateInterest();
}

UdpSendResult UdpSocket::Send(ByteSpan datagram) { return SendMessage(nullptr, 0, datagram); }

UdpSendResult UdpSocket::SendTo(const SocketAddress& to, ByteSpan datagram) {
  sockaddr_storage storage{};
  const socklen_t size = to.ToKernel(storage);
  return SendMessage(&storage, size, datagram);
}

UdpSendResult UdpSocket::SendMessage(const sockaddr_storage* address, socklen_t address_size,
                                     ByteSpan datagram) {
  const auto send = [&] {
    return ::sendto(fd_.get(), datagram.data(), datagram.size(), MSG_NOSIGNAL,
                    reinterpret_cast<const sockaddr*>(address), address_size);
  };
  ssize_t count = send();
  if (count < 0 && IsPeerError(errno)) {
    // The news was about an earlier datagram and kept this one from leaving; it may find the peer
    // back.
    ++counters_.peer_errors;
    count = send();
  }
  if (count >= 0) {
    ++counters_.sent;
    return UdpSendResult::kSent;
  }
  if (errno == EAGAIN || errno == ENOBUFS || errno == EINTR) {
    ++counters_.send_would_block;
    want_send_ready_ = true;
    UpdateInterest();
    return UdpSendResult::kWouldBlock;
  }
  if (errno == EMSGSIZE) {
    ++counters_.send_too_large;
    return UdpSendResult::kTooLarge;
  }
  ++counters_.send_unreachable;
  return UdpSendResult::kUnreachable;
}

void UdpSocket::OnEvents(uint32_t events) {
  if ((events & EPOLLERR) != 0) ReportPeerError();
  if ((events & EPOLLIN) != 0) ReceiveBatch();
  if ((events & EPOLLOUT) != 0 && std::exchange(want_send_ready_, false) && observer_ != nullptr) {
    observer_->OnSendReady();
  }
  UpdateInterest();
}

void UdpSocket::ReportPeerError() {
  int error_number = 0;
  socklen_t size = sizeof(error_number);
  // Reading the error clears it.
  if (::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error_number, &size) != 0) return;
  if (error_number != 0) HandlePeerError(error_number);
}

void UdpSocket::HandlePeerError(int error_number) {
  ++counters_.peer_errors;
  if (observer_ != nullptr) {
    observer_->OnPeerUnreachable(Status::FromErrno("peer unreachable", error_number));
  }
}

void UdpSocket::ReceiveBatch() {
  for (size_t i = 0; i < kDatagramsPerTurn && receiving(); ++i) {
    if (!ReceiveOne()) return;
  }
}

// False: nothing more for now.
bool UdpSocket::ReceiveOne() {
  const MutableByteSpan scratch = reactor_.datagram_scratch();
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  const ssize_t count = ::recvfrom(fd_.get(), scratch.data(), scratch.size(), 0,
                                   reinterpret_cast<sockaddr*>(&storage), &size);
  if (count < 0) {
    if (errno == EAGAIN) return false;
    HandlePeerError(errno);
    return true;
  }
  ++counters_.received;
  observer_->OnDatagram(SocketAddress::FromKernel(storage).value_or(SocketAddress()),
                        ByteSpan(scratch.data(), static_cast<size_t>(count)));
  return true;
}

void UdpSocket::UpdateInterest() {
  uint32_t events = 0;
  if (receiving()) events |= EPOLLIN;
  if (want_send_ready_) events |= EPOLLOUT;
  watch_.SetEvents(events);
}

}  // namespace ming::net
