#include "ming/ice/ice_agent.h"

#include <fcntl.h>
#include <glog/logging.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <list>
#include <string>
#include <utility>
#include <variant>

#include "ming/codec/packet_demux.h"
#include "ming/ice/engine_agent.h"
#include "ming/ice/local_addresses.h"
#include "ming/ice/stun_fanout.h"
#include "ming/ice/udp_path.h"
#include "ming/net/datagram_batch.h"
#include "ming/net/turn_end_hook.h"
#include "ming/net/unique_fd.h"

namespace ming::ice {
namespace {

// What waits for the end of the turn, or for a full socket buffer. An SCTP send buffer's worth:
// more would only age here.
constexpr size_t kMaxBatchBytes = size_t{4} * 1024 * 1024;

// What the engine reported, until the loop gets to it.
struct StateEvent {
  IceState state;
};
struct CandidateEvent {
  codec::IceCandidate candidate;
};
struct GatheringDoneEvent {};
struct PairEvent {
  SelectedPair pair;
};
struct ClosedEvent {};
using Event = std::variant<StateEvent, CandidateEvent, GatheringDoneEvent, PairEvent, ClosedEvent>;

// Direct paths get a head start, and so do cheaper relays (IceOptions::relay_head_start).
enum class RelayUse { kWait, kAll, kNone };

struct Relay {
  codec::IceServer server;
  std::vector<net::SocketAddress> addresses;
};

}  // namespace

// libnice may be called from the loop and from our own callers, but not from inside its callbacks:
// those only note what happened (datagrams excepted, which go straight up), and the turn-end hook
// reports it. Calls that an observer of a datagram makes wait for that hook as well.
class IceAgent::Impl final : private EngineAgent::Observer, private UdpPath::Observer {
 public:
  Impl(const IceServices& services, const IceOptions& options, IceRole role,
       IceAgent::Observer& observer);
  ~Impl() override;

  Status Start();
  void SetRemoteCredentials(const codec::IceCredentials& credentials);
  Status AddRemoteCandidate(const codec::IceCandidate& candidate);
  void SetRemoteCandidatesDone();
  void SendDatagram(ByteSpan datagram);
  void Close();

  const codec::IceCredentials& local_credentials() const { return credentials_; }
  const std::vector<codec::IceCandidate>& local_candidates() const { return local_candidates_; }
  bool local_candidates_done() const { return candidates_done_; }
  const std::optional<SelectedPair>& selected_pair() const { return pair_; }
  IceStats stats() const;

 private:
  void OnEngineState(IceState state) override { Queue(StateEvent{state}); }
  void OnEngineCandidate(codec::IceCandidate candidate) override;
  void OnEngineGatheringDone() override { Queue(GatheringDoneEvent{}); }
  void OnEnginePair(const SelectedPair& pair) override { Queue(PairEvent{pair}); }
  void OnEngineDatagram(ByteSpan datagram) override;
  void OnEngineClosed() override { Queue(ClosedEvent{}); }

  void OnPathWritable() override { flush_hook_.Request(); }
  void OnPathDatagram(ByteSpan datagram) override;
  void OnPathDatagramsDone() override;
  bool OnEngineDatagramWaits() override;

  Status AddLocalAddresses();
  void AddServers();
  void StartStun(const std::vector<HostPort>& servers);
  void ResolveTurn(const codec::IceServer& server);
  void AddRelays();
  void AddTurn(const codec::IceServer& server, const std::vector<net::SocketAddress>& addresses);
  std::optional<codec::IceServerTransport> RelayTransport() const;
  bool HasTurn() const;
  std::vector<net::SocketAddress> HostSockets() const;

  void Queue(Event event);
  void RunEngine(std::function<void()> command);
  void OnTurnEnd();
  void Report(Event event);
  void ReportGatheringDone();
  void LeaveRelays();
  void PinAgain(const codec::IceCandidate& candidate);
  void UsePair(const SelectedPair& pair);
  void UseSocket(int fd);
  void LeaveSocket();
  void Deliver(ByteSpan datagram);
  void Flush();

