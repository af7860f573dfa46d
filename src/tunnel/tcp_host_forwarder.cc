#include "ming/tunnel/tcp_host_forwarder.h"

#include <glog/logging.h>

#include "ming/base/option_problems.h"
#include "ming/base/utf8.h"

namespace ming::tunnel {
namespace {

// A label is the client's to choose, up to 64 KiB.
constexpr size_t kLongestLogName = 120;

}  // namespace

ChannelStreamOptions HostChannelDefaults() {
  ChannelStreamOptions options;
  options.side = ChannelSide::kAcceptor;
  options.close_grace = std::chrono::milliseconds(100);
  return options;
}

Status Validate(const TcpHostForwarderOptions& options) {
  OptionProblems problems;
  problems.Require(options.dial_timeout > Duration::zero(), "the dial time-out is not positive");
  problems.Require(options.max_channels > 0, "there is no room for a channel");
  problems.Include("channel", Validate(options.channel));
  problems.Include("relay", Validate(options.relay));
  return problems.ToStatus();
}

TcpHostForwarder::TcpHostForwarder(net::Reactor& reactor, net::Resolver& resolver,
                                   const TcpHostForwarderOptions& options)
    : reactor_(reactor),
      resolver_(resolver),
      options_(options),
      drain_(reactor, [this] { AbortAll(Status(StatusCode::kClosed, "the tunnel is closing")); }) {
  const Status valid = Validate(options_);
  CHECK(valid.ok()) << valid.message();
}

TcpHostForwarder::~TcpHostForwarder() = default;

void TcpHostForwarder::HandleChannel(std::unique_ptr<link::MessageChannel> channel,
                                     const ChannelTerms& terms, const std::string& name) {
  const ConnectionId id(++last_id_);
  ++counters_.opened;
  auto owned = std::make_unique<Connection>(*this, id, PrintableText(name, kLongestLogName));
  Connection& connection = *owned;
  connections_.emplace(id, std::move(owned));
  ChannelStreamOptions options = options_.channel;
  options.side = ChannelSide::kAcceptor;
  options.window_budget = window_budget_;
  options.terms = terms;
  connection.tunnel.AttachChannel(std::move(channel), options);
  if (drain_.draining()) {
    return Refuse(connection, Status(StatusCode::kClosed, "the host is closing"));
  }
  if (dialing_ + relaying_ >= options_.max_channels) {
    return Refuse(connection, Status(StatusCode::kResourceExhausted, "too many connections"));
  }
  Dial(connection);
}

void TcpHostForwarder::Dial(Connection& connection) {
  ++dialing_;
  net::TcpConnectOptions options;
  options.timeout = options_.dial_timeout;
  const ConnectionId id = connection.tunnel.id();
  connection.connector = std::make_unique<net::TcpConnector>(
      reactor_, resolver_, options_.remote, options,
      [this, id](Result<std::unique_ptr<net::TcpStream>> stream) {
        OnDialed(id, std::move(stream));
      });
}

void TcpHostForwarder::OnDialed(ConnectionId id, Result<std::unique_ptr<net::TcpStream>> stream) {
  Connection& connection = *connections_.at(id);
  StopDialing(connection);
  if (!stream.ok()) return Refuse(connection, stream.status());
  VLOG(1) << "[host " << connection.name << "] connected to " << options_.remote.ToString();
  ++relaying_;
  connection.tunnel.AttachLocal(std::move(*stream), options_.relay);
}

void TcpHostForwarder::Drain(Timestamp deadline, std::function<void()> on_drained) {
  drain_.Begin(deadline, std::move(on_drained));
  drain_.Update(connections_.empty());
}

ForwarderCounters TcpHostForwarder::counters() const {
  ForwarderCounters counters = counters_;
  counters.waiting = dialing_;
  counters.active = relaying_;
  for (const auto& [id, connection] : connections_) {
    if (connection->tunnel.ended()) continue;
    counters.bytes_to_peer += connection->tunnel.counts().a_to_b;
    counters.bytes_from_peer += connection->tunnel.counts().b_to_a;
  }
  return counters;
}

void TcpHostForwarder::StopDialing(Connection& connection) {
  if (connection.connector == nullptr) return;
  --dialing_;
  connection.connector.reset();
}

void TcpHostForwarder::Refuse(Connection& connection, const Status& why) {
  if (refusal_lines_.Pass(reactor_.Now())) {
    LOG(WARNING) << "[host " << connection.name << "] refused: " << why.ToString()
                 << refusal_lines_.TakeHeldBack();
  }
  ++counters_.refused;
  connection.tunnel.Refuse(why);
}

void TcpHostForwarder::AbortAll(const Status& why) {
  for (const auto& [id, connection] : connections_) {
    if (connection->connector != nullptr) {
      StopDialing(*connection);
      Refuse(*connection, why);
      continue;
    }
    const bool ended = connection->tunnel.ended();
    connection->tunnel.Abort(why);
    if (!ended) CountEnd(*connection, why);
  }
}

void TcpHostForwarder::CountEnd(const Connection& connection, const Status& why) {
  VLOG(1) << "[host " << connection.name << "] ended: " << why.ToString();
  --relaying_;
  ++(why.ok() ? counters_.completed : counters_.failed);
  counters_.bytes_to_peer += connection.tunnel.counts().a_to_b;
  counters_.bytes_from_peer += connection.tunnel.counts().b_to_a;
}

void TcpHostForwarder::OnConnectionEnded(ConnectionId id, const Status& why) {
  Connection& connection = *connections_.at(id);
  if (connection.connector == nullptr) return CountEnd(connection, why);
  // The client left while we dialed.
  StopDialing(connection);
  ++counters_.refused;
}

void TcpHostForwarder::OnConnectionGone(ConnectionId id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;  // dropped earlier in this turn
  reactor_.DeferDelete(std::move(found->second));
  connections_.erase(found);
  drain_.Update(connections_.empty());
}

}  // namespace ming::tunnel
