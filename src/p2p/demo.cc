#include "ming/p2p/demo.h"

#include <algorithm>
#include <utility>

#include "ming/base/option_problems.h"
#include "ming/net/reactor.h"
#include "ming/net/tcp_connector.h"
#include "ming/net/tcp_listener.h"
#include "ming/p2p/demo_ends.h"
#include "ming/p2p/tunnel_client.h"
#include "ming/p2p/tunnel_host.h"
#include "ming/p2p/tunnel_services.h"
#include "ming/signaling/signaling_server.h"

namespace ming::p2p {
namespace {

constexpr Duration kProgressInterval = std::chrono::milliseconds(100);

HostPort AnyLoopbackPort() { return HostPort{"127.0.0.1", Port(0)}; }

PeerAccess LoopbackPeers() {
  PeerAccess peer;
  peer.ice.loopback = ice::LoopbackUse::kAlways;
  peer.ice.interfaces = {"lo"};
  return peer;
}

std::string HostIdFor(TunnelProtocol protocol) {
  return "demo-" + std::string(TunnelProtocolName(protocol));
}

class DemoImpl final : public Demo, private TunnelClient::Observer, private TunnelHost::Observer {
 public:
  DemoImpl(TunnelServices& services, const DemoOptions& options, Demo::Observer& observer);

 private:
  // Server, targets and hosts; the clients follow when the hosts are registered.
  Status Prepare();
  std::unique_ptr<TunnelHost> StartHost(TunnelProtocol protocol, Port target);
  Result<std::unique_ptr<TunnelClient>> StartClient(TunnelProtocol protocol);
  Status StartClients();
  SignalingAccess ServerAccess() const;

  void BeginPhase(DemoPhase phase);
  void FinishPhase();
  void ConnectApplication();
  void OnApplicationConnected(Result<std::unique_ptr<net::TcpStream>> stream);
  void OnTargetConnected(std::unique_ptr<net::TcpStream> stream);
  void StartDatagrams();
  // One of the ends is done or has failed.
  void OnEndChanged();
  void CheckTransfer();
  void CheckRoundTrips();
  void CheckDatagrams();
  void DropEnds();

  uint64_t PhaseDone() const;
  uint64_t PhaseTotal() const;
  DemoProgress Progress(bool finished) const;
  void OnProgressDue();
  void Finish(const Status& result);

  void OnPathUp() override;
  void OnPathDown(const Status& why) override { Finish(why.WithContext("the path was lost")); }
  void OnClientEnded(TunnelEnd /*end*/, const Status& why) override {
    Finish(why.WithContext("the client ended"));
  }
  void OnRegistered() override;
  void OnHostEnded(TunnelEnd /*end*/, const Status& why) override {
    Finish(why.WithContext("the host ended"));
  }

  net::Reactor& reactor() const { return services_.reactor(); }

  TunnelServices& services_;
  const DemoOptions options_;
  Demo::Observer& observer_;
  DemoReport report_;
  bool finished_ = false;
  DemoPhase phase_ = DemoPhase::kConnecting;
  Timestamp phase_began_;
  int registrations_ = 0;

  std::unique_ptr<signaling::SignalingServer> server_;
  std::unique_ptr<TunnelHost> tcp_host_;
  std::unique_ptr<TunnelHost> udp_host_;
  std::unique_ptr<TunnelClient> tcp_client_;
  std::unique_ptr<TunnelClient> udp_client_;

  std::unique_ptr<net::TcpListener> target_listener_;
  std::unique_ptr<net::TcpConnector> connector_;
  std::unique_ptr<TransferEnd> application_;
  std::unique_ptr<TransferEnd> target_;
  std::unique_ptr<EchoEnd> echo_;
  std::unique_ptr<RoundTripper> round_tripper_;
  std::unique_ptr<DatagramEcho> datagram_echo_;
  std::unique_ptr<DatagramCounter> datagrams_;

