#include "ming/webrtc/turn_tls_bridge.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "ming/link/byte_stream.h"
#include "ming/net/tcp_connector.h"
#include "ming/tls/tls_session.h"

namespace ming::webrtc {
namespace {

constexpr size_t kChunkBytes = size_t{64} * 1024;

// Moves what `from` has and `to` takes. False when this direction has ended.
bool Move(link::ByteStream& from, link::ByteStream& to) {
  while (true) {
    const size_t room = to.WritableBytes();
    if (room == 0) return true;
    const link::ReadChunk chunk = from.Peek(std::min(room, kChunkBytes));
    switch (chunk.state) {
      case link::ReadState::kWouldBlock:
        return true;
      case link::ReadState::kEnd:
        to.CloseWrite();
        return false;
      case link::ReadState::kData:
        from.Consume(to.Write(chunk.bytes));
    }
  }
}

}  // namespace

// One connection of the engine and its way to the server.
class TurnTlsBridge::Connection final : private link::ByteStream::Observer {
 public:
  Connection(TurnTlsBridge& bridge, std::unique_ptr<net::TcpStream> engine)
      : bridge_(bridge), engine_(std::move(engine)) {
    engine_->SetObserver(this);
    connector_ = std::make_unique<net::TcpConnector>(
        bridge_.reactor_, bridge_.resolver_, bridge_.server_, net::TcpConnectOptions(),
        [this](Result<std::unique_ptr<net::TcpStream>> stream) { OnConnected(std::move(stream)); });
  }
  ~Connection() override {
    engine_->SetObserver(nullptr);
    if (server_) server_->SetObserver(nullptr);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

 private:
  void OnConnected(Result<std::unique_ptr<net::TcpStream>> stream) {
    if (!stream.ok()) return Fail(stream.status());
    tls::TlsClientOptions options;
    options.trust = bridge_.trust_;
    options.server_name = bridge_.server_.host;
    server_ =
        std::make_unique<tls::TlsSession>(options, bridge_.reactor_, std::move(stream).value());
    server_->SetObserver(this);
    MoveBoth();
  }

  void OnReadable() override { MoveBoth(); }
  void OnWritable() override { MoveBoth(); }
  void OnStreamError(const Status& why) override { Fail(why); }

  void MoveBoth() {
    if (!server_) return;
    if (to_server_open_) to_server_open_ = Move(*engine_, *server_);
    if (to_engine_open_) to_engine_open_ = Move(*server_, *engine_);
    if (!to_server_open_ && !to_engine_open_) bridge_.Remove(*this);
  }

  void Fail(const Status& why) {
    LOG_EVERY_N(WARNING, 20) << "TURN over TLS, " << bridge_.server_.ToString() << ": "
                             << why.message();
    bridge_.Remove(*this);
  }

  TurnTlsBridge& bridge_;
  std::unique_ptr<net::TcpStream> engine_;
  std::unique_ptr<net::TcpConnector> connector_;
  std::unique_ptr<tls::TlsSession> server_;
  bool to_server_open_ = true;
  bool to_engine_open_ = true;
};

Result<std::unique_ptr<TurnTlsBridge>> TurnTlsBridge::Start(
    net::Reactor& reactor, net::Resolver& resolver, const HostPort& server,
    std::shared_ptr<const tls::TlsTrust> trust) {
  std::unique_ptr<TurnTlsBridge> bridge(
      new TurnTlsBridge(reactor, resolver, server, std::move(trust)));
  TurnTlsBridge* self = bridge.get();
  auto listener = net::TcpListener::Listen(
      reactor, {"localhost", Port()}, net::TcpListenOptions(),
      [self](std::unique_ptr<net::TcpStream> stream, const net::SocketAddress& /*peer*/) {
        self->OnAccept(std::move(stream));
      });
  if (!listener.ok()) return listener.status().WithContext("TURN over TLS");
  bridge->listener_ = std::move(listener).value();
  return bridge;
}

TurnTlsBridge::TurnTlsBridge(net::Reactor& reactor, net::Resolver& resolver, const HostPort& server,
                             std::shared_ptr<const tls::TlsTrust> trust)
    : reactor_(reactor), resolver_(resolver), server_(server), trust_(std::move(trust)) {}

TurnTlsBridge::~TurnTlsBridge() = default;

void TurnTlsBridge::OnAccept(std::unique_ptr<net::TcpStream> stream) {
  if (connections_.size() >= kMaxConnections) return;
  connections_.push_back(std::make_unique<Connection>(*this, std::move(stream)));
}

void TurnTlsBridge::Remove(const Connection& connection) {
  const auto found =
      std::find_if(connections_.begin(), connections_.end(),
                   [&connection](const auto& owned) { return owned.get() == &connection; });
  if (found == connections_.end()) return;
  reactor_.DeferDelete(std::move(*found));
  connections_.erase(found);
}

}  // namespace ming::webrtc
