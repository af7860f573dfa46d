// TunnelWorld: a signaling server, hosts and clients of a tunnel in one loop, over loopback, with
// real ICE, DTLS and SCTP, and the targets and applications at their ends.
#ifndef MING_TESTS_P2P_TUNNEL_WORLD_H_
#define MING_TESTS_P2P_TUNNEL_WORLD_H_

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ming/base/ip_address.h"
#include "ming/base/time.h"
#include "ming/net/reactor.h"
#include "ming/net/resolver.h"
#include "ming/net/socket_address.h"
#include "ming/net/tcp_connector.h"
#include "ming/net/tcp_listener.h"
#include "ming/net/udp_socket.h"
#include "ming/p2p/tunnel_client.h"
#include "ming/p2p/tunnel_host.h"
#include "ming/p2p/tunnel_services.h"
#include "ming/signaling/signaling_server.h"
#include "ming/support/fd_leak_check.h"
#include "ming/support/stream_user.h"
#include "ming/webrtc/peer_connection.h"

namespace ming::p2p {

// Long beyond any need: a test that waits so long fails.
inline constexpr Duration kLimit = std::chrono::seconds(60);

inline support::StreamUserPlan Sends(
    uint64_t bytes,
    support::StreamUserPlan::End end = support::StreamUserPlan::End::kAfterSending) {
  support::StreamUserPlan plan;
  plan.send_bytes = bytes;
  plan.end = end;
  return plan;
}

// A host and what it says.
class HostProbe final : public TunnelHost::Observer {
 public:
  HostProbe(TunnelServices& services, const TunnelHostOptions& options)
      : tunnel(TunnelHost::Start(services, options, *this)) {}

  void OnRegistered() override { ++registered; }
  void OnHostEnded(TunnelEnd e, const Status& why) override {
    EXPECT_FALSE(end.has_value());
    end = e;
    end_why = why;
  }

  int registered = 0;
  std::optional<TunnelEnd> end;
  Status end_why;
  std::unique_ptr<TunnelHost> tunnel;
};

class ClientProbe final : public TunnelClient::Observer {
 public:
  ClientProbe(TunnelServices& services, const TunnelClientOptions& options) {
    auto started = TunnelClient::Start(services, options, *this);
    if (!started.ok()) {
      start_error = started.status();
      return;
    }
    tunnel = std::move(*started);
  }

  void OnPathUp() override { ++path_ups; }
  void OnPathDown(const Status& /*why*/) override { ++path_downs; }
  void OnClientEnded(TunnelEnd e, const Status& why) override {
    EXPECT_FALSE(end.has_value());
    end = e;
    end_why = why;
  }

  int path_ups = 0;
  int path_downs = 0;
  std::optional<TunnelEnd> end;
  Status end_why;
  Status start_error;
  std::unique_ptr<TunnelClient> tunnel;
};

// A TCP application: connects, then does as planned.
class App {
 public:
  App(net::Reactor& reactor, net::Resolver& resolver, const net::SocketAddress& where,
      const support::StreamUserPlan& plan)
      : connector_(reactor, resolver, HostPort{where.ip().ToString(), where.port()},
                   net::TcpConnectOptions(),
                   [this, &reactor, plan](Result<std::unique_ptr<net::TcpStream>> stream) {
                     if (!stream.ok()) {
                       connect_error_ = stream.status();
                       return;
                     }
                     user_ = std::make_unique<support::StreamUser>(reactor, std::move(*stream),
                                                                   plan, 1, 2);
                   }) {}

  // Null while connecting.
  support::StreamUser* user() const { return user_.get(); }
  bool refused() const { return connect_error_.has_value(); }
  bool done() const { return refused() || (user_ != nullptr && user_->done()); }
  // Also when the reset came before the connection was used.
  bool was_reset() const { return refused() || (user_ != nullptr && user_->error().has_value()); }
  bool received(uint64_t bytes) const {
    return user_ != nullptr && user_->received() == bytes && user_->intact();
  }

