#include "ming/reverse/reverse_client.h"

#include <glog/logging.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "ming/reverse/joint.h"
#include "ming/reverse/reverse_sockets.h"
#include "ming/reverse/udp_target.h"
#include "ming/tls/tls_session.h"

namespace ming::reverse {
namespace {

using codec::ReverseConnId;
using codec::ReverseReason;

bool IsForWantOfDescriptors(const Status& why) {
  return why.detail() == EMFILE || why.detail() == ENFILE || why.detail() == ENOBUFS ||
         why.detail() == ENOMEM;
}

// Of "address:port"; none: not an address.
std::optional<codec::ProxyEndpoint> EndpointOf(const std::string& text) {
  const Result<HostPort> parts = ParseHostPort(text);
  if (!parts.ok()) return std::nullopt;
  const auto ip = IpAddress::Parse(parts->host);
  if (!ip) return std::nullopt;
  return codec::ProxyEndpoint{ip->Canonical(), parts->port};
}

ReverseReason ReasonOf(const Status& why) {
  if (IsForWantOfDescriptors(why)) return ReverseReason::kLimit;
  if (why.code() == StatusCode::kTimeout) return ReverseReason::kTargetTimeout;
  if (why.detail() == ECONNREFUSED) return ReverseReason::kTargetRefused;
  if (why.detail() == 0) return ReverseReason::kTargetDns;  // no address to try
  return ReverseReason::kTargetUnreachable;
}

}  // namespace

// The control connection, from the dial to the farewell.
class ReverseClient::Control final : private LineLink::Observer {
 public:
  explicit Control(ReverseClient& owner) : owner_(owner) {}

  void Dial() {
    net::TcpConnectOptions options;
    options.timeout = owner_.options_.connect_timeout;
    options.tcp = LinkOptions();
    connector_ = std::make_unique<net::TcpConnector>(
        owner_.reactor_, owner_.resolver_, owner_.options_.server, options,
        [this](Result<std::unique_ptr<net::TcpStream>> stream) { OnDialed(std::move(stream)); });
  }
  LineLink* lines() { return lines_.get(); }
  // Gives the dial up, or sends what waits and ends the connection. False: nothing is under way.
  bool End() {
    connector_.reset();
    if (lines_ != nullptr) lines_->End();
    return lines_ != nullptr && !failed_;
  }

 private:
  void OnDialed(Result<std::unique_ptr<net::TcpStream>> stream) {
    owner_.reactor_.DeferDelete(std::move(connector_));
    if (!stream.ok()) {
      // Only the server's certificate is refused for good, not what the network forbids for now.
      return owner_.OnControlFailed(Status(StatusCode::kUnavailable, stream.status().message()));
    }
    (*stream)->LimitUnacknowledged(kControlSilence);
    lines_.reset(new LineLink(owner_.reactor_, owner_.Secure(*std::move(stream)), *this));
    owner_.OnControlConnected();
  }
  void OnLinkReadable() override { owner_.OnControlReadable(*this); }
  void OnLinkFailed(const Status& why) override {
    failed_ = true;
    owner_.OnControlFailed(why);
  }
  void OnLinkClosed() override { owner_.OnControlClosed(*this); }

  ReverseClient& owner_;
  std::unique_ptr<net::TcpConnector> connector_;
  std::unique_ptr<LineLink> lines_;
  bool failed_ = false;
};

// What belongs to one caller: the data connection, then the target, then the relay between them.
class ReverseClient::Conn final : private LineLink::Observer, private link::ByteStream::Observer {
 public:
  Conn(ReverseClient& owner, ReverseConnId id) : owner_(owner), id_(id) {}
  ~Conn() override {
    if (data_ != nullptr) data_->SetObserver(nullptr);
    if (target_ != nullptr) target_->SetObserver(nullptr);
  }

  void DialServer() {
    Dial(owner_.options_.server, {owner_.options_.connect_timeout, LinkOptions()},
         [this](Result<std::unique_ptr<net::TcpStream>> stream) {
           owner_.reactor_.DeferDelete(std::move(connector_));
           const Status status = stream.status();
           if (status.ok()) {
             lines_.reset(new LineLink(owner_.reactor_, owner_.Secure(*std::move(stream)), *this));
           }
           owner_.OnServerDialed(id_, status);
         });
  }
  LineLink* lines() { return lines_.get(); }

