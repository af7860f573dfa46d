#include "ming/conformance/ends.h"

#include <algorithm>
#include <utility>

namespace ming::conformance {
namespace {

constexpr size_t kReadBytes = size_t{64} << 10;
// An echo whose reader stalls stops reading.
constexpr size_t kMaxEchoBacklog = size_t{1} << 20;

}  // namespace

TcpEnd::TcpEnd(std::unique_ptr<net::TcpStream> stream, Use use)
    : use_(use), stream_(std::move(stream)) {
  stream_->SetObserver(this);
  OnReadable();
}

void TcpEnd::Write(ByteSpan bytes) {
  if (failed_) return;
  unsent_.Append(bytes);
  Flush();
}

void TcpEnd::CloseWrite() {
  close_wanted_ = true;
  Flush();
}

void TcpEnd::Reset() {
  stream_->Reset(Status(StatusCode::kClosed, "reset by the script"));
  failed_ = true;
}

void TcpEnd::Switch(Use use) {
  use_ = use;
  OnReadable();
}

ByteBuffer TcpEnd::TakeReceived() { return std::exchange(received_, ByteBuffer()); }

void TcpEnd::OnReadable() {
  while (use_ != Use::kPaused && !over()) {
    if (use_ == Use::kEcho && unsent_.size() > kMaxEchoBacklog) return;  // Flush comes back
    const link::ReadChunk chunk = stream_->Peek(kReadBytes);
    if (chunk.state == link::ReadState::kWouldBlock) return;
    if (chunk.state == link::ReadState::kEnd) {
      ended_ = true;
      if (use_ == Use::kEcho) CloseWrite();
      return;
    }
    const size_t size = chunk.bytes.size();
    received_total_ += size;
    (use_ == Use::kEcho ? unsent_ : received_).Append(chunk.bytes);
    stream_->Consume(size);
    if (use_ == Use::kEcho) Flush();
  }
}

void TcpEnd::OnWritable() { Flush(); }

void TcpEnd::OnStreamError(const Status& /*why*/) { failed_ = true; }

void TcpEnd::Flush() {
  if (failed_) return;
  const bool was_full = unsent_.size() > kMaxEchoBacklog;
  if (!unsent_.empty()) unsent_.RemovePrefix(stream_->Write(unsent_));
  if (unsent_.empty() && std::exchange(close_wanted_, false)) stream_->CloseWrite();
  if (was_full && use_ == Use::kEcho && unsent_.size() <= kMaxEchoBacklog) OnReadable();
}

UdpEnd::UdpEnd(std::unique_ptr<net::UdpSocket> socket) : socket_(std::move(socket)) {
  socket_->SetObserver(this);
}

void UdpEnd::OnDatagram(const net::SocketAddress& /*from*/, ByteSpan datagram) {
  received_.push_back(ByteBuffer::CopyOf(datagram));
}

Result<std::unique_ptr<OurTarget>> OurTarget::Listen(net::Reactor& reactor, const HostPort& where,
                                                     Transport transport) {
  std::unique_ptr<OurTarget> target(new OurTarget(reactor, where, transport));
  Status listening = target->ListenAgain();
  if (!listening.ok()) return listening;
  return target;
}

void OurTarget::StopListening() {
  listener_.reset();
  sockets_.clear();
}

Status OurTarget::ListenAgain() {
  if (transport_ == Transport::kTcp) {
    auto listener = net::TcpListener::Listen(
        reactor_, where_, net::TcpListenOptions(),
        [this](std::unique_ptr<net::TcpStream> stream, const net::SocketAddress& /*peer*/) {
          connections_.push_back(std::make_unique<TcpEnd>(std::move(stream), use_));
        });
    if (!listener.ok()) return listener.status();
    listener_ = *std::move(listener);
    return Status::Ok();
  }
  auto sockets = net::UdpSocket::Listen(reactor_, where_, net::UdpOptions());
  if (!sockets.ok()) return sockets.status();
  sockets_ = *std::move(sockets);
  for (const auto& socket : sockets_) socket->SetObserver(this);
  return Status::Ok();
}

void OurTarget::OnDatagram(const net::SocketAddress& from, ByteSpan datagram) {
  if (std::find(sources_.begin(), sources_.end(), from) == sources_.end()) {
    sources_.push_back(from);
  }
  if (use_ != TcpEnd::Use::kEcho) return;
  for (const auto& socket : sockets_) {
    if (socket->local_address().family() == from.family()) socket->SendTo(from, datagram);
  }
}

}  // namespace ming::conformance
