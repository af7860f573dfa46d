#include "ming/net/udp_socket.h"

#include <netinet/udp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "ming/base/checked_cast.h"
#include "ming/net/bound_sockets.h"
#include "ming/net/socket_buffers.h"
#include "ming/net/udp_offload.h"

namespace ming::net {
namespace {

// What the kernel tells on a socket about an earlier datagram (ICMP), not about this call.
bool IsPeerError(int error_number) {
  return error_number == ECONNREFUSED || error_number == EHOSTUNREACH ||
         error_number == ENETUNREACH || error_number == EHOSTDOWN;
}

bool IsBlocked(int error_number) {
  return error_number == EAGAIN || error_number == ENOBUFS || error_number == EINTR;
}

}  // namespace

Result<std::vector<std::unique_ptr<UdpSocket>>> UdpSocket::Listen(Reactor& reactor,
                                                                  const HostPort& where,
                                                                  const UdpOptions& options) {
  auto bound = BindAll(SocketType::kDatagram, where, 0);
  if (!bound.ok()) return bound.status().WithContext("cannot listen on " + where.ToString());
  std::vector<std::unique_ptr<UdpSocket>> sockets;
  for (auto& socket : *bound) {
    sockets.emplace_back(new UdpSocket(reactor, std::move(socket.fd), options));
  }
  return sockets;
}

Result<std::unique_ptr<UdpSocket>> UdpSocket::Bind(Reactor& reactor, const SocketAddress& local,
                                                   const UdpOptions& options) {
  auto bound = BindTo(SocketType::kDatagram, local, 0);
  if (!bound.ok()) return bound.status().WithContext("cannot bind " + local.ToString());
  return std::unique_ptr<UdpSocket>(new UdpSocket(reactor, std::move(bound->fd), options));
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
  return std::unique_ptr<UdpSocket>(new UdpSocket(reactor, std::move(*fd), options));
}

UdpSocket::UdpSocket(Reactor& reactor, UniqueFd fd, const UdpOptions& options)
    : reactor_(reactor),
      fd_(std::move(fd)),
      watch_(reactor, fd_.get(), [this](uint32_t events) { OnEvents(events); }),
      offload_(options.offload),
      held_hook_(reactor, [this] { DeliverHeld(); }) {
  SizeSocketBuffers(fd_.get(), options.buffers);
  // Where the kernel cannot, each comes by itself.
  if (offload_) static_cast<void>(SetJoining(fd_.get(), true));
}

UdpSocket::~UdpSocket() = default;

void UdpSocket::SetObserver(Observer* observer) {
  observer_ = observer;
  ReceiveAgain();
}

void UdpSocket::PauseReceiving() {
  paused_ = true;
  UpdateInterest();
}

void UdpSocket::ResumeReceiving() {
  paused_ = false;
  ReceiveAgain();
}

void UdpSocket::ReceiveAgain() {
  if (!held_.empty() && receiving()) held_hook_.Request();
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
    ++counters_.send_calls;
    return UdpSendResult::kSent;
  }
  if (IsBlocked(errno)) return HandleBlocked();
  if (errno == EMSGSIZE) {
    ++counters_.send_too_large;
    return UdpSendResult::kTooLarge;
  }
  ++counters_.send_unreachable;
  return UdpSendResult::kUnreachable;
}

UdpSendResult UdpSocket::HandleBlocked() {
  ++counters_.send_would_block;
  want_send_ready_ = true;
  UpdateInterest();
  return UdpSendResult::kWouldBlock;
}

