#include "ming/reverse/reverse_server.h"

#include <glog/logging.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "ming/reverse/reverse_sockets.h"
#include "ming/tls/tls_session.h"

namespace ming::reverse {
namespace {

using codec::ReverseReason;

ServerCoreOptions CoreOptionsOf(const ReverseServerOptions& options) {
  ServerCoreOptions core = options.core;
  core.client_certificates = options.client_trust != nullptr;
  return core;
}

// What of a caller's first bytes goes with the reply; longer ones fill segments by themselves. Fits
// one TLS record together with the reply: it leaves at once or not at all.
constexpr size_t kFirstBytes = size_t{15} << 10;

// A data connection, and the socket at its bottom.
struct DataLink {
  link::ByteStream& stream;
  const net::TcpStream& tcp;
};

// The reply, and in one segment with it what `caller` has sent so far; nothing waits for more.
// None: the connection is broken, or its window was closed before the first byte, and the caller
// was not touched. `caller` null: nobody is read.
std::optional<PieceStream::Begun> SendReply(DataLink data, const StartRelay& event,
                                            link::ByteStream* caller) {
  ByteBuffer segment = ByteBuffer::CopyOf(ByteSpan(event.reply));
  link::ReadChunk first;
  if (caller != nullptr) first = caller->Peek(kFirstBytes);
  if (event.pieces && !first.bytes.empty()) {
    AppendPiece(first.bytes, segment);
  } else {
    segment.Append(first.bytes);
  }
  const size_t taken = data.stream.Write(segment);
  // A TLS session takes what a broken socket does not.
  const bool dead = taken < event.reply.size() || data.tcp.broken();
  PieceStream::Begun begun;
  if (!dead) begun.bytes = event.pieces ? first.bytes.size() : taken - event.reply.size();
  if (!first.bytes.empty()) caller->Consume(begun.bytes);
  if (dead) return std::nullopt;
  if (event.pieces) begun.unsent = ByteBuffer::CopyOf(segment.span().Skip(taken));
  return begun;
}

Status Given(ReverseReason why) {
  return {StatusCode::kClosed, std::string(codec::ReverseReasonName(why))};
}

}  // namespace

// A caller that waits. Its stream is not read before the reply to its data connection: the kernel
// keeps what it sends early.
class ReverseServer::Caller final : private link::ByteStream::Observer {
 public:
  Caller(ReverseServer& owner, CallerId id, std::unique_ptr<net::TcpStream> stream)
      : owner_(owner), id_(id), stream_(std::move(stream)) {
    stream_->SetObserver(this);
  }
  ~Caller() override {
    if (stream_ != nullptr) stream_->SetObserver(nullptr);
  }

  net::TcpStream& stream() { return *stream_; }
  std::unique_ptr<net::TcpStream> Release() {
    stream_->SetObserver(nullptr);
    return std::move(stream_);
  }
  void Reset(const Status& why) { stream_->Reset(why); }

 private:
  void OnReadable() override {}
  void OnWritable() override {}
  void OnStreamError(const Status& /*why*/) override { owner_.OnCallerFailed(id_); }

  ReverseServer& owner_;
  const CallerId id_;
  std::unique_ptr<net::TcpStream> stream_;
};

// A connection on port B as long as it speaks lines.
class ReverseServer::Link final : private LineLink::Observer {
 public:
  struct Layers {
    net::TcpStream& tcp;  // at the bottom of `stream`
    std::unique_ptr<link::ByteStream> stream;
    // The stream, where the core wants to know whose certificate the client shows; else null.
    const tls::TlsSession* session = nullptr;
  };

  Link(ReverseServer& owner, LinkId id, Layers layers)
      : tcp(layers.tcp),
        lines(owner.reactor_, std::move(layers.stream), *this),
        owner_(owner),
        id_(id),
        unnamed_(layers.session) {}

  net::TcpStream& tcp;  // of `lines`
  LineLink lines;

  // Once, when the handshake is done.
  std::optional<std::string> TakeName() {
    if (unnamed_ == nullptr || !unnamed_->connected()) return std::nullopt;
    const Result<std::string> name = std::exchange(unnamed_, nullptr)->client_name();
    if (name.ok()) return *name;
    LOG_EVERY_N(WARNING, 10) << "a client without a trusted certificate: "
                             << name.status().message();
    return std::nullopt;
  }