  // The first of the two connections is watched for its failure, unread, until the other is there.
  void DialTarget(const client::DialTarget& event) {
    if (lines_ != nullptr && !TakeData()) return owner_.OnConnFailed(id_);
    if (event.kind == CallerKind::kDatagrams) return DialUdp();
    const std::string source = event.source;
    Dial(owner_.options_.target, {owner_.options_.dial_timeout, SocketOptions()},
         [this, source](Result<std::unique_ptr<net::TcpStream>> stream) {
           owner_.reactor_.DeferDelete(std::move(connector_));
           Status status = stream.status();
           if (status.ok()) status = Introduce(**stream, source);
           if (status.ok()) {
             target_ = *std::move(stream);
             target_->SetObserver(this);
           }
           owner_.OnTargetDialed(id_, status);
         });
  }

  // The connection to the server has served another caller and waits for the next one.
  void KeepLink(std::unique_ptr<link::ByteStream> link) {
    lines_.reset(new LineLink(owner_.reactor_, std::move(link), *this));
  }
  std::unique_ptr<link::ByteStream> ReleaseLink() {
    return joint_ != nullptr ? joint_->ReleaseConnection() : nullptr;
  }

  void StartRelay(bool pieces) {
    if (lines_ != nullptr && !TakeData()) return owner_.OnRelayDone(id_, ReverseReason::kReset);
    data_->SetObserver(nullptr);
    if (udp_ != nullptr) {
      return udp_->StartRelay(std::move(data_), owner_.options_.udp,
                              [this](ReverseReason why) { owner_.OnRelayDone(id_, why); });
    }
    target_->SetObserver(nullptr);
    Joint::Ends ends{std::move(data_), std::move(target_)};
    if (pieces) {
      auto stream =
          std::make_unique<PieceStream>(owner_.reactor_, std::move(ends.a), PieceStream::Begun());
      ends.pieces = stream.get();
      ends.a = std::move(stream);
    }
    joint_ = std::make_unique<Joint>(owner_.reactor_, std::move(ends), owner_.relay_options_,
                                     [this](ReverseReason why) { owner_.OnRelayDone(id_, why); });
  }
  void AbortRelay() {
    const Status why(StatusCode::kClosed, "the control is lost");
    udp_ != nullptr ? udp_->Abort(why) : joint_->Abort(why);
  }
  tunnel::RelayCounts counts() const {
    if (udp_ != nullptr) return udp_->counts();
    return joint_ != nullptr ? joint_->counts() : tunnel::RelayCounts();
  }

 private:
  // False: the server answered before it had our line.
  bool TakeData() {
    data_ = lines_->Release();
    owner_.reactor_.DeferDelete(std::move(lines_));
    if (data_ != nullptr) data_->SetObserver(this);
    return data_ != nullptr;
  }
  // Tells the target who the caller is, where that is wanted.
  Status Introduce(net::TcpStream& target, const std::string& source) const {
    if (!owner_.options_.proxy_protocol) return Status::Ok();
    const net::SocketAddress there = target.peer_address();
    const ByteBuffer header = codec::SerializeProxyHeader(
        *owner_.options_.proxy_protocol, EndpointOf(source), {there.ip(), there.port()});
    if (target.Write(header) == header.size()) return Status::Ok();
    return Status::FromErrno("the target took no header", ECONNRESET);
  }
  struct DialOptions {
    Duration timeout;
    net::TcpOptions tcp;
  };
  void Dial(const HostPort& where, const DialOptions& how, net::TcpConnector::Callback on_done) {
    net::TcpConnectOptions options;
    options.timeout = how.timeout;
    options.tcp = how.tcp;
    connector_ = std::make_unique<net::TcpConnector>(owner_.reactor_, owner_.resolver_, where,
                                                     options, std::move(on_done));
  }
  void DialUdp() {
    udp_ =
        std::make_unique<UdpTarget>(owner_.reactor_, owner_.resolver_, owner_.counters_.datagrams);
    udp_->Dial(owner_.options_.target, owner_.options_.dial_timeout,
               [this](const Status& status) { owner_.OnTargetDialed(id_, status); });
  }
  void OnLinkReadable() override { owner_.OnConnReadable(id_); }
  void OnLinkFailed(const Status& /*why*/) override { owner_.OnConnFailed(id_); }
  void OnLinkClosed() override {}
  void OnReadable() override {}
  void OnWritable() override {}
  void OnStreamError(const Status& /*why*/) override {
    if (data_ == nullptr) return owner_.OnTargetLost(id_);
    owner_.OnConnFailed(id_);
  }