std::optional<UdpSendResult> UdpSocket::SendRun(const std::optional<SocketAddress>& to,
                                                ByteSpan datagrams, size_t segment) {
  if (!offload_) return std::nullopt;
  sockaddr_storage storage{};
  iovec io{const_cast<uint8_t*>(datagrams.data()), datagrams.size()};  // the kernel only reads
  msghdr message{};
  message.msg_iov = &io;
  message.msg_iovlen = 1;
  if (to) {
    message.msg_namelen = to->ToKernel(storage);
    message.msg_name = &storage;
  }
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(uint16_t))> control{};
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_UDP;
  header->cmsg_type = UDP_SEGMENT;
  header->cmsg_len = CMSG_LEN(sizeof(uint16_t));
  const auto size = base::CheckedCast<uint16_t>(segment);
  std::memcpy(CMSG_DATA(header), &size, sizeof(size));
  if (::sendmsg(fd_.get(), &message, MSG_NOSIGNAL) >= 0) {
    counters_.sent += (datagrams.size() + segment - 1) / segment;
    ++counters_.send_calls;
    return UdpSendResult::kSent;
  }
  if (IsBlocked(errno)) return HandleBlocked();
  return std::nullopt;
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
  DeliverHeld();  // they came before
  size_t received = 0;
  while (received < kDatagramsPerTurn && receiving() && ReceiveSome(received)) {
  }
}

// Adds how many came, an error counts as one. False: nothing more for now.
bool UdpSocket::ReceiveSome(size_t& received) {
  MutableByteSpan scratch = reactor_.datagram_scratch();
  const size_t room = scratch.size() / kDatagramsPerCall;
  std::array<sockaddr_storage, kDatagramsPerCall> from{};
  std::array<iovec, kDatagramsPerCall> pieces{};
  alignas(cmsghdr) std::array<std::array<char, kJoinedControlBytes>, kDatagramsPerCall> controls{};
  std::array<mmsghdr, kDatagramsPerCall> messages{};
  for (size_t i = 0; i < kDatagramsPerCall; ++i) {
    pieces[i] = {scratch.data() + i * room, room};
    messages[i].msg_hdr.msg_name = &from[i];
    messages[i].msg_hdr.msg_namelen = sizeof(from[i]);
    messages[i].msg_hdr.msg_iov = &pieces[i];
    messages[i].msg_hdr.msg_iovlen = 1;
    messages[i].msg_hdr.msg_control = controls[i].data();
    messages[i].msg_hdr.msg_controllen = controls[i].size();
  }
  const int count = ::recvmmsg(fd_.get(), messages.data(), kDatagramsPerCall, 0, nullptr);
  if (count < 0) {
    if (errno == EAGAIN) return false;
    HandlePeerError(errno);
    ++received;
    return true;
  }
  const size_t before = received;
  for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
    received += DeliverEach(SocketAddress::FromKernel(from[i]).value_or(SocketAddress()),
                            ByteSpan(scratch.data() + i * room, messages[i].msg_len),
                            JoinedSegment(messages[i].msg_hdr));
  }
  counters_.received += received - before;
  return static_cast<size_t>(count) == kDatagramsPerCall;
}

// `segment`: of each, where the kernel joined them; else 0.
size_t UdpSocket::DeliverEach(const SocketAddress& from, ByteSpan joined, size_t segment) {
  if (segment == 0 || joined.size() <= segment) {
    Deliver(from, joined);
    return 1;
  }
  size_t count = 0;
  for (ByteSpan rest = joined; !rest.empty(); rest = rest.Skip(segment)) {
    Deliver(from, rest.First(segment));
    ++count;
  }
  return count;
}

// The observer may have had enough in the middle of what came in one call.
void UdpSocket::Deliver(const SocketAddress& from, ByteSpan datagram) {
  if (receiving()) {
    observer_->OnDatagram(from, datagram);
  } else {
    held_.push_back({from, ByteBuffer::CopyOf(datagram)});
  }
}

void UdpSocket::DeliverHeld() {
  while (!held_.empty() && receiving()) {
    const Held held = std::move(held_.front());
    held_.erase(held_.begin());
    observer_->OnDatagram(held.from, held.datagram);
  }
}

void UdpSocket::UpdateInterest() {
  uint32_t events = 0;
  if (receiving()) events |= EPOLLIN;
  if (want_send_ready_) events |= EPOLLOUT;
  watch_.SetEvents(events);
}

}  // namespace ming::net
