#include "ming/reverse/udp_target.h"

#include <utility>
#include <vector>

namespace ming::reverse {

UdpTarget::UdpTarget(net::Reactor& reactor, net::Resolver& resolver, DatagramCounts& datagrams)
    : reactor_(reactor),
      resolver_(resolver),
      datagrams_(datagrams),
      timeout_(reactor.CreateAlarm(
          [this] { FinishDial(Status(StatusCode::kTimeout, "the name does not resolve")); })) {}

UdpTarget::~UdpTarget() {
  if (socket_ != nullptr) socket_->SetObserver(nullptr);
}

void UdpTarget::Dial(const HostPort& target, Duration timeout, DialedCallback on_dialed) {
  on_dialed_ = std::move(on_dialed);
  timeout_->ArmAt(reactor_.Now() + timeout);
  request_ = resolver_.Resolve(
      target.host, target.port,
      [this](const Result<std::vector<net::SocketAddress>>& addresses) { OnResolved(addresses); });
}

void UdpTarget::OnResolved(const Result<std::vector<net::SocketAddress>>& addresses) {
  if (!addresses.ok()) return FinishDial(addresses.status());
  auto socket = net::UdpSocket::Connect(reactor_, addresses->front(), net::UdpOptions());
  if (!socket.ok()) return FinishDial(socket.status());
  socket_ = *std::move(socket);
  FinishDial(Status::Ok());
}

void UdpTarget::FinishDial(const Status& status) {
  timeout_->Cancel();
  reactor_.DeferDelete(std::move(request_));
  on_dialed_(status);
}

void UdpTarget::StartRelay(std::unique_ptr<link::ByteStream> data, const UdpOptions& options,
                           DatagramJoint::DoneCallback on_done) {
  joint_ = std::make_unique<DatagramJoint>(
      reactor_, std::move(data), options,
      [this](ByteSpan datagram) {
        ++datagrams_.in;
        // What the kernel does not take now is lost, as on any network.
        static_cast<void>(socket_->Send(datagram));
      },
      std::move(on_done));
  socket_->SetObserver(this);
}

void UdpTarget::Abort(const Status& why) { joint_->Abort(why); }

tunnel::RelayCounts UdpTarget::counts() const {
  if (joint_ == nullptr) return {};
  return {joint_->counts().b_to_a, joint_->counts().a_to_b};
}

void UdpTarget::OnDatagram(const net::SocketAddress& /*from*/, ByteSpan datagram) {
  if (datagram.size() > codec::kMaxFramedDatagram) {
    ++datagrams_.dropped_oversize;
  } else if (joint_->Send(datagram)) {
    ++datagrams_.out;
  } else {
    ++datagrams_.dropped_backpressure;
  }
}

}  // namespace ming::reverse