  const IceServices services_;
  const IceOptions options_;
  IceAgent::Observer& observer_;
  EngineAgent engine_;
  LocalFamilies families_;
  codec::LoopbackCandidates loopback_ = codec::LoopbackCandidates::kRefuse;
  codec::IceCredentials credentials_;
  std::vector<codec::IceCandidate> local_candidates_;
  size_t remote_candidates_ = 0;
  bool starting_ = false;
  bool closing_ = false;
  bool in_engine_ = false;  // inside a callback of libnice, or of the path
  bool gathering_ = false;
  bool candidates_done_ = false;
  size_t pending_lookups_ = 0;
  std::vector<net::SocketAddress> tls_bridges_;  // where libnice finds TURN servers over TLS
  IceState state_ = IceState::kNew;
  std::optional<SelectedPair> pair_;
  // Lists, as a deque takes half a kilobyte while it is empty.
  std::list<Event> events_;
  std::list<std::function<void()>> commands_;
  net::DatagramBatch batch_;
  IceStats stats_;
  std::unique_ptr<UdpPath> path_;     // null: relayed, or no pair yet
  int path_fd_ = -1;                  // the engine's, which path_ reads in its place
  std::unique_ptr<StunFanout> stun_;  // null: not asked, or all is known
  RelayUse relay_use_ = RelayUse::kWait;
  std::vector<Relay> relays_;  // resolved, not yet in use
  std::vector<std::unique_ptr<net::Resolver::Request>> lookups_;
  net::TurnEndHook flush_hook_;
  net::TurnEndHook event_hook_;
  std::unique_ptr<link::Alarm> relay_alarm_;
};

IceAgent::Impl::Impl(const IceServices& services, const IceOptions& options, IceRole role,
                     IceAgent::Observer& observer)
    : services_(services),
      options_(options),
      observer_(observer),
      engine_(services.glib, options, role, *this),
      flush_hook_(services.reactor, [this] { Flush(); }),
      event_hook_(services.reactor, [this] { OnTurnEnd(); }),
      relay_alarm_(services.reactor.CreateAlarm([this] { AddRelays(); })) {
  const Status valid = Validate(options_);
  CHECK(valid.ok()) << valid.ToString();
}

IceAgent::Impl::~Impl() {
  if (!closing_) Flush();
  LeaveSocket();
}

Status IceAgent::Impl::Start() {
  Status addresses = AddLocalAddresses();
  if (!addresses.ok()) return addresses;
  AddServers();
  starting_ = true;
  gathering_ = true;
  const bool gathered = engine_.Gather();
  starting_ = false;
  if (!gathered) {
    return Status(StatusCode::kUnavailable,
                  options_.ports ? "no free UDP port in the given range" : "no free UDP port");
  }
  credentials_ = engine_.Credentials();
  engine_.EnlargeSocketBuffers();
  engine_.FilterSockets();
  if (stun_) stun_->Unpin(HostSockets());
  if (options_.policy == CandidatePolicy::kRelayOnly) relay_alarm_->ArmAt(services_.reactor.Now());
  if (!HasTurn()) relay_use_ = RelayUse::kNone;
  return Status::Ok();
}

Status IceAgent::Impl::AddLocalAddresses() {
  Result<std::vector<InterfaceAddress>> all = ListInterfaceAddresses();
  if (!all.ok()) return all.status();
  const std::vector<IpAddress> chosen = ChooseLocalAddresses(*all, options_);
  if (chosen.empty()) {
    return Status(StatusCode::kUnavailable, "no local address for ICE (no interface is up)");
  }
  families_ = FamiliesOf(chosen);
  for (const IpAddress& ip : chosen) {
    engine_.AddLocalAddress(ip);
    // Whoever has a loopback address here may be met on one.
    if (ip.IsLoopback()) loopback_ = codec::LoopbackCandidates::kAllow;
  }
  return Status::Ok();
}

// TURN servers are asked for the reflexive address as well: they are STUN servers, and what they
// relay is wanted later, if at all. (libnice loses the Binding answer of a server that it knows as
// TURN server by then.)
void IceAgent::Impl::AddServers() {
  std::vector<HostPort> stun;
  for (const codec::IceServer& server : options_.servers) {
    if (server.kind == codec::IceServerKind::kTurn) ResolveTurn(server);
    const bool known = std::any_of(stun.begin(), stun.end(), [&server](const HostPort& other) {
      return other.host == server.address.host && other.port == server.address.port;
    });
    if (server.transport == codec::IceServerTransport::kUdp && !known) {
      stun.push_back(server.address);
    }
  }
  if (!stun.empty() && options_.policy != CandidatePolicy::kRelayOnly) StartStun(stun);
}

void IceAgent::Impl::StartStun(const std::vector<HostPort>& servers) {
  auto fanout = StunFanout::Start(
      services_.reactor, services_.resolver, servers, families_,
      [this](const net::SocketAddress& from) { return engine_.DescriptorAt(from); });
  if (!fanout.ok()) {
    LOG(WARNING) << fanout.status().ToString();
    return;
  }
  stun_ = std::move(fanout).value();
  engine_.SetStunServer(stun_->host(), stun_->port());
}

// Numeric addresses come back from the resolver in the next turn, before any answer of a server
// could: libnice takes TURN servers while it gathers.
void IceAgent::Impl::ResolveTurn(const codec::IceServer& server) {
  ++pending_lookups_;
  lookups_.push_back(
      services_.resolver.Resolve(server.address.host, server.address.port,
                                 [this, server](Result<std::vector<net::SocketAddress>> addresses) {
                                   --pending_lookups_;
                                   if (closing_) return;
                                   if (addresses.ok()) {
                                     relays_.push_back({server, *std::move(addresses)});
                                     if (relay_use_ == RelayUse::kAll) AddRelays();
                                   } else {
                                     LOG(WARNING) << "TURN server " << server.ToString() << ": "
                                                  << addresses.status().message();
                                   }
                                   ReportGatheringDone();
                                 }));
}

// Those of the next transport: UDP, then TCP, then TLS. libnice prefers the one that it was given
// last.
void IceAgent::Impl::AddRelays() {
  if (closing_) return;
  if (relays_.empty()) {
    relay_use_ = RelayUse::kAll;
    return ReportGatheringDone();
  }
  const auto transport = [](const Relay& relay) { return relay.server.transport; };
  std::stable_sort(relays_.begin(), relays_.end(), [&transport](const Relay& a, const Relay& b) {
    return transport(a) < transport(b);
  });
  const auto rest = std::find_if(relays_.begin(), relays_.end(),
                                 [&transport, first = transport(relays_.front())](
                                     const Relay& relay) { return transport(relay) != first; });
  std::for_each(std::make_reverse_iterator(rest), relays_.rend(),
                [this](const Relay& relay) { AddTurn(relay.server, relay.addresses); });
  relays_.erase(relays_.begin(), rest);
  if (relays_.empty()) {
    relay_use_ = RelayUse::kAll;
  } else {
    relay_alarm_->ArmAt(services_.reactor.Now() + options_.relay_head_start);
  }
}

// One address of each family that we have: a relay may be reached by only one of them, and libnice
// asks it from local addresses of the same family.
void IceAgent::Impl::AddTurn(const codec::IceServer& server,
                             const std::vector<net::SocketAddress>& addresses) {
  bool any = false;
  for (const bool v4 : {true, false}) {
    if (!(v4 ? families_.v4 : families_.v6)) continue;
    const auto found = std::find_if(
        addresses.begin(), addresses.end(),
        [v4](const net::SocketAddress& address) { return address.ip().is_v4() == v4; });
    if (found == addresses.end()) continue;
    any = true;
    if (server.transport == codec::IceServerTransport::kTls) tls_bridges_.push_back(*found);
    gathering_ = true;
    if (!engine_.AddTurnServer(server, *found)) {
      LOG(WARNING) << "TURN server " << server.ToString() << ": not taken";
    }
  }
  if (any) return;
  LOG(WARNING) << "TURN server " << server.ToString() << ": has no IPv" << (families_.v4 ? 4 : 6)
               << " address, and we have no other";
}

std::optional<codec::IceServerTransport> IceAgent::Impl::RelayTransport() const {
  const std::optional<EngineAgent::RelayLeg> leg = engine_.SelectedRelay();
  if (!leg) return std::nullopt;
  if (!leg->over_tcp) return codec::IceServerTransport::kUdp;
  return std::count(tls_bridges_.begin(), tls_bridges_.end(), leg->server) != 0
             ? codec::IceServerTransport::kTls
             : codec::IceServerTransport::kTcp;
}

bool IceAgent::Impl::HasTurn() const {
  return std::any_of(options_.servers.begin(), options_.servers.end(),
                     [](const auto& server) { return server.kind == codec::IceServerKind::kTurn; });
}

std::vector<net::SocketAddress> IceAgent::Impl::HostSockets() const {
  std::vector<net::SocketAddress> sockets;
  for (const codec::IceCandidate& host : local_candidates_) {
    const auto ip = IpAddress::Parse(host.address);
    if (ip) sockets.emplace_back(*ip, host.port);
  }
  return sockets;
}

void IceAgent::Impl::SetRemoteCredentials(const codec::IceCredentials& credentials) {
  RunEngine([this, credentials] { engine_.SetRemoteCredentials(credentials); });
  if (relay_use_ == RelayUse::kWait && !relay_alarm_->armed()) {
    relay_alarm_->ArmAt(services_.reactor.Now() + options_.relay_head_start);
  }
}

Status IceAgent::Impl::AddRemoteCandidate(const codec::IceCandidate& candidate) {
  const codec::CandidateCheck check = codec::ValidateRemoteCandidate(candidate, loopback_);
  if (check.verdict != codec::CandidateVerdict::kUsable) {
    ++stats_.candidates_refused;
    return Status(check.verdict == codec::CandidateVerdict::kIgnored ? StatusCode::kUnsupported
                                                                     : StatusCode::kMalformed,
                  "candidate: " + std::string(check.reason));
  }
  if (remote_candidates_ >= options_.max_remote_candidates) {
    ++stats_.candidates_refused;
    return Status(StatusCode::kResourceExhausted, "too many candidates of the peer");
  }
  ++remote_candidates_;
  RunEngine([this, candidate] { engine_.AddRemoteCandidate(candidate); });
  return Status::Ok();
}

void IceAgent::Impl::SetRemoteCandidatesDone() {
  RunEngine([this] { engine_.SetRemoteCandidatesDone(); });
}

void IceAgent::Impl::Close() {
  if (std::exchange(closing_, true)) return;
  lookups_.clear();
  stun_.reset();
  relay_alarm_->Cancel();
  RunEngine([this] {
    Flush();
    LeaveSocket();
    // Only allocations take time to give back; sockets close with the agent.
    if (HasTurn()) {
      engine_.Close();
    } else {
      Queue(ClosedEvent{});
    }
  });
}

IceStats IceAgent::Impl::stats() const {
  IceStats stats = stats_;
  if (path_) {
    stats.datagrams_dropped += path_->dropped();
    stats.datagrams_too_large += path_->too_large();
  }
  return stats;
}

void IceAgent::Impl::SendDatagram(ByteSpan datagram) {
  if (!pair_ || closing_ || batch_.bytes() + datagram.size() > kMaxBatchBytes) {
    ++stats_.datagrams_dropped;
    return;
  }
  ++stats_.datagrams_sent;
  stats_.bytes_sent += datagram.size();
  // A full run leaves at once, so that the peer works on it while the next one is made.
  if (path_ && !path_->blocked() && !batch_.RunHasRoomFor(datagram.size())) path_->Send(batch_);
  batch_.Append(datagram);
  flush_hook_.Request();
}

void IceAgent::Impl::Flush() {
  if (batch_.empty()) return;
  if (path_) {
    // What would block stays; the path tells when to go on.
    path_->Send(batch_);
    return;
  }
  while (!batch_.empty()) {
    const net::DatagramBatch::Run run = batch_.FrontAlone();
    if (!engine_.Send(run.bytes)) ++stats_.datagrams_dropped;
    batch_.Pop(run);
  }
  services_.glib.Arm();
}

void IceAgent::Impl::UsePair(const SelectedPair& pair) {
  LeaveSocket();
  pair_ = pair;
  pair_->relay_transport = RelayTransport();
  if (const int fd = engine_.SelectedDescriptor(); fd >= 0) UseSocket(fd);
}

void IceAgent::Impl::UseSocket(int fd) {
  net::UniqueFd copy(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  PLOG_IF(WARNING, !copy.valid()) << "dup of an ICE socket";
  if (!copy.valid()) return;
  UdpPath::Observer& self = *this;
  path_ = std::make_unique<UdpPath>(services_.reactor, std::move(copy), pair_->remote,
                                    options_.offload, self);
  path_fd_ = fd;
  services_.glib.Exclude(fd);
}

// The engine reads it from here on. Before it may close it.
void IceAgent::Impl::LeaveSocket() {
  if (!path_) return;
  stats_ = stats();
  path_.reset();
  services_.glib.Include(std::exchange(path_fd_, -1));
}

void IceAgent::Impl::OnEngineCandidate(codec::IceCandidate candidate) {
  // The related address would tell the peer what kRelayOnly hides (RFC 8828, section 5.2).
  if (options_.policy == CandidatePolicy::kRelayOnly) {
    candidate.related_address = "0.0.0.0";
    candidate.related_port = Port(9);
  }
  local_candidates_.push_back(candidate);
  if (!starting_) Queue(CandidateEvent{std::move(candidate)});
}

void IceAgent::Impl::OnEngineDatagram(ByteSpan datagram) {
  const bool outer = std::exchange(in_engine_, true);
  // The kernel may have joined several before the engine read them.
  codec::PacketSplitter pieces(datagram);
  while (const auto piece = pieces.Next()) {
    if (piece->kind != codec::PacketKind::kStun) Deliver(piece->bytes);
  }
  if (!closing_) observer_.OnDatagramsDone();
  in_engine_ = outer;
}

// The path may not go from inside its own call, so what the observer wants of the engine waits.
void IceAgent::Impl::OnPathDatagram(ByteSpan datagram) {
  const bool outer = std::exchange(in_engine_, true);
  Deliver(datagram);
  in_engine_ = outer;
}

void IceAgent::Impl::OnPathDatagramsDone() {
  const bool outer = std::exchange(in_engine_, true);
  if (!closing_) observer_.OnDatagramsDone();
  in_engine_ = outer;
}

bool IceAgent::Impl::OnEngineDatagramWaits() { return services_.glib.RunFor(path_fd_); }

void IceAgent::Impl::Deliver(ByteSpan datagram) {
  if (closing_) return;
  ++stats_.datagrams_received;
  stats_.bytes_received += datagram.size();
  observer_.OnDatagram(datagram);
}

void IceAgent::Impl::Queue(Event event) {
  events_.push_back(std::move(event));
  event_hook_.Request();
}

void IceAgent::Impl::RunEngine(std::function<void()> command) {
  if (in_engine_ || !commands_.empty()) {
    commands_.push_back(std::move(command));
    event_hook_.Request();
    return;
  }
  command();
}

void IceAgent::Impl::OnTurnEnd() {
  while (!commands_.empty()) {
    const std::function<void()> command = std::move(commands_.front());
    commands_.pop_front();
    command();
  }
  // Those of what the observer does meanwhile wait for the next turn.
  for (size_t left = events_.size(); left > 0 && !events_.empty(); --left) {
    Event event = std::move(events_.front());
    events_.pop_front();
    Report(std::move(event));
  }
  if (!events_.empty()) event_hook_.Request();
}

void IceAgent::Impl::Report(Event event) {
  if (std::holds_alternative<ClosedEvent>(event)) return observer_.OnIceClosed();
  if (closing_) return;
  if (const auto* state = std::get_if<StateEvent>(&event)) {
    if (std::exchange(state_, state->state) == state->state) return;
    observer_.OnIceState(state->state);
    if (state_ == IceState::kConnected) LeaveRelays();
  } else if (auto* candidate = std::get_if<CandidateEvent>(&event)) {
    PinAgain(candidate->candidate);
    observer_.OnLocalCandidate(candidate->candidate);
  } else if (const auto* pair = std::get_if<PairEvent>(&event)) {
    UsePair(pair->pair);
    observer_.OnSelectedPair(SelectedPair(*pair_));
  } else if (std::holds_alternative<GatheringDoneEvent>(event)) {
    gathering_ = false;
    stun_.reset();
    ReportGatheringDone();
  }
}

// A path works: what is left of the relays is not needed.
void IceAgent::Impl::LeaveRelays() {
  if (relay_use_ != RelayUse::kWait) return;
  relay_use_ = RelayUse::kNone;
  relay_alarm_->Cancel();
  relays_.clear();
  ReportGatheringDone();
}

void IceAgent::Impl::PinAgain(const codec::IceCandidate& candidate) {
  if (!stun_ || candidate.type != codec::CandidateType::kServerReflexive) return;
  const auto base = IpAddress::Parse(candidate.related_address.value_or(""));
  if (base) stun_->PinAgain(net::SocketAddress(*base, candidate.related_port.value_or(Port())));
}

void IceAgent::Impl::ReportGatheringDone() {
  if (gathering_ || pending_lookups_ > 0 || candidates_done_) return;
  if (relay_use_ == RelayUse::kWait) return;
  candidates_done_ = true;
  observer_.OnLocalCandidatesDone();
}

IceAgent::IceAgent(const IceServices& services, const IceOptions& options, IceRole role,
                   Observer& observer)
    : impl_(std::make_unique<Impl>(services, options, role, observer)) {}

IceAgent::~IceAgent() = default;

Status IceAgent::Start() { return impl_->Start(); }
const codec::IceCredentials& IceAgent::local_credentials() const {
  return impl_->local_credentials();
}
const std::vector<codec::IceCandidate>& IceAgent::local_candidates() const {
  return impl_->local_candidates();
}
bool IceAgent::local_candidates_done() const { return impl_->local_candidates_done(); }
void IceAgent::SetRemoteCredentials(const codec::IceCredentials& credentials) {
  impl_->SetRemoteCredentials(credentials);
}
Status IceAgent::AddRemoteCandidate(const codec::IceCandidate& candidate) {
  return impl_->AddRemoteCandidate(candidate);
}
void IceAgent::SetRemoteCandidatesDone() { impl_->SetRemoteCandidatesDone(); }
void IceAgent::SendDatagram(ByteSpan datagram) { impl_->SendDatagram(datagram); }
const std::optional<SelectedPair>& IceAgent::selected_pair() const {
  return impl_->selected_pair();
}
IceStats IceAgent::stats() const { return impl_->stats(); }
void IceAgent::Close() { impl_->Close(); }

}  // namespace ming::ice
