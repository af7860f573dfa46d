#include "ming/ws/ws_server.h"

#include <glog/logging.h>
#include <libwebsockets.h>

#include <algorithm>
#include <list>
#include <map>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "ming/base/log_gate.h"
#include "ming/net/tcp_listener.h"
#include "ming/net/tcp_stream.h"
#include "ming/net/turn_end_hook.h"
#include "ming/ws/lws_connection.h"
#include "ming/ws/lws_engine.h"
#include "ming/ws/lws_request.h"
#include "ming/ws/ws_context.h"

namespace ming::ws {
namespace {

// What counts as one source: an IPv4 address, or the /64 of an IPv6 one.
std::string SourceOf(const net::SocketAddress& peer) {
  const IpAddress ip = peer.ip().Canonical();
  return std::string(ip.bytes().First(ip.is_v4() ? 4 : 8).AsText());
}

class LwsServer final : public WsServer, private LwsConnection::Keeper {
 public:
  LwsServer(LwsEngine& engine, const WsServerOptions& options, lws_vhost* vhost,
            Observer& observer);
  ~LwsServer() override;
  LwsServer(const LwsServer&) = delete;
  LwsServer& operator=(const LwsServer&) = delete;

  Status Listen();

  Port port() const override { return port_; }
  size_t connection_count() const override { return handshakes_.size() + open_.size(); }
  size_t handshake_count() const override { return handshakes_.size(); }
  void StopListening() override;

 private:
  // A socket from accept to the upgrade.
  class Handshake final : public LwsHandler {
   public:
    Handshake(LwsServer& server, const net::SocketAddress& peer, Timestamp deadline)
        : server_(server), peer_(peer), deadline_(deadline) {}

    int OnLwsEvent(lws* wsi, int reason, void* in, size_t size) override;

    LwsServer& server_;
    const net::SocketAddress peer_;
    const Timestamp deadline_;
    lws* wsi_ = nullptr;
    WsRequest request_;
    std::list<std::unique_ptr<Handshake>>::iterator position_;

   private:
    int OnUpgrade(lws* wsi, std::string_view protocol);
    int OnPlainRequest(lws* wsi);
  };
  struct Established {
    std::unique_ptr<LwsConnection> connection;
    WsRequest request;
  };

  void OnAccept(std::unique_ptr<net::TcpStream> stream, const net::SocketAddress& peer);
  void OnEstablished(Handshake& handshake);
  void RemoveHandshake(Handshake& handshake);
  void OnSocketGone(LwsConnection& connection) override;
  void DropLateHandshakes();
  Handshake& OldestOfTheGreediest();
  void Drop(Handshake& handshake);
  void Announce();

