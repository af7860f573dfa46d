// Server and client of a reverse tunnel over loopback, with a target and callers in one loop.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ming/base/units.h"
#include "ming/net/reactor.h"
#include "ming/net/resolver.h"
#include "ming/net/system_random.h"
#include "ming/net/tcp_connector.h"
#include "ming/net/tcp_listener.h"
#include "ming/net/udp_socket.h"
#include "ming/net/unique_fd.h"
#include "ming/reverse/reverse_client.h"
#include "ming/reverse/reverse_server.h"
#include "ming/support/fd_leak_check.h"
#include "ming/support/stream_user.h"
#include "ming/tls/certificate.h"
#include "ming/tls/tls_trust.h"

namespace ming::reverse {
namespace {

using codec::ReverseReason;
using std::chrono::milliseconds;
using std::chrono::seconds;
using support::StreamUser;
using support::StreamUserPlan;

constexpr Duration kLimit = seconds(20);
constexpr uint64_t kCallerSeed = 1;
constexpr uint64_t kTargetSeed = 2;

class ReverseNetTest : public testing::Test {
 protected:
  ReverseNetTest() : resolver_(std::make_unique<net::Resolver>(reactor_)) {}

  // Callers, target and both ends go before the loop; what engines defer runs first.
  void TearDown() override {
    callers_.clear();
    targets_.clear();
    client_.reset();
    server_.reset();
    target_.reset();
    reactor_.RunUntil([] { return false; }, Duration::zero());
    resolver_.reset();
  }

  void StartTarget(const StreamUserPlan& plan) {
    auto target = net::TcpListener::Listen(
        reactor_, {"127.0.0.1", Port(0)}, {},
        [this, plan](std::unique_ptr<net::TcpStream> stream, const net::SocketAddress& /*peer*/) {
          targets_.push_back(std::make_unique<StreamUser>(reactor_, std::move(stream), plan,
                                                          kTargetSeed, kCallerSeed));
        });
    ASSERT_TRUE(target.ok()) << target.status().ToString();
    target_ = *std::move(target);
  }

  void StartServer(ReverseServerOptions options = {}) {
    options.callers = {HostPort{"127.0.0.1", Port(0)}};
    options.clients = HostPort{"127.0.0.1", Port(0)};
    auto server =
        ReverseServer::Start(reactor_, random_, options, [this] { server_stopped_ = true; });
    ASSERT_TRUE(server.ok()) << server.status().ToString();
    server_ = *std::move(server);
  }

  ReverseClientOptions ClientOptions() const {
    ReverseClientOptions options;
    options.server = HostPort{"127.0.0.1", server_->client_port()};
    options.target = HostPort{"127.0.0.1", target_ ? target_->port() : Port(1)};
    return options;
  }
  std::unique_ptr<ReverseClient> MakeClient(const ReverseClientOptions& options) {
    return std::make_unique<ReverseClient>(reactor_, *resolver_, random_, options,
                                           [this](ClientEnd end, const Status& why) {
                                             client_end_ = end;
                                             client_why_ = why;
                                           });
  }
  void StartClient() {
    client_ = MakeClient(ClientOptions());
    ASSERT_TRUE(RunUntil([this] { return client_->connected(); }));
  }

  void Call(const StreamUserPlan& plan) {
    connectors_.push_back(std::make_unique<net::TcpConnector>(
        reactor_, *resolver_, HostPort{"127.0.0.1", server_->caller_port(0)},
        net::TcpConnectOptions(), [this, plan](Result<std::unique_ptr<net::TcpStream>> stream) {
          ASSERT_TRUE(stream.ok()) << stream.status().ToString();
          callers_.push_back(std::make_unique<StreamUser>(reactor_, *std::move(stream), plan,
                                                          kCallerSeed, kTargetSeed));
        }));
  }
  bool CallersDone(size_t count) {
    if (callers_.size() < count) return false;
    for (const auto& caller : callers_) {
      if (!caller->done()) return false;
    }
    return true;
  }
  bool RunUntil(const std::function<bool()>& done) { return reactor_.RunUntil(done, kLimit); }
  bool Quiet() {
    return RunUntil([this] {
      const ReverseCounters counters = server_->counters();
      return counters.active == 0 && counters.pending == 0;
    });
  }