 private:
  void OnLinkReadable() override { owner_.OnLinkReadable(id_); }
  void OnLinkFailed(const Status& /*why*/) override { owner_.OnLinkFailed(id_); }
  void OnLinkClosed() override { owner_.OnLinkClosed(id_); }

  ReverseServer& owner_;
  const LinkId id_;
  const tls::TlsSession* unnamed_;
};

Result<std::unique_ptr<ReverseServer>> ReverseServer::Start(net::Reactor& reactor, Random& random,
                                                            const ReverseServerOptions& options,
                                                            StoppedCallback on_stopped) {
  CHECK_EQ(options.callers.size(), options.core.listeners.size());
  CHECK(options.client_trust == nullptr || options.certificate != nullptr);
  std::unique_ptr<ReverseServer> server(
      new ReverseServer(reactor, random, options, std::move(on_stopped)));
  if (Status listening = server->Listen(); !listening.ok()) return listening;
  return server;
}

ReverseServer::ReverseServer(net::Reactor& reactor, Random& random,
                             const ReverseServerOptions& options, StoppedCallback on_stopped)
    : reactor_(reactor),
      options_(options),
      on_stopped_(std::move(on_stopped)),
      token_(MakeToken(options.token)),
      core_(CoreOptionsOf(options), random, KeyOf(token_)),
      pipes_(reactor),
      relay_options_(options.relay),
      alarm_(reactor.CreateAlarm([this] { OnAlarm(); })) {
  if (options.splice) relay_options_.pipes = &pipes_;
  UdpCallers::Observer& self = *this;
  if (options.core.udp) udp_ = std::make_unique<UdpCallers>(reactor, options.udp, self);
}

ReverseServer::~ReverseServer() = default;

Status ReverseServer::Listen() {
  net::TcpListenOptions listen;
  listen.tcp = SocketOptions();
  for (size_t at = 0; at < options_.callers.size(); ++at) {
    auto listener = net::TcpListener::Listen(
        reactor_, options_.callers[at], listen,
        [this, at](std::unique_ptr<net::TcpStream> stream, const net::SocketAddress& peer) {
          OnCaller(at, std::move(stream), peer);
        });
    if (!listener.ok()) return listener.status();
    callers_.push_back(*std::move(listener));
    if (udp_ == nullptr) continue;
    const HostPort same{options_.callers[at].host, callers_.back()->port()};
    if (Status udp = udp_->Listen(at, same); !udp.ok()) return udp;
  }
  listen.tcp = LinkOptions();
  auto listener = net::TcpListener::Listen(
      reactor_, options_.clients, listen,
      [this](std::unique_ptr<net::TcpStream> stream, const net::SocketAddress& peer) {
        OnLink(std::move(stream), peer);
      });
  if (!listener.ok()) return listener.status();
  clients_ = *std::move(listener);
  return Status::Ok();
}

void ReverseServer::Stop() {
  core_.Stop(reactor_.Now());
  Pump();
}

std::vector<std::string> ReverseServer::caller_addresses() const {
  std::vector<std::string> addresses;
  addresses.reserve(callers_.size());
  for (const auto& listener : callers_) addresses.push_back(listener->ToString());
  return addresses;
}

ReverseCounters ReverseServer::counters() const {
  ReverseCounters counters = counters_;
  counters.active = core_.active_count();
  counters.pending = core_.pending_count();
  counters.clients = core_.client_count();
  counters.ahead = core_.ahead_count();
  for (const auto& [caller, joint] : joints_) {
    counters.bytes_in += joint.joint->counts().a_to_b;
    counters.bytes_out += joint.joint->counts().b_to_a;
  }
  if (udp_ != nullptr) {
    counters.datagrams = udp_->datagrams();
    counters.bytes_in += udp_->counts().a_to_b;
    counters.bytes_out += udp_->counts().b_to_a;
  }
  return counters;
}

void ReverseServer::OnCaller(size_t listener, std::unique_ptr<net::TcpStream> stream,
                             const net::SocketAddress& peer) {
  const CallerId caller = NewCallerId();
  waiting_.emplace(caller, std::make_unique<Caller>(*this, caller, std::move(stream)));
  core_.HandleCaller(reactor_.Now(), caller, listener, peer.ToString());
  Pump();
}

void ReverseServer::OnUdpCaller(CallerId caller, size_t listener, const std::string& source) {
  core_.HandleCaller(reactor_.Now(), caller, listener, source, CallerKind::kDatagrams);
  Pump();
}

void ReverseServer::OnCallerFailed(CallerId caller) {
  core_.HandleCallerGone(reactor_.Now(), caller);
  Pump();
}

void ReverseServer::OnLink(std::unique_ptr<net::TcpStream> stream, const net::SocketAddress& peer) {
  const LinkId link(++last_link_);
  links_.emplace(link, MakeLink(link, std::move(stream)));
  core_.HandleLink(reactor_.Now(), link, peer.ip().ToString());
  Pump();
}

std::unique_ptr<ReverseServer::Link> ReverseServer::MakeLink(
    LinkId id, std::unique_ptr<net::TcpStream> stream) {
  Link::Layers layers{*stream, nullptr, nullptr};
  if (options_.certificate == nullptr) {
    layers.stream = std::move(stream);
    return std::make_unique<Link>(*this, id, std::move(layers));
  }
  tls::TlsServerOptions options;
  options.certificate = options_.certificate;
  options.client_trust = options_.client_trust;
  options.alpn = {kAlpn};
  options.handshake_limit = options_.core.handshake_timeout;
  auto session = std::make_unique<tls::TlsSession>(options, reactor_, std::move(stream));
  if (options_.client_trust != nullptr) layers.session = session.get();
  layers.stream = std::move(session);
  return std::make_unique<Link>(*this, id, std::move(layers));
}

void ReverseServer::OnLinkReadable(LinkId link) {
  while (true) {
    const auto found = links_.find(link);
    if (found == links_.end()) return;
    if (const auto name = found->second->TakeName()) core_.HandleLinkName(link, *name);
    const LineLink::ReadResult result = found->second->lines.Read([this, link](ByteSpan bytes) {
      return core_.HandleLinkBytes(reactor_.Now(), link, bytes);
    });
    if (result == LineLink::ReadResult::kBlocked) return;
    if (result == LineLink::ReadResult::kEnded) core_.HandleLinkEnd(reactor_.Now(), link);
    Pump();
    if (result != LineLink::ReadResult::kTaken) return;
  }
}

void ReverseServer::OnLinkFailed(LinkId link) {
  core_.HandleLinkEnd(reactor_.Now(), link);
  Pump();
  OnLinkClosed(link);
}

void ReverseServer::OnLinkClosed(LinkId link) {
  const auto found = links_.find(link);
  if (found == links_.end()) return;
  reactor_.DeferDelete(std::move(found->second));
  links_.erase(found);
}

void ReverseServer::OnAlarm() {
  core_.HandleTimeout(reactor_.Now());
  Pump();
}

void ReverseServer::Pump() {
  if (std::exchange(pumping_, true)) return;
  while (auto event = core_.PollEvent()) {
    std::visit([this](const auto& one) { Apply(one); }, *event);
  }
  pumping_ = false;
  alarm_->ArmAt(core_.NextTimeout());
}

void ReverseServer::Apply(const SendLine& event) {
  const auto found = links_.find(event.link);
  if (found != links_.end()) found->second->lines.Send(event.text);
}

void ReverseServer::Apply(const EndLink& event) {
  const auto found = links_.find(event.link);
  if (found != links_.end()) found->second->lines.End();
}

void ReverseServer::Apply(const ResetCaller& event) {
  if (IsUdp(event.caller)) return;  // nobody to tell; its end follows
  const auto found = waiting_.find(event.caller);
  found->second->Reset(Status(StatusCode::kClosed, "not served"));
  reactor_.DeferDelete(std::move(found->second));
  waiting_.erase(found);
}

std::unique_ptr<net::TcpStream> ReverseServer::ReleaseCaller(CallerId id) {
  const auto caller = waiting_.find(id);
  std::unique_ptr<net::TcpStream> stream = caller->second->Release();
  reactor_.DeferDelete(std::move(caller->second));
  waiting_.erase(caller);
  return stream;
}

void ReverseServer::Apply(const StartRelay& event) {
  const auto link = links_.find(event.link);
  std::unique_ptr<link::ByteStream> data = link->second->lines.Release();
  net::TcpStream& tcp = link->second->tcp;
  reactor_.DeferDelete(std::move(link->second));
  links_.erase(link);
  const CallerId id = event.caller;
  net::TcpStream* const caller = IsUdp(id) ? nullptr : &waiting_.at(id)->stream();
  std::optional<PieceStream::Begun> sent;
  if (data != nullptr) sent = SendReply({*data, tcp}, event, caller);
  if (!sent) return core_.HandleLinkDead(reactor_.Now(), event);
  NotePaired(event.paired);
  if (caller == nullptr) return udp_->StartRelay(id, std::move(data));
  Joint::Ends ends{ReleaseCaller(id), std::move(data), sent->bytes};
  if (event.pieces) {
    auto pieces = std::make_unique<PieceStream>(reactor_, std::move(ends.b), *std::move(sent));
    ends.pieces = pieces.get();
    ends.b = std::move(pieces);
  }
  auto joint = std::make_unique<Joint>(reactor_, std::move(ends), relay_options_,
                                       [this, id](ReverseReason why) { OnRelayDone(id, why); });
  joints_.emplace(id, Joined{std::move(joint), tcp});
}

void ReverseServer::NotePaired(const ConnPaired& paired) {
  ++counters_.paired;
  if (paired.ahead) ++counters_.paired_ahead;
  counters_.pair_times.Add(paired.waited);
  log_.Write(paired);
}

void ReverseServer::Apply(const AbortRelay& event) {
  const Status why = Given(ReverseReason::kControlLost);
  if (IsUdp(event.caller)) return udp_->AbortRelay(event.caller, why);
  joints_.at(event.caller).joint->Abort(why);
}

void ReverseServer::OnRelayDone(CallerId caller, ReverseReason why) {
  core_.HandleRelayDone(reactor_.Now(), caller, why, KeepLink(caller, why));
  Pump();
}

std::optional<LinkId> ReverseServer::KeepLink(CallerId caller, ReverseReason why) {
  const auto found = joints_.find(caller);
  if (found == joints_.end() || why != ReverseReason::kDone) return std::nullopt;
  Link::Layers layers{found->second.tcp, found->second.joint->ReleaseConnection(), nullptr};
  if (layers.stream == nullptr) return std::nullopt;
  const LinkId link(++last_link_);
  links_.emplace(link, std::make_unique<Link>(*this, link, std::move(layers)));
  return link;
}

void ReverseServer::Apply(const StopListening& /*event*/) {
  ShutdownEvent(core_.active_count()).Write();
  callers_.clear();
  if (udp_ != nullptr) udp_->Refuse();
}

void ReverseServer::Apply(const ServerStopped& /*event*/) { on_stopped_(); }

void ReverseServer::Apply(const ClientUp& event) {
  if (counters_.reconnects < clients_lost_) ++counters_.reconnects;
  Link& link = *links_.at(event.link);
  link.tcp.LimitUnacknowledged(kControlSilence);
  link.lines.ReadAgain();  // what it sent while another client was probed
  log_.Write(event);
}

void ReverseServer::Apply(const ClientDown& event) {
  ++clients_lost_;
  log_.Write(event);
}

void ReverseServer::Apply(const ClientBusy& event) { log_.Write(reactor_.Now(), event); }

void ReverseServer::Apply(const ConnNew& event) {
  ++counters_.accepted;
  log_.Write(event);
}

void ReverseServer::Apply(const DataRejected& event) { log_.Write(reactor_.Now(), event); }

void ReverseServer::Apply(const ConnEnd& event) {
  counters_.CountEnd(event.reason);
  tunnel::RelayCounts counts;
  if (IsUdp(event.caller)) counts = udp_->End(event.caller);
  waiting_.erase(event.caller);  // of a link that was dead
  const auto joint = joints_.find(event.caller);
  if (joint != joints_.end()) {
    counts = joint->second.joint->counts();
    reactor_.DeferDelete(std::move(joint->second.joint));
    joints_.erase(joint);
  }
  counters_.bytes_in += counts.a_to_b;
  counters_.bytes_out += counts.b_to_a;
  log_.Write(event, counts);
}

}  // namespace ming::reverse