  LwsEngine& engine_;
  const WsServerOptions options_;
  const std::shared_ptr<const WsLimits> limits_;
  lws_vhost* const vhost_;
  Observer& observer_;
  std::unique_ptr<net::TcpListener> listener_;
  Port port_;
  std::list<std::unique_ptr<Handshake>> handshakes_;  // the oldest first
  std::map<std::string, size_t> handshake_sources_;   // how many of each SourceOf
  LogGate limit_lines_{{0.2, 20.0}};
  std::unordered_set<LwsConnection*> open_;  // sockets behind their upgrade
  std::list<Established> established_;       // not yet announced
  std::unique_ptr<link::Alarm> handshake_alarm_;
  net::TurnEndHook announce_;
};

LwsServer::LwsServer(LwsEngine& engine, const WsServerOptions& options, lws_vhost* vhost,
                     Observer& observer)
    : engine_(engine),
      options_(options),
      limits_(std::make_shared<const WsLimits>(options.limits)),
      vhost_(vhost),
      observer_(observer),
      handshake_alarm_(engine.reactor().CreateAlarm([this] { DropLateHandshakes(); })),
      announce_(engine.reactor(), [this] { Announce(); }) {}

LwsServer::~LwsServer() {
  StopListening();
  while (!handshakes_.empty()) Drop(*handshakes_.front());
  established_.clear();
  while (!open_.empty()) {
    (*open_.begin())->Abort(Status(StatusCode::kClosed, "the server stopped"));
  }
  engine_.DestroyServerVhost(vhost_);
}

Status LwsServer::Listen() {
  auto listener = net::TcpListener::Listen(
      engine_.reactor(), options_.listen, net::TcpListenOptions(),
      [this](std::unique_ptr<net::TcpStream> stream, const net::SocketAddress& peer) {
        OnAccept(std::move(stream), peer);
      });
  if (!listener.ok()) return listener.status();
  listener_ = *std::move(listener);
  port_ = listener_->port();
  return Status::Ok();
}

void LwsServer::StopListening() {
  if (listener_ == nullptr) return;
  listener_->StopAccepting();  // the listener may outlive us by a turn
  engine_.reactor().DeferDelete(std::move(listener_));
}

void LwsServer::OnAccept(std::unique_ptr<net::TcpStream> stream, const net::SocketAddress& peer) {
  const bool full = connection_count() >= options_.max_connections;
  if (full || handshakes_.size() >= options_.max_handshakes) {
    if (limit_lines_.Pass(engine_.reactor().Now())) {
      LOG(WARNING) << "WebSocket server: " << (full ? "connection" : "handshake")
                   << " limit reached, latest peer=" << peer << limit_lines_.TakeHeldBack();
    }
    if (handshakes_.empty()) return;
    Drop(OldestOfTheGreediest());
  }
  const Timestamp deadline = engine_.reactor().Now() + options_.handshake_timeout;
  handshakes_.push_back(std::make_unique<Handshake>(*this, peer, deadline));
  ++handshake_sources_[SourceOf(peer)];
  Handshake& handshake = *handshakes_.back();
  handshake.position_ = std::prev(handshakes_.end());
  engine_.NoteSocketOpened();
  if (!handshake_alarm_->armed()) handshake_alarm_->ArmAt(deadline);

  lws_adopt_desc_t adoption{};
  adoption.vh = vhost_;
  adoption.type =
      static_cast<lws_adoption_type>(LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP | LWS_ADOPT_ALLOW_SSL);
  adoption.fd.sockfd = stream->ReleaseSocket().Release();
  adoption.opaque = static_cast<LwsHandler*>(&handshake);
  lws* wsi = lws_adopt_descriptor_vhost_via_info(&adoption);
  engine_.Touch();
  // It closes the socket where it refuses, and may have told us already.
  const bool alive = !handshakes_.empty() && handshakes_.back().get() == &handshake;
  if (!alive) return;
  if (wsi == nullptr) {
    RemoveHandshake(handshake);
  } else {
    handshake.wsi_ = wsi;
  }
}

int LwsServer::Handshake::OnLwsEvent(lws* wsi, int reason, void* in, size_t /*size*/) {
  switch (reason) {
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
      return OnUpgrade(wsi, static_cast<const char*>(in));
    case LWS_CALLBACK_HTTP:
      return OnPlainRequest(wsi);
    case LWS_CALLBACK_ESTABLISHED:
      wsi_ = wsi;
      server_.OnEstablished(*this);
      return 0;
    case LWS_CALLBACK_WSI_DESTROY:
      server_.engine_.NoteSocketClosed();
      server_.RemoveHandshake(*this);
      return 0;
    default:
      return 0;
  }
}

int LwsServer::Handshake::OnUpgrade(lws* wsi, std::string_view protocol) {
  auto request = ReadRequest(wsi, peer_);
  if (!request.ok()) {
    WriteReply(wsi, {400, request.status().message()});
    return -1;
  }
  if (protocol != "websocket") {
    WriteReply(wsi, {426, "only WebSocket is spoken here"});
    return -1;
  }
  request_ = *std::move(request);
  const auto refusal = server_.observer_.CheckUpgrade(request_);
  if (!refusal) return 0;
  WriteReply(wsi, *refusal);
  return -1;
}

int LwsServer::Handshake::OnPlainRequest(lws* wsi) {
  auto request = ReadRequest(wsi, peer_);
  if (!request.ok()) {
    WriteReply(wsi, {400, request.status().message()});
  } else if (request->path.empty()) {  // the path of another method is another header
    WriteReply(wsi, {405, "only GET is understood here"});
  } else {
    WriteReply(wsi, server_.observer_.AnswerHttp(*request));
  }
  return -1;
}

void LwsServer::OnEstablished(Handshake& handshake) {
  LwsConnection::Keeper* const keeper = this;
  auto connection =
      std::make_unique<LwsConnection>(engine_, handshake.wsi_, limits_, handshake.peer_, keeper);
  open_.insert(connection.get());
  established_.push_back({std::move(connection), std::move(handshake.request_)});
  RemoveHandshake(handshake);
  announce_.Request();
}

LwsServer::Handshake& LwsServer::OldestOfTheGreediest() {
  const auto greediest =
      std::max_element(handshake_sources_.begin(), handshake_sources_.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  const auto oldest =
      std::find_if(handshakes_.begin(), handshakes_.end(), [&greediest](const auto& handshake) {
        return SourceOf(handshake->peer_) == greediest->first;
      });
  CHECK(oldest != handshakes_.end());
  return **oldest;
}

void LwsServer::RemoveHandshake(Handshake& handshake) {
  const auto source = handshake_sources_.find(SourceOf(handshake.peer_));
  if (--source->second == 0) handshake_sources_.erase(source);
  engine_.reactor().DeferDelete(std::move(*handshake.position_));
  handshakes_.erase(handshake.position_);
}

void LwsServer::OnSocketGone(LwsConnection& connection) { open_.erase(&connection); }

void LwsServer::DropLateHandshakes() {
  const Timestamp now = engine_.reactor().Now();
  while (!handshakes_.empty() && handshakes_.front()->deadline_ <= now) {
    VLOG(1) << "ws: no request in time from peer=" << handshakes_.front()->peer_;
    Drop(*handshakes_.front());
  }
  if (!handshakes_.empty()) handshake_alarm_->ArmAt(handshakes_.front()->deadline_);
}

void LwsServer::Drop(Handshake& handshake) {
  lws* wsi = handshake.wsi_;
  engine_.NoteSocketClosed();
  RemoveHandshake(handshake);
  engine_.DropSocket(wsi);
}

void LwsServer::Announce() {
  while (!established_.empty()) {
    Established next = std::move(established_.front());
    established_.pop_front();
    observer_.OnConnection(std::move(next.connection), next.request);
  }
}

}  // namespace

std::vector<std::string> Validate(const WsServerOptions& options) {
  std::vector<std::string> problems = Validate(options.limits);
  const auto require = [&](bool holds, const char* sentence) {
    if (!holds) problems.emplace_back(sentence);
  };
  require(options.max_connections >= 1 && options.max_connections <= 1'000'000,
          "the connection limit must be 1 to 1000000");
  require(options.max_handshakes >= 1 && options.max_handshakes <= options.max_connections,
          "the handshake limit must be 1 to the connection limit");
  require(options.handshake_timeout > Duration::zero() &&
              options.handshake_timeout <= std::chrono::seconds(120),
          "the handshake time must be positive and at most 2m");
  if (options.tls) {
    require(!options.tls->certificate_file.empty(), "the TLS certificate file is missing");
    require(!options.tls->key_file.empty(), "the TLS key file is missing");
  }
  return problems;
}

Result<std::unique_ptr<WsServer>> WsServer::Listen(WsContext& context,
                                                   const WsServerOptions& options,
                                                   Observer& observer) {
  const auto problems = Validate(options);
  CHECK(problems.empty()) << problems.front();
  LwsEngine& engine = context.engine();
  auto vhost = engine.CreateServerVhost(options.tls, options.limits.read_slice);
  if (!vhost.ok()) return vhost.status();
  auto server = std::make_unique<LwsServer>(engine, options, *vhost, observer);
  const Status listening = server->Listen();
  if (!listening.ok()) return listening;
  return std::unique_ptr<WsServer>(std::move(server));
}

}  // namespace ming::ws
