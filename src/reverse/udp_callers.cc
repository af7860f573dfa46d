#include "ming/reverse/udp_callers.h"

#include <utility>

namespace ming::reverse {
namespace {

tunnel::UdpSource SourceOf(const net::SocketAddress& address) {
  return {address.ip(), address.port(), address.scope_id()};
}

}  // namespace

// One of the bound sockets, with its sources.
class UdpCallers::Socket final : private net::UdpSocket::Observer {
 public:
  Socket(UdpCallers& owner, size_t at, std::unique_ptr<net::UdpSocket> udp)
      : listener(at), socket(std::move(udp)), owner_(owner) {
    socket->SetObserver(this);
  }

  const size_t listener;
  const std::unique_ptr<net::UdpSocket> socket;
  Sources sources;

 private:
  void OnDatagram(const net::SocketAddress& from, ByteSpan datagram) override {
    owner_.OnDatagram(*this, from, datagram);
  }
  void OnSendReady() override {}
  void OnPeerUnreachable(const Status& /*why*/) override {}

  UdpCallers& owner_;
};

UdpCallers::UdpCallers(net::Reactor& reactor, const UdpOptions& options, Observer& observer)
    : reactor_(reactor),
      options_(options),
      observer_(observer),
      waiting_budget_{options.max_waiting_datagrams, options.max_waiting_bytes} {}

UdpCallers::~UdpCallers() = default;

Status UdpCallers::Listen(size_t listener, const HostPort& where) {
  auto sockets = net::UdpSocket::Listen(reactor_, where, net::UdpOptions());
  if (!sockets.ok()) return sockets.status();
  for (std::unique_ptr<net::UdpSocket>& socket : *sockets) {
    sockets_.push_back(std::make_unique<Socket>(*this, listener, std::move(socket)));
  }
  return Status::Ok();
}

void UdpCallers::OnDatagram(Socket& socket, const net::SocketAddress& from, ByteSpan datagram) {
  if (datagram.size() > codec::kMaxFramedDatagram) {
    ++datagrams_.dropped_oversize;
    return;
  }
  const auto known = socket.sources.find(SourceOf(from));
  if (known != socket.sources.end()) return Forward(*flows_.at(known->second), datagram);
  if (refusing_) {
    ++datagrams_.dropped_waiting;
    return;
  }
  const CallerId caller = observer_.NewCallerId();
  socket.sources.emplace(SourceOf(from), caller);
  std::unique_ptr<Flow> flow(
      new Flow{socket, from, tunnel::DatagramQueue(waiting_budget_), nullptr});
  Forward(*flows_.emplace(caller, std::move(flow)).first->second, datagram);
  observer_.OnUdpCaller(caller, socket.listener, from.ToString());
}

void UdpCallers::Forward(Flow& flow, ByteSpan datagram) {
  if (flow.joint == nullptr) {
    if (!flow.waiting.Push(datagram)) ++datagrams_.dropped_waiting;
  } else if (flow.joint->Send(datagram)) {
    ++datagrams_.in;
  } else {
    ++datagrams_.dropped_backpressure;
  }
}

void UdpCallers::StartRelay(CallerId caller, std::unique_ptr<link::ByteStream> stream) {
  Flow& flow = *flows_.at(caller);
  flow.joint = std::make_unique<DatagramJoint>(
      reactor_, std::move(stream), options_,
      [this, &flow](ByteSpan datagram) {
        ++datagrams_.out;
        // What the kernel does not take now is lost, as on any network.
        static_cast<void>(flow.socket.socket->SendTo(flow.source, datagram));
      },
      [this, caller](codec::ReverseReason why) { observer_.OnUdpDone(caller, why); });
  for (const ByteBuffer& datagram : flow.waiting.TakeAll()) Forward(flow, datagram);
}

void UdpCallers::AbortRelay(CallerId caller, const Status& why) {
  Flow& flow = *flows_.at(caller);
  if (flow.joint != nullptr) flow.joint->Abort(why);
}

tunnel::RelayCounts UdpCallers::End(CallerId caller) {
  const auto found = flows_.find(caller);
  tunnel::RelayCounts counts;
  if (found == flows_.end()) return counts;
  Flow& flow = *found->second;
  if (flow.joint != nullptr) {
    counts = flow.joint->counts();
    reactor_.DeferDelete(std::move(flow.joint));
  }
  flow.socket.sources.erase(SourceOf(flow.source));
  flows_.erase(found);
  return counts;
}

tunnel::RelayCounts UdpCallers::counts() const {
  tunnel::RelayCounts sum;
  for (const auto& [caller, flow] : flows_) {
    if (flow->joint == nullptr) continue;
    sum.a_to_b += flow->joint->counts().a_to_b;
    sum.b_to_a += flow->joint->counts().b_to_a;
  }
  return sum;
}

}  // namespace ming::reverse