  support::FdLeakCheck leaks_;
  net::Reactor reactor_;
  std::unique_ptr<net::Resolver> resolver_;
  net::SystemRandom random_;
  std::unique_ptr<net::TcpListener> target_;
  std::unique_ptr<ReverseServer> server_;
  std::unique_ptr<ReverseClient> client_;
  std::vector<std::unique_ptr<net::TcpConnector>> connectors_;
  std::vector<std::unique_ptr<StreamUser>> callers_;
  std::vector<std::unique_ptr<StreamUser>> targets_;
  bool server_stopped_ = false;
  std::optional<ClientEnd> client_end_;
  Status client_why_;
};

StreamUserPlan Sends(uint64_t bytes) {
  StreamUserPlan plan;
  plan.send_bytes = bytes;
  return plan;
}

StreamUserPlan AnswersAfterEnd(uint64_t bytes) {
  StreamUserPlan plan = Sends(bytes);
  plan.answer_after_end = true;
  return plan;
}

TEST_F(ReverseNetTest, CarriesBothDirectionsOfManyCallers) {
  StartTarget(Sends(kMiB));
  StartServer();
  StartClient();
  constexpr size_t kCallers = 20;
  for (size_t i = 0; i < kCallers; ++i) Call(Sends(kMiB));
  ASSERT_TRUE(RunUntil([this] { return CallersDone(kCallers); }));
  for (const auto& caller : callers_) {
    EXPECT_TRUE(caller->intact());
    EXPECT_EQ(caller->received(), kMiB);
    EXPECT_FALSE(caller->error());
  }
  EXPECT_TRUE(Quiet());
  const ReverseCounters counters = server_->counters();
  EXPECT_EQ(counters.accepted, kCallers);
  EXPECT_EQ(counters.ended_for[static_cast<size_t>(ReverseReason::kDone)], kCallers);
  EXPECT_EQ(counters.bytes_in, kCallers * kMiB);
  EXPECT_EQ(counters.bytes_out, kCallers * kMiB);
}

TEST_F(ReverseNetTest, ServesCallersThroughConnectionsOpenedAhead) {
  StartTarget(Sends(30000));
  StartServer();
  ReverseClientOptions options = ClientOptions();
  options.core.ahead = 8;
  client_ = MakeClient(options);
  ASSERT_TRUE(RunUntil([this] { return server_->counters().ahead == 2; }));
  for (int round = 1; round <= 3; ++round) {
    for (int i = 0; i < 10; ++i) Call(Sends(20000));
    ASSERT_TRUE(RunUntil([&] { return CallersDone(static_cast<size_t>(round) * 10); }));
    for (const auto& caller : callers_) {
      EXPECT_TRUE(caller->intact());
      EXPECT_EQ(caller->received(), 30000u);
    }
    ASSERT_TRUE(Quiet());
    ASSERT_TRUE(RunUntil([this] { return server_->counters().ahead >= 2; })) << "refilled";
  }
  EXPECT_GE(server_->counters().paired_ahead, 6u);
  EXPECT_EQ(server_->counters().paired, 30u);
  EXPECT_EQ(client_->counters().paired_ahead, server_->counters().paired_ahead);
  EXPECT_LE(server_->counters().ahead, 8u);
  EXPECT_EQ(client_->counters().pending, 0u);
}

// What the kernel knows to be dead is found out before a byte of the caller is taken.
TEST_F(ReverseNetTest, ACallerOutlivesADeadConnectionAhead) {
  StartTarget(Sends(1000));
  StartServer();
  ReverseClientOptions options = ClientOptions();
  options.core.ahead = 8;
  client_ = MakeClient(options);
  ASSERT_TRUE(RunUntil([this] { return server_->counters().ahead == 2; }));
  Call(Sends(1000));
  client_.reset();  // everything is reset; the server has not looked yet
  client_ = MakeClient(options);
  ASSERT_TRUE(RunUntil([this] { return CallersDone(1); }));
  EXPECT_TRUE(callers_[0]->intact());
  EXPECT_EQ(callers_[0]->received(), 1000u);
  EXPECT_EQ(server_->counters().paired, 1u) << "a dead connection pairs nobody";
}

// A peer of our own that reads what has come in one call.
class RawPeer {
 public:
  explicit RawPeer(Port port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_storage storage{};
    const auto loopback = IpAddress::Parse("127.0.0.1");
    const socklen_t size = net::SocketAddress(*loopback, port).ToKernel(storage);
    EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&storage), size), 0);
  }
  void Send(const std::string& text) const {
    EXPECT_EQ(::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  // False: nothing yet.
  bool Receive() {
    std::array<char, 1024> buffer;
    const ssize_t count = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count > 0) last_.assign(buffer.data(), static_cast<size_t>(count));
    return count > 0;
  }
  const std::string& last() const { return last_; }

 private:
  net::UniqueFd fd_;
  std::string last_;
};

