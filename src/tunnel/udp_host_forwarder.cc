#include "ming/tunnel/udp_host_forwarder.h"

#include <glog/logging.h>

#include <optional>
#include <utility>

#include "ming/base/option_problems.h"
#include "ming/base/utf8.h"
#include "ming/tunnel/unsent_datagrams.h"

namespace ming::tunnel {
namespace {

// A label is the client's to choose, up to 64 KiB.
constexpr size_t kLongestLogName = 120;

}  // namespace

class UdpHostForwarder::Flow final : private net::UdpSocket::Observer {
 public:
  Flow(UdpHostForwarder& owner, FlowId id)
      : channel(owner.reactor_, id, owner, owner.counters_),
        queue(owner.queue_budget_),
        owner_(owner),
        id_(id) {}

  FlowId id() const { return id_; }

  void Connect(std::unique_ptr<net::UdpSocket> connected) {
    socket = std::move(connected);
    socket->SetObserver(this);
  }

  DatagramFlow channel;
  DatagramQueue queue;
  std::unique_ptr<net::Resolver::Request> request;  // while resolving
  std::unique_ptr<net::UdpSocket> socket;           // afterwards

 private:
  void OnDatagram(const net::SocketAddress& /*from*/, ByteSpan datagram) override {
    owner_.OnTargetDatagram(*this, datagram);
  }
  void OnSendReady() override {}
  // The target may come back: the flow lives on.
  void OnPeerUnreachable(const Status& /*why*/) override { ++owner_.counters_.dropped_unreachable; }

  UdpHostForwarder& owner_;
  const FlowId id_;
};

Status Validate(const UdpHostForwarderOptions& options) {
  OptionProblems problems;
  problems.Include("flows", Validate(options.flows));
  return problems.ToStatus();
}

UdpHostForwarder::UdpHostForwarder(net::Reactor& reactor, net::Resolver& resolver,
                                   const UdpHostForwarderOptions& options)
    : reactor_(reactor),
      resolver_(resolver),
      options_(options),
      table_(options.flows),
      idle_alarm_(reactor.CreateAlarm([this] {
        table_.HandleTimeout(reactor_.Now());
        PumpTable();
      })),
      drain_(reactor, [] {}),
      outbox_(reactor,
              [this](net::UdpSendResult why, size_t count) { CountUnsent(why, count, counters_); }),
      queue_budget_{options.max_queued_datagrams, options.max_queued_bytes} {
  const Status valid = Validate(options_);
  CHECK(valid.ok()) << valid.message();
}

UdpHostForwarder::~UdpHostForwarder() = default;

void UdpHostForwarder::HandleChannel(std::unique_ptr<link::MessageChannel> channel,
                                     const ChannelTerms& terms, const std::string& name) {
  ++counters_.opened;
  std::optional<FlowId> id;
  if (!drain_.draining()) id = table_.Add(reactor_.Now(), std::nullopt);
  PumpTable();
  if (!id) {
    ++counters_.refused;
    channel->Close();
    reactor_.DeferDelete(std::move(channel));
    return;
  }
  VLOG(1) << "[host udp flow=" << *id << " " << PrintableText(name, kLongestLogName) << "] opened";
  auto owned = std::make_unique<Flow>(*this, *id);
  Flow& flow = *owned;
  flows_.emplace(*id, std::move(owned));
  flow.channel.Attach(std::move(channel), terms);
  flow.request =
      resolver_.Resolve(options_.remote.host, options_.remote.port,
                        [this, id = *id](const auto& addresses) { OnResolved(id, addresses); });
}

void UdpHostForwarder::OnResolved(FlowId id,
                                  const Result<std::vector<net::SocketAddress>>& addresses) {
  Flow& flow = *flows_.at(id);
  flow.request.reset();
  Status failure = addresses.status();
  // The first address whose family this machine can use at all.
  for (size_t i = 0; addresses.ok() && i < addresses->size() && flow.socket == nullptr; ++i) {
    auto socket = net::UdpSocket::Connect(reactor_, (*addresses)[i], options_.sockets);
    if (socket.ok()) {
      flow.Connect(std::move(*socket));
    } else {
      failure = socket.status();
    }
  }
  if (flow.socket == nullptr) {
    LOG_EVERY_N(WARNING, 100) << "[host udp] cannot reach " << options_.remote.ToString() << ": "
                              << failure.ToString();
    ++counters_.refused;
    table_.Remove(id);
    return RemoveFlow(id);
  }
  for (const ByteBuffer& datagram : flow.queue.TakeAll()) SendToTarget(flow, datagram);
}

void UdpHostForwarder::Drain(Timestamp deadline, std::function<void()> on_drained) {
  drain_.Begin(deadline, std::move(on_drained));
  while (!flows_.empty()) {
    const FlowId id = flows_.begin()->first;
    table_.Remove(id);
    ++counters_.completed;
    RemoveFlow(id);
  }
  idle_alarm_->Cancel();
  drain_.Update(true);
}

ForwarderCounters UdpHostForwarder::counters() const {
  ForwarderCounters counters = counters_;
  for (const auto& [id, flow] : flows_) {
    ++(flow->socket != nullptr ? counters.active : counters.waiting);
  }
  return counters;
}

void UdpHostForwarder::OnTargetDatagram(Flow& flow, ByteSpan datagram) {
  if (datagram.size() > options_.flows.max_datagram_bytes) {
    ++counters_.dropped_oversize;
    return;
  }
  table_.Touch(reactor_.Now(), flow.id());
  flow.channel.Send(datagram);
}

void UdpHostForwarder::SendToTarget(Flow& flow, ByteSpan datagram) {
  outbox_.Send(*flow.socket, std::nullopt, datagram);
}

void UdpHostForwarder::OnFlowDatagram(FlowId id, ByteSpan datagram) {
  Flow& flow = *flows_.at(id);
  table_.Touch(reactor_.Now(), id);
  ++counters_.datagrams_from_peer;
  counters_.bytes_from_peer += datagram.size();
  if (flow.socket != nullptr) {
    SendToTarget(flow, datagram);
  } else if (!flow.queue.Push(datagram)) {
    ++counters_.dropped_no_path;
  }
}

void UdpHostForwarder::OnFlowClosed(FlowId id, const Status& why) {
  ++(why.ok() ? counters_.completed : counters_.failed);
  table_.Remove(id);
  RemoveFlow(id);
}

void UdpHostForwarder::PumpTable() {
  while (const std::optional<FlowEnded> ended = table_.PollEvent()) {
    ++counters_.completed;
    RemoveFlow(ended->id);
  }
  idle_alarm_->ArmAt(table_.NextTimeout());
}

void UdpHostForwarder::RemoveFlow(FlowId id) {
  const auto found = flows_.find(id);
  VLOG(1) << "[host udp flow=" << id << "] closed";
  found->second->channel.Detach();
  if (found->second->socket != nullptr) found->second->socket->SetObserver(nullptr);
  found->second->request.reset();
  reactor_.DeferDelete(std::move(found->second));
  flows_.erase(found);
}

}  // namespace ming::tunnel
