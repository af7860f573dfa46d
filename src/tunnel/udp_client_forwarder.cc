#include "ming/tunnel/udp_client_forwarder.h"

#include <glog/logging.h>

#include <optional>
#include <utility>

#include "ming/base/option_problems.h"
#include "ming/tunnel/unsent_datagrams.h"

namespace ming::tunnel {
namespace {

constexpr char kLabel[] = "tunnel-udp";

link::ChannelTraits UnreliableTraits() {
  link::ChannelTraits traits;
  traits.ordering = link::Ordering::kUnordered;
  traits.max_retransmits = uint16_t{0};
  return traits;
}

UdpSource SourceOf(const net::SocketAddress& address) {
  return UdpSource{address.ip(), address.port(), address.scope_id()};
}

}  // namespace

class UdpClientForwarder::Listener final : private net::UdpSocket::Observer {
 public:
  Listener(UdpClientForwarder& owner, std::unique_ptr<net::UdpSocket> socket)
      : owner_(owner), socket_(std::move(socket)) {
    socket_->SetObserver(this);
  }

  net::UdpSocket& socket() { return *socket_; }

 private:
  void OnDatagram(const net::SocketAddress& from, ByteSpan datagram) override {
    owner_.OnLocalDatagram(*this, from, datagram);
  }
  void OnSendReady() override {}
  void OnPeerUnreachable(const Status& /*why*/) override {}