// Its client finds both in one read.
TEST_F(ReverseNetTest, TheReplyTakesTheFirstBytesOfTheCallerAlong) {
  StartServer();
  RawPeer control(server_->client_port());
  control.Send("RT1 CONTROL\n");
  ASSERT_TRUE(RunUntil([&] { return control.Receive(); }));
  RawPeer caller(server_->caller_port(0));
  caller.Send("hello");
  ASSERT_TRUE(RunUntil([&] { return control.Receive(); }));
  ASSERT_EQ(control.last().rfind("NEW_CONN ", 0), 0u) << control.last();
  RawPeer data(server_->client_port());
  data.Send("RT1 DATA " + control.last().substr(9, 32) + "\n");
  ASSERT_TRUE(RunUntil([&] { return data.Receive(); }));
  EXPECT_EQ(data.last(), "OK\nhello");
  EXPECT_EQ(server_->counters().bytes_in, 5u);
  caller.Send(" and more");
  ASSERT_TRUE(RunUntil([&] { return data.Receive(); }));
  EXPECT_EQ(data.last(), " and more");
  EXPECT_EQ(server_->counters().bytes_in, 14u);
}

// One that says nothing is not waited for.
TEST_F(ReverseNetTest, TheReplyToASilentCallerComesAtOnce) {
  StartServer();
  RawPeer control(server_->client_port());
  control.Send("RT1 CONTROL\n");
  ASSERT_TRUE(RunUntil([&] { return control.Receive(); }));
  RawPeer caller(server_->caller_port(0));
  ASSERT_TRUE(RunUntil([&] { return control.Receive(); }));
  RawPeer data(server_->client_port());
  data.Send("RT1 DATA " + control.last().substr(9, 32) + "\n");
  ASSERT_TRUE(RunUntil([&] { return data.Receive(); }));
  EXPECT_EQ(data.last(), "OK\n");
  data.Send("the target speaks");
  ASSERT_TRUE(RunUntil([&] { return caller.Receive(); }));
  EXPECT_EQ(caller.last(), "the target speaks");
}

TEST_F(ReverseNetTest, LetsTheTargetSpeakFirst) {
  StartTarget(Sends(100));
  StartServer();
  StartClient();
  StreamUserPlan silent;
  silent.end = StreamUserPlan::End::kAfterReading;
  Call(silent);
  ASSERT_TRUE(RunUntil([this] { return CallersDone(1); }));
  EXPECT_EQ(callers_[0]->received(), 100u);
}

TEST_F(ReverseNetTest, CarriesAnAnswerThatWaitsForTheEnd) {
  StartTarget(AnswersAfterEnd(kMiB));
  StartServer();
  StartClient();
  Call(Sends(kMiB));
  ASSERT_TRUE(RunUntil([this] { return CallersDone(1); }));
  EXPECT_EQ(callers_[0]->received(), kMiB);
  EXPECT_EQ(targets_[0]->received(), kMiB);
}