  ReverseClient& owner_;
  const ReverseConnId id_;
  std::unique_ptr<net::TcpConnector> connector_;
  std::unique_ptr<LineLink> lines_;
  std::unique_ptr<link::ByteStream> data_;  // behind its lines
  std::unique_ptr<link::ByteStream> target_;
  std::unique_ptr<Joint> joint_;
  std::unique_ptr<UdpTarget> udp_;  // of a UDP caller
};

ReverseClient::ReverseClient(net::Reactor& reactor, net::Resolver& resolver, Random& random,
                             const ReverseClientOptions& options, EndedCallback on_ended)
    : reactor_(reactor),
      resolver_(resolver),
      options_(options),
      on_ended_(std::move(on_ended)),
      token_(MakeToken(options.token)),
      core_(options.core, random, KeyOf(token_)),
      pipes_(reactor),
      relay_options_(options.relay),
      log_(options.server.ToString(), options.core.id),
      alarm_(reactor.CreateAlarm([this] { OnAlarm(); })) {
  if (options.splice) relay_options_.pipes = &pipes_;
  core_.Start(reactor_.Now());
  Pump();
}

ReverseClient::~ReverseClient() = default;

void ReverseClient::Stop() {
  core_.Stop(reactor_.Now());
  Pump();
}

ReverseCounters ReverseClient::counters() const {
  ReverseCounters counters = counters_;
  counters.active = core_.relay_count();
  counters.pending = core_.conn_count() - core_.relay_count();
  counters.ahead = core_.ahead_count();
  counters.clients = core_.control_up() ? 1 : 0;
  for (const auto& [id, conn] : conns_) {
    counters.bytes_in += conn->counts().a_to_b;
    counters.bytes_out += conn->counts().b_to_a;
  }
  return counters;
}

std::unique_ptr<link::ByteStream> ReverseClient::Secure(std::unique_ptr<net::TcpStream> stream) {
  if (options_.server_trust == nullptr) return stream;
  tls::TlsClientOptions options;
  options.trust = options_.server_trust;
  options.server_name = options_.server_name.empty() ? options_.server.host : options_.server_name;
  options.alpn = {kAlpn};
  options.certificate = options_.certificate;
  options.handshake_limit = options_.core.handshake_timeout;
  return std::make_unique<tls::TlsSession>(options, reactor_, std::move(stream));
}

void ReverseClient::OnControlConnected() {
  core_.HandleControlConnected(reactor_.Now());
  Pump();
}

void ReverseClient::OnControlReadable(Control& control) {
  while (control_.get() == &control) {
    const LineLink::ReadResult result = control.lines()->Read(
        [this](ByteSpan bytes) { return core_.HandleControlBytes(reactor_.Now(), bytes); });
    if (result == LineLink::ReadResult::kBlocked) return;
    if (result == LineLink::ReadResult::kEnded) {
      core_.HandleControlEnd(reactor_.Now(),
                             Status(StatusCode::kClosed, "the server closed the connection"));
    }
    Pump();
    if (result != LineLink::ReadResult::kTaken) return;
  }
}

void ReverseClient::OnControlFailed(const Status& why) {
  core_.HandleControlEnd(reactor_.Now(), why);
  Pump();
}

void ReverseClient::OnControlClosed(Control& control) {
  const auto found =
      std::find_if(leaving_.begin(), leaving_.end(),
                   [&control](const auto& leaving) { return leaving.get() == &control; });
  if (found == leaving_.end()) return;
  reactor_.DeferDelete(std::move(*found));
  leaving_.erase(found);
}

void ReverseClient::OnServerDialed(ReverseConnId id, const Status& status) {
  if (status.ok()) {
    core_.HandleLinkConnected(reactor_.Now(), id);
  } else if (IsForWantOfDescriptors(status)) {
    core_.HandleNoResources(reactor_.Now(), id);
  } else {
    core_.HandleLinkEnd(reactor_.Now(), id);
  }
  Pump();
}

void ReverseClient::OnTargetDialed(ReverseConnId id, const Status& status) {
  if (status.ok()) {
    core_.HandleTargetConnected(reactor_.Now(), id);
  } else {
    const ReverseReason reason = ReasonOf(status);
    log_.WriteDialFailed(reactor_.Now(), reason, options_.target.ToString(), status);
    core_.HandleTargetFailed(reactor_.Now(), id, reason);
  }
  Pump();
}

void ReverseClient::OnTargetLost(ReverseConnId id) {
  core_.HandleTargetFailed(reactor_.Now(), id, ReverseReason::kReset);
  Pump();
}

void ReverseClient::OnConnReadable(ReverseConnId id) {
  while (true) {
    const auto found = conns_.find(id);
    if (found == conns_.end() || found->second->lines() == nullptr) return;
    const LineLink::ReadResult result = found->second->lines()->Read(
        [this, id](ByteSpan bytes) { return core_.HandleLinkBytes(reactor_.Now(), id, bytes); });
    if (result == LineLink::ReadResult::kBlocked) return;
    if (result == LineLink::ReadResult::kEnded) core_.HandleLinkEnd(reactor_.Now(), id);
    Pump();
    if (result != LineLink::ReadResult::kTaken) return;
  }
}

void ReverseClient::OnConnFailed(ReverseConnId id) {
  core_.HandleLinkEnd(reactor_.Now(), id);
  Pump();
}

void ReverseClient::OnRelayDone(ReverseConnId id, ReverseReason why) {
  const auto found = conns_.find(id);
  if (why == ReverseReason::kDone && found != conns_.end()) kept_ = found->second->ReleaseLink();
  core_.HandleRelayDone(reactor_.Now(), id, why, kept_ != nullptr);
  Pump();
  if (kept_ == nullptr) return;
  kept_->CloseWrite();  // the last caller's bytes may be on their way
  kept_.reset();
}

void ReverseClient::OnAlarm() {
  core_.HandleTimeout(reactor_.Now());
  Pump();
}

void ReverseClient::Pump() {
  if (std::exchange(pumping_, true)) return;
  while (auto event = core_.PollEvent()) {
    std::visit([this](const auto& one) { Apply(one); }, *event);
  }
  pumping_ = false;
  alarm_->ArmAt(core_.NextTimeout());
}

void ReverseClient::Apply(const client::DialControl& /*event*/) {
  control_ = std::make_unique<Control>(*this);
  control_->Dial();
}

void ReverseClient::Apply(const client::SendControl& event) {
  if (control_ == nullptr || control_->lines() == nullptr) return;
  event.at_once ? control_->lines()->Send(event.text) : control_->lines()->SendLater(event.text);
}

void ReverseClient::Apply(const client::EndControl& /*event*/) {
  if (control_ == nullptr) return;
  if (control_->End()) {
    leaving_.push_back(std::move(control_));
  } else {
    reactor_.DeferDelete(std::move(control_));
  }
}

ReverseClient::Conn& ReverseClient::ConnOf(ReverseConnId id) {
  std::unique_ptr<Conn>& conn = conns_[id];
  if (conn == nullptr) conn = std::make_unique<Conn>(*this, id);
  return *conn;
}

void ReverseClient::Apply(const client::DialServer& event) { ConnOf(event.conn).DialServer(); }

void ReverseClient::Apply(const client::SendLink& event) {
  conns_.at(event.conn)->lines()->Send(event.text);
}

void ReverseClient::Apply(const client::DialTarget& event) { ConnOf(event.conn).DialTarget(event); }

void ReverseClient::Apply(const client::StartRelay& event) {
  conns_.at(event.conn)->StartRelay(event.pieces);
}

void ReverseClient::Apply(const client::KeepLink& event) {
  ConnOf(event.conn).KeepLink(std::move(kept_));
}

void ReverseClient::Apply(const client::AbortRelay& event) { conns_.at(event.conn)->AbortRelay(); }

void ReverseClient::Apply(const client::DropConn& event) {
  const auto found = conns_.find(event.conn);
  reactor_.DeferDelete(std::move(found->second));
  conns_.erase(found);
}

void ReverseClient::Apply(const client::Ended& event) { on_ended_(event.end, event.why); }

void ReverseClient::Apply(const client::ControlUp& event) {
  if (std::exchange(was_up_, true)) ++counters_.reconnects;
  if (options_.core.udp && !event.udp) {
    LOG(WARNING) << "the server carries no UDP: it was started without --udp";
  }
  if (options_.core.ahead > 0 && event.ahead == 0) {
    LOG(WARNING) << "the server takes no connections ahead of need: --ahead has no effect";
  }
  log_.Write(event);
}

void ReverseClient::Apply(const client::ControlDown& event) { log_.Write(event); }

void ReverseClient::Apply(const client::ReconnectWait& event) { log_.Write(event); }

void ReverseClient::Apply(const client::ConnNew& event) {
  ++counters_.accepted;
  log_.Write(event);
}

void ReverseClient::Apply(const client::ConnPaired& event) {
  ++counters_.paired;
  if (event.ahead) ++counters_.paired_ahead;
  counters_.pair_times.Add(event.waited);
  log_.Write(event);
}

void ReverseClient::Apply(const client::ConnEnd& event) {
  counters_.CountEnd(event.reason);
  tunnel::RelayCounts counts;
  const auto conn = conns_.find(event.conn);
  if (conn != conns_.end()) {
    counts = conn->second->counts();
    reactor_.DeferDelete(std::move(conn->second));
    conns_.erase(conn);
  }
  counters_.bytes_in += counts.a_to_b;
  counters_.bytes_out += counts.b_to_a;
  log_.Write(event, counts);
}

}  // namespace ming::reverse