  Status early_failure_;
  std::unique_ptr<link::Alarm> failure_alarm_;
  std::unique_ptr<link::Alarm> progress_alarm_;
  std::unique_ptr<link::Alarm> limit_alarm_;
};

DemoImpl::DemoImpl(TunnelServices& services, const DemoOptions& options, Demo::Observer& observer)
    : services_(services),
      options_(options),
      observer_(observer),
      phase_began_(services.reactor().Now()),
      failure_alarm_(reactor().CreateAlarm([this] { Finish(early_failure_); })),
      progress_alarm_(reactor().CreateAlarm([this] { OnProgressDue(); })),
      limit_alarm_(reactor().CreateAlarm([this] {
        Finish(Status(StatusCode::kTimeout,
                      "not done in time: " + std::string(DemoPhaseName(phase_))));
      })) {
  progress_alarm_->ArmAt(phase_began_ + kProgressInterval);
  limit_alarm_->ArmAt(phase_began_ + options.time_limit);
  early_failure_ = Prepare();
  if (!early_failure_.ok()) failure_alarm_->ArmAt(phase_began_);
}

Status DemoImpl::Prepare() {
  signaling::SignalingServerOptions options;
  options.listen = AnyLoopbackPort();
  auto server = signaling::SignalingServer::Start(reactor(), services_.websockets(), options);
  if (!server.ok()) return server.status();
  server_ = std::move(*server);

  auto listener = net::TcpListener::Listen(
      reactor(), AnyLoopbackPort(), net::TcpListenOptions(),
      [this](std::unique_ptr<net::TcpStream> stream, const net::SocketAddress& /*peer*/) {
        OnTargetConnected(std::move(stream));
      });
  if (!listener.ok()) return listener.status();
  target_listener_ = std::move(*listener);
  auto echo = DatagramEcho::Create(reactor());
  if (!echo.ok()) return echo.status();
  datagram_echo_ = std::move(*echo);

  tcp_host_ = StartHost(TunnelProtocol::kTcp, target_listener_->port());
  udp_host_ = StartHost(TunnelProtocol::kUdp, datagram_echo_->port());
  return Status::Ok();
}

SignalingAccess DemoImpl::ServerAccess() const {
  SignalingAccess access;
  access.url.endpoint = HostPort{"127.0.0.1", server_->port()};
  return access;
}

std::unique_ptr<TunnelHost> DemoImpl::StartHost(TunnelProtocol protocol, Port target) {
  TunnelHostOptions options;
  options.signaling = ServerAccess();
  options.id = HostIdFor(protocol);
  options.protocol = protocol;
  options.peer = LoopbackPeers();
  options.tcp.remote = options.udp.remote = HostPort{"127.0.0.1", target};
  return TunnelHost::Start(services_, options, *this);
}

Result<std::unique_ptr<TunnelClient>> DemoImpl::StartClient(TunnelProtocol protocol) {
  TunnelClientOptions options;
  options.signaling = ServerAccess();
  options.host_id = HostIdFor(protocol);
  options.protocol = protocol;
  options.peer = LoopbackPeers();
  options.tcp.local = options.udp.local = AnyLoopbackPort();
  return TunnelClient::Start(services_, options, *this);
}

Status DemoImpl::StartClients() {
  auto tcp = StartClient(TunnelProtocol::kTcp);
  if (!tcp.ok()) return tcp.status();
  tcp_client_ = std::move(*tcp);
  auto udp = StartClient(TunnelProtocol::kUdp);
  if (!udp.ok()) return udp.status();
  udp_client_ = std::move(*udp);
  return Status::Ok();
}

void DemoImpl::OnRegistered() {
  if (++registrations_ != 2) return;
  const Status started = StartClients();
  if (!started.ok()) Finish(started);
}

void DemoImpl::OnPathUp() {
  if (phase_ != DemoPhase::kConnecting) return;
  const auto connected = [](const std::unique_ptr<TunnelClient>& client) {
    return client->GetStatus().state == ClientState::kConnected;
  };
  if (connected(tcp_client_) && connected(udp_client_)) FinishPhase();
}

void DemoImpl::BeginPhase(DemoPhase phase) {
  phase_ = phase;
  phase_began_ = reactor().Now();
  switch (phase) {
    case DemoPhase::kConnecting:
      break;
    case DemoPhase::kToHost:
    case DemoPhase::kToClient:
    case DemoPhase::kRoundTrips:
      ConnectApplication();
      break;
    case DemoPhase::kDatagrams:
      StartDatagrams();
      break;
  }
}

void DemoImpl::FinishPhase() {
  observer_.OnDemoProgress(Progress(true));
  DropEnds();
  switch (phase_) {
    case DemoPhase::kConnecting:
      BeginPhase(DemoPhase::kToHost);
      break;
    case DemoPhase::kToHost:
      BeginPhase(DemoPhase::kToClient);
      break;
    case DemoPhase::kToClient:
      BeginPhase(DemoPhase::kRoundTrips);
      break;
    case DemoPhase::kRoundTrips:
      BeginPhase(DemoPhase::kDatagrams);
      break;
    case DemoPhase::kDatagrams:
      Finish(Status::Ok());
      break;
  }
}

void DemoImpl::ConnectApplication() {
  const auto where = ParseHostPort(tcp_client_->local_addresses().front());
  CHECK(where.ok()) << where.status().ToString();
  connector_ = std::make_unique<net::TcpConnector>(
      reactor(), services_.resolver(), *where, net::TcpConnectOptions(),
      [this](Result<std::unique_ptr<net::TcpStream>> stream) {
        OnApplicationConnected(std::move(stream));
      });
}

void DemoImpl::OnApplicationConnected(Result<std::unique_ptr<net::TcpStream>> stream) {
  if (!stream.ok()) return Finish(stream.status());
  if (phase_ == DemoPhase::kRoundTrips) {
    round_tripper_ = std::make_unique<RoundTripper>(
        reactor(), std::move(*stream), options_.round_trips, [this] { OnEndChanged(); });
    return;
  }
  const uint64_t bytes = phase_ == DemoPhase::kToHost ? options_.tcp_bytes : 0;
  application_ = std::make_unique<TransferEnd>(reactor(), std::move(*stream), bytes,
                                               [this] { OnEndChanged(); });
}

void DemoImpl::OnTargetConnected(std::unique_ptr<net::TcpStream> stream) {
  if (phase_ == DemoPhase::kRoundTrips) {
    echo_ = std::make_unique<EchoEnd>(reactor(), std::move(stream));
    return;
  }
  const uint64_t bytes = phase_ == DemoPhase::kToClient ? options_.tcp_bytes : 0;
  target_ = std::make_unique<TransferEnd>(reactor(), std::move(stream), bytes,
                                          [this] { OnEndChanged(); });
}

void DemoImpl::StartDatagrams() {
  const auto where = net::SocketAddress::Parse(udp_client_->local_addresses().front());
  CHECK(where.has_value());
  auto counter = DatagramCounter::Create(
      reactor(), *where, {options_.datagrams, options_.datagram_bytes}, [this] { OnEndChanged(); });
  if (!counter.ok()) return Finish(counter.status());
  datagrams_ = std::move(*counter);
}

void DemoImpl::OnEndChanged() {
  switch (phase_) {
    case DemoPhase::kConnecting:
      break;
    case DemoPhase::kToHost:
    case DemoPhase::kToClient:
      CheckTransfer();
      break;
    case DemoPhase::kRoundTrips:
      CheckRoundTrips();
      break;
    case DemoPhase::kDatagrams:
      CheckDatagrams();
      break;
  }
}

void DemoImpl::CheckTransfer() {
  for (const TransferEnd* end : {application_.get(), target_.get()}) {
    if (end != nullptr && !end->error().ok()) {
      return Finish(end->error().WithContext(DemoPhaseName(phase_)));
    }
  }
  if (application_ == nullptr || target_ == nullptr || !application_->done() || !target_->done()) {
    return;
  }
  const bool to_host = phase_ == DemoPhase::kToHost;
  const TransferEnd& sender = to_host ? *application_ : *target_;
  const TransferEnd& receiver = to_host ? *target_ : *application_;
  (to_host ? report_.bytes_to_host : report_.bytes_to_client) = receiver.received();
  (to_host ? report_.sha256_to_host : report_.sha256_to_client) = receiver.received_digest();
  (to_host ? report_.time_to_host : report_.time_to_client) = reactor().Now() - phase_began_;
  if (receiver.received() != options_.tcp_bytes ||
      receiver.received_digest() != sender.sent_digest()) {
    return Finish(Status(StatusCode::kInternal, std::string(DemoPhaseName(phase_)) +
                                                    ": what arrived is not what was sent"));
  }
  report_.path = tcp_client_->GetStatus().path;
  FinishPhase();
}

void DemoImpl::CheckRoundTrips() {
  if (!round_tripper_->error().ok()) {
    return Finish(round_tripper_->error().WithContext(DemoPhaseName(phase_)));
  }
  report_.round_trip_time = round_tripper_->Median();
  FinishPhase();
}

void DemoImpl::CheckDatagrams() {
  report_.datagrams_sent = datagrams_->sent();
  report_.datagrams_returned = datagrams_->returned();
  report_.datagrams_damaged = datagrams_->damaged();
  report_.time_of_datagrams = reactor().Now() - phase_began_;
  if (report_.datagrams_damaged > 0 || report_.datagrams_returned != options_.datagrams) {
    return Finish(Status(StatusCode::kInternal,
                         "of " + std::to_string(options_.datagrams) + " datagrams " +
                             std::to_string(report_.datagrams_returned) + " came back, and " +
                             std::to_string(report_.datagrams_damaged) + " were damaged"));
  }
  FinishPhase();
}

void DemoImpl::DropEnds() {
  // One of them may be calling.
  reactor().DeferDelete(std::move(application_));
  reactor().DeferDelete(std::move(target_));
  reactor().DeferDelete(std::move(echo_));
  reactor().DeferDelete(std::move(round_tripper_));
  reactor().DeferDelete(std::move(datagrams_));
  reactor().DeferDelete(std::move(connector_));
}

uint64_t DemoImpl::PhaseDone() const {
  const auto received = [](const std::unique_ptr<TransferEnd>& end) {
    return end == nullptr ? 0 : end->received();
  };
  switch (phase_) {
    case DemoPhase::kConnecting:
      return 0;
    case DemoPhase::kToHost:
      return received(target_);
    case DemoPhase::kToClient:
      return received(application_);
    case DemoPhase::kRoundTrips:
      return round_tripper_ == nullptr ? 0 : round_tripper_->done_rounds();
    case DemoPhase::kDatagrams:
      return datagrams_ == nullptr ? 0 : datagrams_->returned();
  }
  return 0;
}

uint64_t DemoImpl::PhaseTotal() const {
  switch (phase_) {
    case DemoPhase::kConnecting:
      return 1;
    case DemoPhase::kToHost:
    case DemoPhase::kToClient:
      return options_.tcp_bytes;
    case DemoPhase::kRoundTrips:
      return options_.round_trips;
    case DemoPhase::kDatagrams:
      return options_.datagrams;
  }
  return 1;
}

DemoProgress DemoImpl::Progress(bool finished) const {
  DemoProgress progress;
  progress.phase = phase_;
  progress.total = PhaseTotal();
  progress.done = finished ? progress.total : PhaseDone();
  progress.elapsed = reactor().Now() - phase_began_;
  progress.finished = finished;
  return progress;
}

void DemoImpl::OnProgressDue() {
  observer_.OnDemoProgress(Progress(false));
  progress_alarm_->ArmAt(reactor().Now() + kProgressInterval);
}

void DemoImpl::Finish(const Status& result) {
  if (std::exchange(finished_, true)) return;
  progress_alarm_->Cancel();
  limit_alarm_->Cancel();
  observer_.OnDemoDone(result, report_);
}

}  // namespace

Status DemoOptions::Validate() const {
  OptionProblems problems;
  problems.Range("tcp_bytes", tcp_bytes, 1, uint64_t{1} << 40);
  problems.Range("datagrams", datagrams, 1, 1'000'000'000);
  problems.Range("datagram_bytes", datagram_bytes, 16, 16384);
  problems.Range("round_trips", round_trips, 1, 1'000'000);
  problems.Range("time_limit", time_limit, std::chrono::seconds(1), std::chrono::hours(24));
  return problems.ToStatus();
}

std::string_view DemoPhaseName(DemoPhase phase) {
  switch (phase) {
    case DemoPhase::kConnecting:
      return "connecting";
    case DemoPhase::kToHost:
      return "TCP to the host";
    case DemoPhase::kToClient:
      return "TCP to the client";
    case DemoPhase::kRoundTrips:
      return "round trips";
    case DemoPhase::kDatagrams:
      return "UDP there and back";
  }
  return "unknown";
}

std::string DemoNextSteps(std::string_view program) {
  const std::string ming(program);
  return "# On a machine that both others reach; it only introduces them (TCP port 8080):\n" +
         ming +
         " server\n"
         "# Beside the service, here a web server on port 80:\n" +
         ming +
         " host --signal ws://SERVER:8080 --id myhost --remote localhost:80\n"
         "# Where the service is wanted; then open http://localhost:8000/ there:\n" +
         ming +
         " client --signal ws://SERVER:8080 --id myhost --local localhost:8000\n"
         "# For UDP add --protocol udp to host and client. To keep strangers out:\n"
         "# --valid-tokens SECRET for the server, --token SECRET for host and client.\n";
}

std::unique_ptr<Demo> Demo::Start(TunnelServices& services, const DemoOptions& options,
                                  Observer& observer) {
  const Status valid = options.Validate();
  CHECK(valid.ok()) << valid.message();
  return std::make_unique<DemoImpl>(services, options, observer);
}

}  // namespace ming::p2p