TEST_F(ReverseNetTest, ServesACallerThatEndedItsDirectionBeforeAClientCame) {
  StartTarget(AnswersAfterEnd(1000));
  StartServer();
  Call(Sends(1000));
  ASSERT_TRUE(RunUntil([this] { return callers_.size() == 1 && callers_[0]->sent() == 1000; }));
  StartClient();
  ASSERT_TRUE(RunUntil([this] { return CallersDone(1); }));
  EXPECT_EQ(callers_[0]->received(), 1000u);
  EXPECT_FALSE(callers_[0]->error());
}

TEST_F(ReverseNetTest, ResetsACallerWhoseTargetRefuses) {
  StartServer();
  StartClient();
  Call(Sends(10));
  ASSERT_TRUE(RunUntil([this] { return CallersDone(1); }));
  EXPECT_TRUE(callers_[0]->error());
  const auto refused = static_cast<size_t>(ReverseReason::kTargetRefused);
  EXPECT_EQ(server_->counters().ended_for[refused] +
                server_->counters().ended_for[static_cast<size_t>(ReverseReason::kReset)],
            1u);
  EXPECT_EQ(client_->counters().ended_for[refused], 1u);
}

TEST_F(ReverseNetTest, ResetsACallerThatNoClientServes) {
  ReverseServerOptions options;
  options.core.pair_timeout = milliseconds(20);
  StartServer(options);
  Call(Sends(10));
  ASSERT_TRUE(RunUntil([this] { return CallersDone(1); }));
  EXPECT_TRUE(callers_[0]->error());
  EXPECT_EQ(server_->counters().ended_for[static_cast<size_t>(ReverseReason::kPairTimeout)], 1u);
}

TEST_F(ReverseNetTest, ReturnsToAServerThatWasAway) {
  StartTarget(Sends(10));
  StartServer();
  ReverseClientOptions options = ClientOptions();
  options.core.reconnect.least = milliseconds(10);
  options.core.reconnect.most = milliseconds(20);
  const Port port = server_->client_port();
  server_.reset();
  int attempts = 0;
  auto deaf = net::TcpListener::Listen(
      reactor_, {"127.0.0.1", port}, {},
      [&attempts](std::unique_ptr<net::TcpStream> /*stream*/, const net::SocketAddress& /*peer*/) {
        ++attempts;  // and resets it
      });
  ASSERT_TRUE(deaf.ok()) << deaf.status().ToString();
  client_ = MakeClient(options);
  ASSERT_TRUE(RunUntil([&attempts] { return attempts >= 2; }));
  deaf->reset();
  ReverseServerOptions again;
  again.callers = {HostPort{"127.0.0.1", Port(0)}};
  again.clients = HostPort{"127.0.0.1", port};
  auto server = ReverseServer::Start(reactor_, random_, again, [] {});
  ASSERT_TRUE(server.ok()) << server.status().ToString();
  server_ = *std::move(server);
  ASSERT_TRUE(RunUntil([this] { return client_->connected(); }));
  Call(Sends(10));
  ASSERT_TRUE(RunUntil([this] { return CallersDone(1); }));
  EXPECT_EQ(callers_[0]->received(), 10u);
}

// Answers every datagram with itself, and keeps what was answered to it.
class UdpEcho final : private net::UdpSocket::Observer {
 public:
  UdpEcho(std::unique_ptr<net::UdpSocket> socket, bool echoes)
      : socket_(std::move(socket)), echoes_(echoes) {
    socket_->SetObserver(this);
  }
  net::UdpSocket& socket() { return *socket_; }
  std::vector<std::string> received;

 private:
  void OnDatagram(const net::SocketAddress& from, ByteSpan datagram) override {
    received.emplace_back(datagram.AsText());
    if (echoes_) socket_->SendTo(from, datagram);
  }
  void OnSendReady() override {}
  void OnPeerUnreachable(const Status& /*why*/) override {}

  const std::unique_ptr<net::UdpSocket> socket_;
  const bool echoes_;
};