 private:
  std::optional<Status> connect_error_;
  std::unique_ptr<support::StreamUser> user_;
  net::TcpConnector connector_;
};

// Sends every datagram back to where it came from.
class UdpEcho final : private net::UdpSocket::Observer {
 public:
  explicit UdpEcho(net::Reactor& reactor);
  Port port() const { return socket_->local_address().port(); }

 private:
  void OnDatagram(const net::SocketAddress& from, ByteSpan datagram) override;
  void OnSendReady() override {}
  void OnPeerUnreachable(const Status& /*why*/) override {}

  std::unique_ptr<net::UdpSocket> socket_;
};

// A UDP application; keeps what comes.
class UdpSource final : private net::UdpSocket::Observer {
 public:
  UdpSource(net::Reactor& reactor, const net::SocketAddress& where);
  void Send(const std::string& datagram) {
    EXPECT_EQ(socket_->Send(ByteSpan(std::string_view(datagram))), net::UdpSendResult::kSent);
  }

  std::vector<std::string> received;

 private:
  void OnDatagram(const net::SocketAddress& /*from*/, ByteSpan datagram) override {
    received.emplace_back(datagram.AsText());
  }
  void OnSendReady() override {}
  void OnPeerUnreachable(const Status& /*why*/) override {}

  std::unique_ptr<net::UdpSocket> socket_;
};

class TunnelWorld : public ::testing::Test {
 public:
  ~TunnelWorld() override;

 protected:
  // The engines keep some descriptors for the life of the process: they are opened here.
  static void SetUpTestSuite();
  TunnelWorld();

  // On the port of the first call; `tokens` are the valid ones.
  void StartServer(const std::vector<std::string>& tokens = {});
  void KillServer() { server_.reset(); }
  // Options that reach the server and the target of this world.
  TunnelHostOptions HostOptions() const;
  TunnelClientOptions ClientOptions() const;
  void StartHost() { host_ = std::make_unique<HostProbe>(*services_, HostOptions()); }
  void StartClient() { client_ = std::make_unique<ClientProbe>(*services_, ClientOptions()); }
  // All three, until the path is up.
  void StartAll();

  // Everything that connects to the target does as planned.
  void StartTarget(const support::StreamUserPlan& plan);
  App& Connect(const support::StreamUserPlan& plan);

  net::SocketAddress ClientAddress() const {
    return *net::SocketAddress::Parse(client_->tunnel->local_addresses().front());
  }
  [[nodiscard]] bool RunUntil(const std::function<bool()>& done, Duration limit = kLimit) {
    return reactor_.RunUntil(done, limit);
  }
  // Runs for a while in which `never` must not come true.
  [[nodiscard]] bool HoldsOff(const std::function<bool()>& never) {
    return !reactor_.RunUntil(never, std::chrono::milliseconds(300));
  }
  bool ClientEnded() const { return client_->end.has_value(); }
  // A connection through the tunnel that ends well: `bytes` there and whatever the target sends.
  void CheckTransfer(uint64_t bytes, uint64_t expected);
  bool PathUp() const { return client_ && client_->path_ups > client_->path_downs; }

  support::FdLeakCheck fd_leak_check_;
  net::Reactor reactor_;
  // What the services themselves leave registered.
  size_t idle_watches_ = 0;
  size_t idle_alarms_ = 0;
  std::unique_ptr<TunnelServices> services_;
  TunnelProtocol protocol_ = TunnelProtocol::kTcp;
  Port signaling_port_;
  Port target_port_{1};  // nobody listens there
  std::unique_ptr<signaling::SignalingServer> server_;
  std::unique_ptr<HostProbe> host_;
  std::unique_ptr<ClientProbe> client_;
  std::unique_ptr<net::TcpListener> target_listener_;
  std::vector<std::unique_ptr<support::StreamUser>> targets_;
  std::vector<std::unique_ptr<App>> apps_;
};

}  // namespace ming::p2p

#endif  // MING_TESTS_P2P_TUNNEL_WORLD_H_