  UdpClientForwarder& owner_;
  const std::unique_ptr<net::UdpSocket> socket_;
};

Status Validate(const UdpClientForwarderOptions& options) {
  OptionProblems problems;
  problems.Include("flows", Validate(options.flows));
  return problems.ToStatus();
}

Result<std::unique_ptr<ClientForwarder>> UdpClientForwarder::Create(
    net::Reactor& reactor, const UdpClientForwarderOptions& options) {
  const Status valid = Validate(options);
  CHECK(valid.ok()) << valid.message();
  auto sockets = net::UdpSocket::Listen(reactor, options.local, options.sockets);
  if (!sockets.ok()) return sockets.status();
  auto forwarder = std::unique_ptr<UdpClientForwarder>(new UdpClientForwarder(reactor, options));
  for (std::unique_ptr<net::UdpSocket>& socket : *sockets) {
    forwarder->listeners_.push_back(std::make_unique<Listener>(*forwarder, std::move(socket)));
  }
  return std::unique_ptr<ClientForwarder>(std::move(forwarder));
}

UdpClientForwarder::UdpClientForwarder(net::Reactor& reactor,
                                       const UdpClientForwarderOptions& options)
    : reactor_(reactor),
      options_(options),
      table_(options.flows),
      idle_alarm_(reactor.CreateAlarm([this] {
        table_.HandleTimeout(reactor_.Now());
        PumpTable();
      })),
      drain_(reactor, [] {}),
      outbox_(reactor,
              [this](net::UdpSendResult why, size_t count) { CountUnsent(why, count, counters_); }),
      queue_budget_{options.max_queued_datagrams, options.max_queued_bytes} {}

UdpClientForwarder::~UdpClientForwarder() = default;

void UdpClientForwarder::SetPath(link::ChannelOpener& opener, const ChannelTerms& terms) {
  CHECK(opener_ == nullptr);
  opener_ = &opener;
  terms_ = terms;
  for (const auto& [id, flow] : flows_) {
    if (!flow->queue.empty()) TryOpen(*flow);
  }
}

void UdpClientForwarder::ClearPath(const Status& why) {
  if (opener_ == nullptr) return;
  VLOG(1) << "[client udp] path lost: " << why.ToString();
  opener_ = nullptr;
  for (const auto& [id, flow] : flows_) flow->channel.Detach();
}

void UdpClientForwarder::Drain(Timestamp deadline, std::function<void()> on_drained) {
  drain_.Begin(deadline, std::move(on_drained));
  for (std::unique_ptr<Listener>& listener : listeners_) {
    listener->socket().PauseReceiving();  // it may outlive us by a turn
    reactor_.DeferDelete(std::move(listener));
  }
  listeners_.clear();
  for (auto& [id, flow] : flows_) {
    flow->channel.Detach();
    table_.Remove(id);
    ++counters_.completed;
    reactor_.DeferDelete(std::move(flow));
  }
  flows_.clear();
  idle_alarm_->Cancel();
  drain_.Update(true);
}

ForwarderCounters UdpClientForwarder::counters() const {
  ForwarderCounters counters = counters_;
  for (const auto& [id, flow] : flows_) {
    ++(flow->channel.has_channel() ? counters.active : counters.waiting);
  }
  return counters;
}

std::vector<std::string> UdpClientForwarder::local_addresses() const {
  std::vector<std::string> addresses;
  for (const std::unique_ptr<Listener>& listener : listeners_) {
    addresses.push_back(listener->socket().local_address().ToString());
  }
  return addresses;
}

void UdpClientForwarder::OnLocalDatagram(Listener& listener, const net::SocketAddress& from,
                                         ByteSpan datagram) {
  if (drain_.draining()) return;
  if (datagram.size() > options_.flows.max_datagram_bytes) {
    ++counters_.dropped_oversize;
    return;
  }
  Flow* const flow = FindOrAddFlow(listener, from);
  if (flow == nullptr) {
    ++counters_.dropped_limit;
    return;
  }
  if (!flow->channel.has_channel()) TryOpen(*flow);
  if (flow->channel.has_channel()) {
    flow->channel.Send(datagram);
  } else if (!flow->queue.Push(datagram)) {
    ++counters_.dropped_no_path;
  }
}

UdpClientForwarder::Flow* UdpClientForwarder::FindOrAddFlow(Listener& listener,
                                                            const net::SocketAddress& from) {
  const UdpSource source = SourceOf(from);
  const Timestamp now = reactor_.Now();
  if (const std::optional<FlowId> known = table_.Find(now, source)) {
    return flows_.at(*known).get();
  }
  const std::optional<FlowId> id = table_.Add(now, source);
  PumpTable();
  if (!id) return nullptr;
  VLOG(1) << "[client udp flow=" << *id << " source=" << from << "] opened";
  ++counters_.opened;
  std::unique_ptr<Flow> flow(
      new Flow{{reactor_, *id, *this, counters_}, DatagramQueue(queue_budget_), listener, from});
  return flows_.emplace(*id, std::move(flow)).first->second.get();
}

void UdpClientForwarder::TryOpen(Flow& flow) {
  if (opener_ == nullptr) return;
  Result<std::unique_ptr<link::MessageChannel>> channel =
      opener_->OpenChannel(kLabel, UnreliableTraits());
  if (!channel.ok()) {
    // The next datagram tries again; until then they wait, as without a path.
    LOG_EVERY_N(WARNING, 100) << "[client udp] no channel: " << channel.status().ToString();
    return;
  }
  flow.channel.Attach(std::move(*channel), terms_);
  for (const ByteBuffer& datagram : flow.queue.TakeAll()) flow.channel.Send(datagram);
}

void UdpClientForwarder::OnFlowDatagram(FlowId id, ByteSpan datagram) {
  const auto found = flows_.find(id);
  if (found == flows_.end()) return;
  table_.Touch(reactor_.Now(), id);
  ++counters_.datagrams_from_peer;
  counters_.bytes_from_peer += datagram.size();
  outbox_.Send(found->second->listener.socket(), found->second->source, datagram);
}

// The flow stays: its source may go on, on a new channel.
void UdpClientForwarder::OnFlowClosed(FlowId id, const Status& why) {
  VLOG(1) << "[client udp flow=" << id << "] channel closed: " << why.ToString();
  if (!why.ok()) ++counters_.failed;
}

void UdpClientForwarder::PumpTable() {
  while (const std::optional<FlowEnded> ended = table_.PollEvent()) {
    const auto found = flows_.find(ended->id);
    VLOG(1) << "[client udp flow=" << ended->id << " source=" << found->second->source
            << "] expired";
    ++counters_.completed;
    found->second->channel.Detach();
    reactor_.DeferDelete(std::move(found->second));
    flows_.erase(found);
  }
  idle_alarm_->ArmAt(table_.NextTimeout());
}

}  // namespace ming::tunnel