TEST_F(ReverseNetTest, CarriesDatagramsOfEverySource) {
  const net::SocketAddress any(*IpAddress::Parse("127.0.0.1"), Port(0));
  auto bound = net::UdpSocket::Bind(reactor_, any, {});
  ASSERT_TRUE(bound.ok());
  UdpEcho target(*std::move(bound), true);
  ReverseServerOptions server;
  server.core.udp = true;
  server.udp.idle_timeout = milliseconds(200);
  StartServer(server);
  ReverseClientOptions options = ClientOptions();
  options.core.udp = true;
  options.target = HostPort{"127.0.0.1", target.socket().local_address().port()};
  client_ = MakeClient(options);
  const net::SocketAddress a(*IpAddress::Parse("127.0.0.1"), server_->caller_port(0));
  std::vector<std::unique_ptr<UdpEcho>> callers;
  const std::string longest(65507, 'z');
  for (int i = 0; i < 3; ++i) {
    auto socket = net::UdpSocket::Connect(reactor_, a, {});
    ASSERT_TRUE(socket.ok());
    callers.push_back(std::make_unique<UdpEcho>(*std::move(socket), false));
    callers.back()->socket().Send(ByteSpan(std::string(1, static_cast<char>('a' + i))));
    callers.back()->socket().Send(ByteSpan(std::string()));
  }
  callers[0]->socket().Send(ByteSpan(longest));
  ASSERT_TRUE(RunUntil([&callers] {
    return callers[0]->received.size() == 3 && callers[1]->received.size() == 2 &&
           callers[2]->received.size() == 2;
  }));
  EXPECT_EQ(callers[0]->received, (std::vector<std::string>{"a", "", longest}));
  EXPECT_EQ(callers[2]->received, (std::vector<std::string>{"c", ""}));
  EXPECT_EQ(server_->counters().accepted, 3u);
  EXPECT_EQ(server_->counters().datagrams.in, 7u);
  ASSERT_TRUE(Quiet());  // idle flows end
  EXPECT_EQ(server_->counters().ended_for[static_cast<size_t>(ReverseReason::kDone)], 3u);
  EXPECT_EQ(server_->counters().bytes_in, 3 + longest.size());
}

TEST_F(ReverseNetTest, KeepsTheFirstOfTwoClients) {
  StartServer();
  StartClient();
  ReverseClientOptions options = ClientOptions();
  options.core.reconnect.enabled = false;
  auto second = MakeClient(options);
  ASSERT_TRUE(RunUntil([this] { return client_end_.has_value(); }));
  EXPECT_EQ(*client_end_, ClientEnd::kServerLost);
  EXPECT_NE(client_why_.message().find("BUSY"), std::string::npos) << client_why_.ToString();
  EXPECT_TRUE(client_->connected());
}

TEST_F(ReverseNetTest, ReplacesTheFirstClientWhereAskedTo) {
  ReverseServerOptions options;
  options.core.second_client = SecondClient::kReplace;
  StartServer(options);
  StartClient();
  auto first = std::move(client_);
  client_ = MakeClient(ClientOptions());
  ASSERT_TRUE(RunUntil([this] { return client_end_ == ClientEnd::kReplaced; }));
  EXPECT_TRUE(RunUntil([this] { return client_->connected(); }));
}

TEST_F(ReverseNetTest, FinishesARunningTransferBeforeItStops) {
  StartTarget(Sends(4 * kMiB));
  StartServer();
  StartClient();
  Call(Sends(4 * kMiB));
  ASSERT_TRUE(RunUntil([this] { return !callers_.empty() && callers_[0]->received() > 0; }));
  server_->Stop();
  client_->Stop();
  ASSERT_TRUE(RunUntil([this] { return server_stopped_ && client_end_.has_value(); }));
  EXPECT_EQ(*client_end_, ClientEnd::kStopped);
  ASSERT_TRUE(RunUntil([this] { return CallersDone(1); }));
  EXPECT_EQ(callers_[0]->received(), 4 * kMiB);
  EXPECT_TRUE(callers_[0]->intact());
}

