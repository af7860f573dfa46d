#include "ming/tunnel/tcp_client_forwarder.h"

#include <glog/logging.h>

#include "ming/base/option_problems.h"

namespace ming::tunnel {

Status Validate(const TcpClientForwarderOptions& options) {
  OptionProblems problems;
  problems.Include("admission", Validate(options.admission));
  problems.Include("channel", Validate(options.channel));
  problems.Include("relay", Validate(options.relay));
  return problems.ToStatus();
}

Result<std::unique_ptr<ClientForwarder>> TcpClientForwarder::Create(
    net::Reactor& reactor, const TcpClientForwarderOptions& options) {
  const Status valid = Validate(options);
  CHECK(valid.ok()) << valid.message();
  auto forwarder = std::unique_ptr<TcpClientForwarder>(new TcpClientForwarder(reactor, options));
  TcpClientForwarder* const self = forwarder.get();
  auto listener = net::TcpListener::Listen(
      reactor, options.local, net::TcpListenOptions(),
      [self](std::unique_ptr<net::TcpStream> stream, const net::SocketAddress& peer) {
        self->OnAccept(std::move(stream), peer);
      });
  if (!listener.ok()) return listener.status();
  forwarder->listener_ = std::move(*listener);
  return std::unique_ptr<ClientForwarder>(std::move(forwarder));
}

TcpClientForwarder::TcpClientForwarder(net::Reactor& reactor,
                                       const TcpClientForwarderOptions& options)
    : reactor_(reactor),
      options_(options),
      admission_(options.admission),
      admission_alarm_(reactor.CreateAlarm([this] {
        admission_.HandleTimeout(reactor_.Now());
        PumpAdmission();
      })),
      drain_(reactor, [this] { AbortAll(Status(StatusCode::kClosed, "the tunnel is closing")); }) {}

TcpClientForwarder::~TcpClientForwarder() = default;

void TcpClientForwarder::SetPath(link::ChannelOpener& opener, const ChannelTerms& terms) {
  CHECK(opener_ == nullptr);
  opener_ = &opener;
  terms_ = terms;
  admission_.HandlePathUp();
  PumpAdmission();
}

void TcpClientForwarder::ClearPath(const Status& why) {
  if (opener_ == nullptr) return;
  opener_ = nullptr;
  admission_.HandlePathDown();
  // The farewell could reach nobody, so nothing waits for it: connections with a channel go now.
  for (auto entry = connections_.begin(); entry != connections_.end();) {
    Connection& connection = *entry->second;
    if (!connection.tunnel.has_channel()) {
      ++entry;
      continue;
    }
    if (!connection.tunnel.ended()) {
      connection.tunnel.Abort(why);
      CountEnd(connection, why);
    }
    reactor_.DeferDelete(std::move(entry->second));
    entry = connections_.erase(entry);
  }
  drain_.Update(connections_.empty());
}

void TcpClientForwarder::Drain(Timestamp deadline, std::function<void()> on_drained) {
  drain_.Begin(deadline, std::move(on_drained));
  listener_->StopAccepting();  // it may outlive us by a turn
  reactor_.DeferDelete(std::move(listener_));
  admission_.HandleDrain();
  PumpAdmission();
  drain_.Update(connections_.empty());
}

ForwarderCounters TcpClientForwarder::counters() const {
  ForwarderCounters counters = counters_;
  counters.waiting = admission_.waiting();
  counters.active = admission_.admitted();
  for (const auto& [id, connection] : connections_) {
    if (connection->tunnel.ended()) continue;
    counters.bytes_to_peer += connection->tunnel.counts().a_to_b;
    counters.bytes_from_peer += connection->tunnel.counts().b_to_a;
  }
  return counters;
}

std::vector<std::string> TcpClientForwarder::local_addresses() const {
  std::vector<std::string> addresses;
  if (listener_ == nullptr) return addresses;
  for (const net::SocketAddress& address : listener_->addresses()) {
    addresses.push_back(address.ToString());
  }
  return addresses;
}

void TcpClientForwarder::OnAccept(std::unique_ptr<net::TcpStream> stream,
                                  const net::SocketAddress& peer) {
  const ConnectionId id = admission_.HandleArrival(reactor_.Now());
  ++counters_.opened;
  auto connection = std::make_unique<Connection>(*this, id, "tcp-" + peer.ToString());
  connection->tunnel.AttachLocal(std::move(stream), options_.relay);
  connections_.emplace(id, std::move(connection));
  PumpAdmission();
}

void TcpClientForwarder::PumpAdmission() {
  while (const std::optional<AdmissionEvent> event = admission_.PollEvent()) {
    const auto found = connections_.find(event->id);
    if (found == connections_.end()) continue;
    Connection& connection = *found->second;
    if (event->refusal.ok()) {
      OpenChannel(connection);
    } else {
      Refuse(connection, event->refusal);
    }
  }
  admission_alarm_->ArmAt(admission_.NextTimeout());
}

void TcpClientForwarder::OpenChannel(Connection& connection) {
  Result<std::unique_ptr<link::MessageChannel>> channel =
      opener_->OpenChannel(connection.label, link::ChannelTraits{});
  if (!channel.ok()) {
    admission_.HandleDeparture(connection.tunnel.id());
    return Refuse(connection, channel.status());
  }
  VLOG(1) << "[client " << connection.label << "] opened";
  ChannelStreamOptions options = options_.channel;
  options.side = ChannelSide::kOpener;
  options.window_budget = window_budget_;
  options.terms = terms_;
  connection.tunnel.AttachChannel(std::move(*channel), options);
}

void TcpClientForwarder::Refuse(Connection& connection, const Status& why) {
  VLOG(1) << "[client " << connection.label << "] refused: " << why.ToString();
  ++counters_.refused;
  connection.tunnel.Refuse(why);
}

void TcpClientForwarder::AbortAll(const Status& why) {
  for (const auto& [id, connection] : connections_) {
    const bool ended = connection->tunnel.ended();
    connection->tunnel.Abort(why);
    if (!ended) CountEnd(*connection, why);
  }
}

void TcpClientForwarder::CountEnd(const Connection& connection, const Status& why) {
  VLOG(1) << "[client " << connection.label << "] ended: " << why.ToString();
  admission_.HandleDeparture(connection.tunnel.id());
  if (!connection.tunnel.has_channel()) {
    ++counters_.refused;
    return;
  }
  ++(why.ok() ? counters_.completed : counters_.failed);
  counters_.bytes_to_peer += connection.tunnel.counts().a_to_b;
  counters_.bytes_from_peer += connection.tunnel.counts().b_to_a;
}

void TcpClientForwarder::OnConnectionEnded(ConnectionId id, const Status& why) {
  CountEnd(*connections_.at(id), why);
}

void TcpClientForwarder::OnConnectionGone(ConnectionId id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;  // dropped earlier in this turn
  reactor_.DeferDelete(std::move(found->second));
  connections_.erase(found);
  drain_.Update(connections_.empty());
}

}  // namespace ming::tunnel
