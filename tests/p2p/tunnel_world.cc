#include "tunnel_world.h"

#include <algorithm>

#include "ming/p2p/peer_session.h"
#include "ming/ws/ws_context.h"
#include "ming/ws/ws_url.h"

namespace ming::p2p {
namespace {

PeerAccess LoopbackPeers() {
  PeerAccess peer;
  peer.ice.loopback = ice::LoopbackUse::kAlways;
  peer.ice.interfaces = {"lo"};
  return peer;
}

}  // namespace

UdpEcho::UdpEcho(net::Reactor& reactor) {
  auto socket = net::UdpSocket::Bind(reactor, net::SocketAddress(*IpAddress::Parse("127.0.0.1")),
                                     net::UdpOptions());
  CHECK(socket.ok()) << socket.status().ToString();
  socket_ = std::move(*socket);
  socket_->SetObserver(this);
}

void UdpEcho::OnDatagram(const net::SocketAddress& from, ByteSpan datagram) {
  EXPECT_EQ(socket_->SendTo(from, datagram), net::UdpSendResult::kSent);
}

UdpSource::UdpSource(net::Reactor& reactor, const net::SocketAddress& where) {
  auto socket = net::UdpSocket::Connect(reactor, where, net::UdpOptions());
  CHECK(socket.ok()) << socket.status().ToString();
  socket_ = std::move(*socket);
  socket_->SetObserver(this);
}

void TunnelWorld::SetUpTestSuite() {
  struct Silent final : PeerSession::Observer {
    void OnPathState(SessionId /*session*/, PathState state, const Status& /*why*/) override {
      ended = state == PathState::kEnded;
    }
    void OnLocalCandidate(SessionId /*session*/, const Candidate& /*candidate*/) override {}
    void OnRemoteChannel(SessionId /*session*/, std::unique_ptr<link::MessageChannel> /*channel*/,
                         const std::string& /*label*/) override {}
    bool ended = false;
  } observer;
  net::Reactor reactor;
  auto services = TunnelServices::Create(reactor);
  CHECK(services.ok()) << services.status().ToString();
  PeerSessionOptions options;
  options.access = LoopbackPeers();
  options.connect_limit = options.session_timeout = kLimit;
  PeerSession session(SessionId(1), (*services)->peers(), options, "[warm-up] ", observer);
  CHECK(session.CreateOffer(webrtc::PeerConnection::OfferKind::kFirst).ok());
  session.Close();
  CHECK(reactor.RunUntil([&] { return observer.ended; }, kLimit));
}

TunnelWorld::TunnelWorld() {
  auto services = TunnelServices::Create(reactor_);
  CHECK(services.ok()) << services.status().ToString();
  services_ = std::move(*services);
  idle_watches_ = reactor_.watch_count();
  idle_alarms_ = reactor_.alarm_count();
}

TunnelWorld::~TunnelWorld() {
  apps_.clear();
  targets_.clear();
  target_listener_.reset();
  client_.reset();
  host_.reset();
  server_.reset();
  // Engines give some things back from the loop.
  const bool quiet = RunUntil(
      [this] {
        // One alarm more is RunUntil's own.
        return reactor_.watch_count() <= idle_watches_ &&
               reactor_.alarm_count() <= idle_alarms_ + 1 &&
               services_->websockets().socket_count() == 0;
      },
      std::chrono::seconds(10));
  EXPECT_TRUE(quiet) << reactor_.watch_count() << " watches of " << idle_watches_ << ", "
                     << reactor_.alarm_count() << " alarms of " << idle_alarms_ << ", "
                     << services_->websockets().socket_count() << " sockets";
  services_.reset();
  EXPECT_EQ(reactor_.watch_count(), 0U);
  EXPECT_EQ(reactor_.alarm_count(), 0U);
}

void TunnelWorld::StartServer(const std::vector<std::string>& tokens) {
  signaling::SignalingServerOptions options;
  options.listen = HostPort{"127.0.0.1", signaling_port_};
  for (const std::string& token : tokens) options.core.valid_tokens.emplace_back(token);
  auto server = signaling::SignalingServer::Start(reactor_, services_->websockets(), options);
  CHECK(server.ok()) << server.status().ToString();
  server_ = std::move(*server);
  signaling_port_ = server_->port();
}

TunnelHostOptions TunnelWorld::HostOptions() const {
  TunnelHostOptions options;
  options.signaling.url =
      *ws::ParseWsUrl("ws://127.0.0.1:" + std::to_string(signaling_port_.value()));
  options.id = "myhost";
  options.protocol = protocol_;
  options.peer = LoopbackPeers();
  options.tcp.remote = options.udp.remote = HostPort{"127.0.0.1", target_port_};
  return options;
}

TunnelClientOptions TunnelWorld::ClientOptions() const {
  TunnelClientOptions options;
  options.signaling = HostOptions().signaling;
  options.host_id = "myhost";
  options.protocol = protocol_;
  options.peer = LoopbackPeers();
  options.tcp.local = options.udp.local = HostPort{"127.0.0.1", Port(0)};
  return options;
}

void TunnelWorld::StartAll() {
  StartServer();
  StartHost();
  StartClient();
  ASSERT_TRUE(RunUntil([this] { return PathUp(); }));
}

void TunnelWorld::StartTarget(const support::StreamUserPlan& plan) {
  auto listener = net::TcpListener::Listen(
      reactor_, HostPort{"127.0.0.1", Port(0)}, net::TcpListenOptions(),
      [this, plan](std::unique_ptr<net::TcpStream> stream, const net::SocketAddress& /*peer*/) {
        targets_.push_back(
            std::make_unique<support::StreamUser>(reactor_, std::move(stream), plan, 2, 1));
      });
  CHECK(listener.ok()) << listener.status().ToString();
  target_listener_ = std::move(*listener);
  target_port_ = target_listener_->port();
}

App& TunnelWorld::Connect(const support::StreamUserPlan& plan) {
  apps_.push_back(std::make_unique<App>(reactor_, services_->resolver(), ClientAddress(), plan));
  return *apps_.back();
}

void TunnelWorld::CheckTransfer(uint64_t bytes, uint64_t expected) {
  const size_t before = targets_.size();
  App& app = Connect(Sends(bytes));
  ASSERT_TRUE(RunUntil([&] {
    return app.done() && (app.was_reset() || (targets_.size() > before && targets_.back()->done()));
  }));
  ASSERT_FALSE(app.was_reset());
  EXPECT_TRUE(app.received(expected));
  EXPECT_EQ(targets_.back()->received(), bytes);
  EXPECT_TRUE(targets_.back()->intact());
}

}  // namespace ming::p2p