TEST_F(ReverseNetTest, ReachesTheTargetFirstWhereAskedTo) {
  StartTarget(AnswersAfterEnd(kMiB));
  StartServer();
  ReverseClientOptions options = ClientOptions();
  options.core.dial_first = true;
  client_ = MakeClient(options);
  ASSERT_TRUE(RunUntil([this] { return client_->connected(); }));
  Call(Sends(kMiB));
  ASSERT_TRUE(RunUntil([this] { return CallersDone(1); }));
  EXPECT_EQ(callers_[0]->received(), kMiB);
  EXPECT_TRUE(callers_[0]->intact());
}

TEST_F(ReverseNetTest, TellsTheTargetWhoTheCallerIs) {
  StreamUserPlan reads;
  reads.end = StreamUserPlan::End::kAfterReading;
  StartTarget(reads);
  StartServer();
  ReverseClientOptions options = ClientOptions();
  options.proxy_protocol = codec::ProxyVersion::k2;
  client_ = MakeClient(options);
  ASSERT_TRUE(RunUntil([this] { return client_->connected(); }));
  Call(Sends(0));
  ASSERT_TRUE(RunUntil([this] { return !targets_.empty() && targets_[0]->done(); }));
  EXPECT_EQ(targets_[0]->received(), 28u) << "a header over IPv4, and nothing else";
}

// Both ends with TLS; the server's certificate is its own authority.
class ReverseTlsTest : public ReverseNetTest {
 public:
  static std::shared_ptr<const tls::TlsTrust> Trust(const tls::Certificate& certificate) {
    return *tls::TlsTrust::FromPem(ByteSpan(std::string_view{certificate.pem()}));
  }

 protected:
  ReverseServerOptions SecureServer() const {
    ReverseServerOptions options;
    options.certificate = certificate_;
    return options;
  }
  ReverseClientOptions SecureClient() const {
    ReverseClientOptions options = ClientOptions();
    options.server_trust = Trust(*certificate_);
    options.server_name = "server.test";
    options.core.id = "home";
    return options;
  }
  // True: it is connected and serves; false: it was refused for good.
  bool Serves(const ReverseClientOptions& options) {
    client_ = MakeClient(options);
    EXPECT_TRUE(RunUntil([this] { return client_->connected() || client_end_.has_value(); }));
    if (client_end_) {
      EXPECT_EQ(*client_end_, ClientEnd::kRefused) << client_why_.ToString();
      return false;
    }
    Call(Sends(kMiB));
    EXPECT_TRUE(RunUntil([this] { return CallersDone(1); }));
    return callers_[0]->received() == kMiB && callers_[0]->intact();
  }

  const std::shared_ptr<const tls::Certificate> certificate_ =
      *tls::Certificate::SelfSigned("server.test");
};

TEST_F(ReverseTlsTest, CarriesBytesAndEnds) {
  StartTarget(AnswersAfterEnd(kMiB));
  StartServer(SecureServer());
  EXPECT_TRUE(Serves(SecureClient()));
  EXPECT_TRUE(Quiet());
}

TEST_F(ReverseTlsTest, LosesNoByteOfATargetThatSpeaksFirst) {
  StartTarget(Sends(kMiB));
  StartServer(SecureServer());
  EXPECT_TRUE(Serves(SecureClient()));
}

TEST_F(ReverseTlsTest, RefusesAServerOfAnotherAuthority) {
  StartServer(SecureServer());
  ReverseClientOptions options = SecureClient();
  options.server_trust = Trust(**tls::Certificate::SelfSigned("server.test"));
  EXPECT_FALSE(Serves(options));
}

TEST_F(ReverseTlsTest, RefusesAServerOfAnotherName) {
  StartServer(SecureServer());
  ReverseClientOptions options = SecureClient();
  options.server_name = "other.test";
  EXPECT_FALSE(Serves(options));
}

TEST_F(ReverseTlsTest, TakesAClientWhoseCertificateIsForItsId) {
  const auto home = *tls::Certificate::SelfSigned("home");
  StartTarget(Sends(kMiB));
  ReverseServerOptions server = SecureServer();
  server.client_trust = Trust(*home);
  StartServer(server);
  ReverseClientOptions options = SecureClient();
  options.certificate = home;
  EXPECT_TRUE(Serves(options));
}

TEST_F(ReverseTlsTest, RefusesAClientWhoseCertificateIsForAnotherId) {
  const auto office = *tls::Certificate::SelfSigned("office");
  ReverseServerOptions server = SecureServer();
  server.client_trust = Trust(*office);
  StartServer(server);
  ReverseClientOptions options = SecureClient();
  options.certificate = office;
  EXPECT_FALSE(Serves(options));
  EXPECT_NE(client_why_.message().find("AUTH"), std::string::npos) << client_why_.ToString();
}

TEST_F(ReverseTlsTest, RefusesAClientWithoutATrustedCertificate) {
  ReverseServerOptions server = SecureServer();
  server.client_trust = Trust(**tls::Certificate::SelfSigned("home"));
  StartServer(server);
  EXPECT_FALSE(Serves(SecureClient())) << "no certificate";
  client_end_.reset();
  ReverseClientOptions options = SecureClient();
  options.certificate = *tls::Certificate::SelfSigned("home");
  EXPECT_FALSE(Serves(options)) << "of another authority";
}

TEST_F(ReverseTlsTest, AClientWithoutTlsGetsNowhere) {
  StartServer(SecureServer());
  ReverseClientOptions options = ClientOptions();
  options.core.reconnect.enabled = false;
  client_ = MakeClient(options);
  ASSERT_TRUE(RunUntil([this] { return client_end_.has_value(); }));
  EXPECT_FALSE(client_->connected());
}

TEST_F(ReverseTlsTest, AHandshakeThatStallsEndsAtItsTimeout) {
  ReverseServerOptions server = SecureServer();
  server.core.handshake_timeout = milliseconds(30);
  StartServer(server);
  connectors_.push_back(std::make_unique<net::TcpConnector>(
      reactor_, *resolver_, HostPort{"127.0.0.1", server_->client_port()}, net::TcpConnectOptions(),
      [this](Result<std::unique_ptr<net::TcpStream>> stream) {
        ASSERT_TRUE(stream.ok());
        StreamUserPlan silent;
        silent.end = StreamUserPlan::End::kNever;
        callers_.push_back(std::make_unique<StreamUser>(reactor_, *std::move(stream), silent,
                                                        kCallerSeed, kTargetSeed));
      }));
  EXPECT_TRUE(RunUntil(
      [this] { return !callers_.empty() && (callers_[0]->read_end() || callers_[0]->error()); }));
}

TEST_F(ReverseTlsTest, TakesTheRightTokenOnly) {
  StartTarget(Sends(kMiB));
  ReverseServerOptions server = SecureServer();
  server.token = Secret("s3cret");
  StartServer(server);
  ReverseClientOptions options = SecureClient();
  EXPECT_FALSE(Serves(options)) << "no token";
  client_end_.reset();
  options.token = Secret("wrong");
  EXPECT_FALSE(Serves(options));
  client_end_.reset();
  options.token = Secret("s3cret");
  EXPECT_TRUE(Serves(options));
}

TEST_F(ReverseNetTest, AStalledCallerStopsTheTarget) {
  StartTarget(Sends(256 * kMiB));
  StartServer();
  StartClient();
  StreamUserPlan stalled;
  stalled.read_limit = 1;
  stalled.end = StreamUserPlan::End::kNever;
  Call(stalled);
  ASSERT_TRUE(RunUntil([this] { return !callers_.empty() && callers_[0]->received() > 0; }));
  // Still between two looks: everything between target and caller is full.
  uint64_t before = 0;
  while (std::exchange(before, targets_[0]->sent()) != targets_[0]->sent()) {
    reactor_.RunUntil([] { return false; }, milliseconds(50));
  }
  EXPECT_LT(targets_[0]->sent(), 64 * kMiB);
  callers_[0]->ResetNow();
  EXPECT_TRUE(Quiet());
}

}  // namespace
}  // namespace ming::reverse
