#include "ming/ice/ice_agent.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <glog/logging.h>
#include <nice/agent.h>
#include <sys/socket.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <utility>
#include <variant>

#include "ming/base/checked_cast.h"
#include "ming/codec/packet_demux.h"
#include "ming/ice/datagram_batch.h"
#include "ming/ice/local_addresses.h"
#include "ming/ice/stun_fanout.h"
#include "ming/ice/udp_path.h"
#include "ming/net/turn_end_hook.h"
#include "ming/net/unique_fd.h"

namespace ming::ice {
namespace {

constexpr guint kComponent = 1;
// What waits for the end of the turn, or for a full socket buffer. An SCTP send buffer's worth:
// more would only age here.
constexpr size_t kMaxBatchBytes = size_t{4} * 1024 * 1024;
// UDP's own buffers; SCTP's window is 1 MiB, and the kernel counts each packet's overhead as well.
constexpr int kSocketBufferBytes = 4 * 1024 * 1024;

net::SocketAddress AddressOf(const NiceAddress& address) {
  sockaddr_storage storage{};
  nice_address_copy_to_sockaddr(&address, reinterpret_cast<sockaddr*>(&storage));
  return net::SocketAddress::FromKernel(storage).value_or(net::SocketAddress());
}

codec::CandidateType TypeOf(NiceCandidateType type) {
  switch (type) {
    case NICE_CANDIDATE_TYPE_HOST:
      return codec::CandidateType::kHost;
    case NICE_CANDIDATE_TYPE_SERVER_REFLEXIVE:
      return codec::CandidateType::kServerReflexive;
    case NICE_CANDIDATE_TYPE_PEER_REFLEXIVE:
      return codec::CandidateType::kPeerReflexive;
    case NICE_CANDIDATE_TYPE_RELAYED:
      return codec::CandidateType::kRelay;
  }
  return codec::CandidateType::kOther;
}

NiceCandidateType NiceTypeOf(codec::CandidateType type) {
  switch (type) {
    case codec::CandidateType::kServerReflexive:
      return NICE_CANDIDATE_TYPE_SERVER_REFLEXIVE;
    case codec::CandidateType::kPeerReflexive:
      return NICE_CANDIDATE_TYPE_PEER_REFLEXIVE;
    case codec::CandidateType::kRelay:
      return NICE_CANDIDATE_TYPE_RELAYED;
    case codec::CandidateType::kHost:
    case codec::CandidateType::kOther:
      break;
  }
  return NICE_CANDIDATE_TYPE_HOST;
}

IceState StateOf(guint state) {
  switch (state) {
    case NICE_COMPONENT_STATE_CONNECTING:
      return IceState::kChecking;
    case NICE_COMPONENT_STATE_CONNECTED:
      return IceState::kConnected;
    case NICE_COMPONENT_STATE_READY:
      return IceState::kCompleted;
    case NICE_COMPONENT_STATE_FAILED:
      return IceState::kFailed;
    default:
      return IceState::kNew;
  }
}

guint Milliseconds(Duration duration) {
  return base::CheckedCast<guint>(
      std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

void EnlargeBuffer(int fd, int forced_option, int option) {
  const int size = kSocketBufferBytes;
  // Above the system's limit only with CAP_NET_ADMIN.
  if (setsockopt(fd, SOL_SOCKET, forced_option, &size, sizeof(size)) == 0) return;
  if (setsockopt(fd, SOL_SOCKET, option, &size, sizeof(size)) != 0) PLOG(WARNING) << "setsockopt";
}

using CandidatePtr = std::unique_ptr<NiceCandidate, decltype(&nice_candidate_free)>;
using GString0 = std::unique_ptr<gchar, decltype(&g_free)>;

// Where the end of closing is reported, unless the agent is gone by then. Owned by the callback.
template <typename Impl>
struct CloseTicketFor {
  Impl* impl;
};

// What libnice reported, until the loop gets to it.
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

}  // namespace

std::string_view IceStateName(IceState state) {
  switch (state) {
    case IceState::kNew:
      return "new";
    case IceState::kChecking:
      return "checking";
    case IceState::kConnected:
      return "connected";
    case IceState::kCompleted:
      return "completed";
    case IceState::kFailed:
      return "failed";
  }
  return "";
}

bool SelectedPair::relayed() const {
  return local_type == codec::CandidateType::kRelay || remote_type == codec::CandidateType::kRelay;
}

std::string_view SelectedPair::Describe() const {
  if (!relayed()) return "direct udp";
  switch (relay_transport.value_or(codec::IceServerTransport::kUdp)) {
    case codec::IceServerTransport::kUdp:
      return "relayed udp";
    case codec::IceServerTransport::kTcp:
      return "relayed tcp";
    case codec::IceServerTransport::kTls:
      return "relayed tls";
  }
  return "";
}

// libnice may be called from the loop and from our own callers, but not from inside its callbacks:
// those only note what happened (datagrams excepted, which go straight up), and the turn-end hook
// reports it. Calls that an observer of a datagram makes wait for that hook as well.
class IceAgent::Impl {
 public:
  using CloseTicket = CloseTicketFor<Impl>;

  Impl(const IceServices& services, const IceOptions& options, IceRole role, Observer& observer);
  ~Impl();

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
  // libnice's callbacks.
  static void OnNiceState(NiceAgent* agent, guint stream, guint component, guint state,
                          gpointer self) noexcept;
  static void OnNiceCandidate(NiceAgent* agent, NiceCandidate* candidate, gpointer self) noexcept;
  static void OnNiceGatheringDone(NiceAgent* agent, guint stream, gpointer self) noexcept;
  static void OnNicePair(NiceAgent* agent, guint stream, guint component, NiceCandidate* local,
                         NiceCandidate* remote, gpointer self) noexcept;
  static void OnNiceDatagram(NiceAgent* agent, guint stream, guint component, guint size,
                             gchar* bytes, gpointer self) noexcept;
  static void OnNiceClosed(GObject* agent, GAsyncResult* result, gpointer ticket) noexcept;

  void CreateEngine(IceRole role);
  void Connect(const char* signal, GCallback handler);
  Status AddLocalAddresses();
  void AddServers();
  void ResolveTurn(const codec::IceServer& server);
  void AddTurn(const codec::IceServer& server, const net::SocketAddress& address);
  std::optional<codec::IceServerTransport> RelayTransport() const;
  void ReadCredentials();
  void EnlargeSocketBuffers();
  int DescriptorAt(const net::SocketAddress& address) const;
  template <typename Visit>
  void ForEachSocket(Visit visit) const;

  void Queue(Event event);
  void RunEngine(std::function<void()> command);
  void OnTurnEnd();
  void Report(Event event);
  void ReportGatheringDone();
  void UsePair(const SelectedPair& pair);
  void Flush();
  void FlushThroughEngine();
  bool HasTurn() const;
  void StartClose();

  const IceServices services_;
  const IceOptions options_;
  Observer& observer_;
  NiceAgent* agent_ = nullptr;
  guint stream_ = 0;
  codec::LoopbackCandidates loopback_ = codec::LoopbackCandidates::kRefuse;
  codec::IceCredentials credentials_;
  std::vector<codec::IceCandidate> local_candidates_;
  size_t remote_candidates_ = 0;
  bool starting_ = false;
  bool closing_ = false;
  bool close_started_ = false;
  bool in_engine_ = false;  // inside a callback of libnice
  bool gathering_ = false;
  bool candidates_done_ = false;
  size_t pending_lookups_ = 0;
  std::vector<net::SocketAddress> tls_bridges_;  // where libnice finds TURN servers over TLS
  IceState state_ = IceState::kNew;
  std::optional<SelectedPair> pair_;
  CloseTicket* close_ticket_ = nullptr;  // while closing is under way
  std::deque<Event> events_;
  std::deque<std::function<void()>> commands_;
  DatagramBatch batch_;
  IceStats stats_;
  std::unique_ptr<UdpPath> path_;  // null: relayed, or no pair yet
  std::unique_ptr<StunFanout> stun_;
  std::vector<std::unique_ptr<net::Resolver::Request>> lookups_;
  net::TurnEndHook flush_hook_;
  net::TurnEndHook event_hook_;
};

IceAgent::Impl::Impl(const IceServices& services, const IceOptions& options, IceRole role,
                     Observer& observer)
    : services_(services),
      options_(options),
      observer_(observer),
      flush_hook_(services.reactor, [this] { Flush(); }),
      event_hook_(services.reactor, [this] { OnTurnEnd(); }) {
  const Status valid = Validate(options_);
  CHECK(valid.ok()) << valid.ToString();
  CreateEngine(role);
}

IceAgent::Impl::~Impl() {
  nice_agent_attach_recv(agent_, stream_, kComponent, services_.glib.context(), nullptr, nullptr);
  g_signal_handlers_disconnect_by_data(agent_, this);
  if (!closing_) Flush();
  // Gives TURN allocations back in the background; libnice holds the agent until then.
  if (!close_started_ && HasTurn()) StartClose();
  if (close_ticket_ != nullptr) close_ticket_->impl = nullptr;
  g_object_unref(agent_);
  services_.glib.Arm();
}

void IceAgent::Impl::CreateEngine(IceRole role) {
  // Without NICE_AGENT_OPTION_REGULAR_NOMINATION every pair that works is nominated, and the best
  // of them is used (aggressive nomination, RFC 5245, section 8.1.1.2). Regular nomination settles
  // for the first two pairs that work, mostly relays, and never leaves them for a direct one that
  // needs another retransmission to get through.
  constexpr auto kOptions = static_cast<NiceAgentOption>(NICE_AGENT_OPTION_ICE_TRICKLE |
                                                         NICE_AGENT_OPTION_CONSENT_FRESHNESS);
  agent_ = nice_agent_new_full(services_.glib.context(), NICE_COMPATIBILITY_RFC5245, kOptions);
  CHECK(agent_ != nullptr);
  g_object_set(agent_, "upnp", FALSE, "ice-tcp", FALSE, "controlling-mode",
               role == IceRole::kControlling ? TRUE : FALSE, "stun-pacing-timer",
               Milliseconds(options_.pacing), "stun-initial-timeout",
               Milliseconds(options_.initial_timeout), "force-relay",
               options_.policy == CandidatePolicy::kRelayOnly ? TRUE : FALSE, nullptr);
  stream_ = nice_agent_add_stream(agent_, 1);
  CHECK_GT(stream_, 0u);
  Connect("component-state-changed", reinterpret_cast<GCallback>(&Impl::OnNiceState));
  Connect("new-candidate-full", reinterpret_cast<GCallback>(&Impl::OnNiceCandidate));
  Connect("candidate-gathering-done", reinterpret_cast<GCallback>(&Impl::OnNiceGatheringDone));
  Connect("new-selected-pair-full", reinterpret_cast<GCallback>(&Impl::OnNicePair));
  nice_agent_attach_recv(agent_, stream_, kComponent, services_.glib.context(),
                         &Impl::OnNiceDatagram, this);
}

void IceAgent::Impl::Connect(const char* signal, GCallback handler) {
  g_signal_connect_data(agent_, signal, handler, this, nullptr, static_cast<GConnectFlags>(0));
}

Status IceAgent::Impl::Start() {
  Status addresses = AddLocalAddresses();
  if (!addresses.ok()) return addresses;
  if (options_.ports) {
    nice_agent_set_port_range(agent_, stream_, kComponent, options_.ports->first.value(),
                              options_.ports->last.value());
  }
  AddServers();
  starting_ = true;
  gathering_ = true;
  const bool gathered = nice_agent_gather_candidates(agent_, stream_) != FALSE;
  starting_ = false;
  services_.glib.Arm();
  if (!gathered) {
    return Status(StatusCode::kUnavailable,
                  options_.ports ? "no free UDP port in the given range" : "no free UDP port");
  }
  ReadCredentials();
  EnlargeSocketBuffers();
  return Status::Ok();
}

Status IceAgent::Impl::AddLocalAddresses() {
  Result<std::vector<InterfaceAddress>> all = ListInterfaceAddresses();
  if (!all.ok()) return all.status();
  const std::vector<IpAddress> chosen = ChooseLocalAddresses(*all, options_);
  if (chosen.empty()) {
    return Status(StatusCode::kUnavailable, "no local address for ICE (no interface is up)");
  }
  for (const IpAddress& ip : chosen) {
    NiceAddress address;
    nice_address_init(&address);
    CHECK(nice_address_set_from_string(&address, ip.ToString().c_str()));
    nice_agent_add_local_address(agent_, &address);
    // Whoever has a loopback address here may be met on one.
    if (ip.IsLoopback()) loopback_ = codec::LoopbackCandidates::kAllow;
  }
  return Status::Ok();
}

void IceAgent::Impl::AddServers() {
  std::vector<HostPort> stun;
  for (const codec::IceServer& server : options_.servers) {
    if (server.kind == codec::IceServerKind::kTurn) {
      ResolveTurn(server);
      continue;
    }
    // libnice loses the Binding answer of a server that it also knows as TURN server, and TURN
    // yields the reflexive address anyway.
    const bool also_turn = std::any_of(
        options_.servers.begin(), options_.servers.end(), [&server](const codec::IceServer& other) {
          return other.kind == codec::IceServerKind::kTurn &&
                 other.transport == codec::IceServerTransport::kUdp &&
                 other.address.host == server.address.host &&
                 other.address.port == server.address.port;
        });
    if (!also_turn) stun.push_back(server.address);
  }
  if (stun.empty() || options_.policy == CandidatePolicy::kRelayOnly) return;
  auto fanout =
      StunFanout::Start(services_.reactor, services_.resolver, stun,
                        [this](const net::SocketAddress& from) { return DescriptorAt(from); });
  if (!fanout.ok()) {
    LOG(WARNING) << fanout.status().ToString();
    return;
  }
  stun_ = std::move(fanout).value();
  const net::SocketAddress address = stun_->address();
  g_object_set(agent_, "stun-server", address.ip().ToString().c_str(), "stun-server-port",
               guint{address.port().value()}, nullptr);
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
                                     AddTurn(server, addresses->front());
                                   } else {
                                     LOG(WARNING) << "TURN server " << server.ToString() << ": "
                                                  << addresses.status().message();
                                   }
                                   ReportGatheringDone();
                                 }));
}

void IceAgent::Impl::AddTurn(const codec::IceServer& server, const net::SocketAddress& address) {
  const NiceRelayType type = server.transport == codec::IceServerTransport::kUdp
                                 ? NICE_RELAY_TYPE_TURN_UDP
                                 : NICE_RELAY_TYPE_TURN_TCP;
  if (server.transport == codec::IceServerTransport::kTls) tls_bridges_.push_back(address);
  gathering_ = true;
  if (!nice_agent_set_relay_info(agent_, stream_, kComponent, address.ip().ToString().c_str(),
                                 address.port().value(), server.username.c_str(),
                                 server.password.Reveal().c_str(), type)) {
    LOG(WARNING) << "TURN server " << server.ToString() << ": not taken";
  }
  services_.glib.Arm();
}

// libnice does not tell, but its type preference (RFC 8445, section 5.1.2.1) of a relay is 30 where
// it is reached over UDP, and 20 over TCP.
std::optional<codec::IceServerTransport> IceAgent::Impl::RelayTransport() const {
  constexpr guint kTypePreferenceOverUdp = 30;
  NiceCandidate* local =
      nullptr;  // of the agent, as the candidates of its signals lack their server
  NiceCandidate* remote = nullptr;
  if (!nice_agent_get_selected_pair(agent_, stream_, kComponent, &local, &remote) ||
      local->type != NICE_CANDIDATE_TYPE_RELAYED) {
    return std::nullopt;
  }
  if (local->priority >> 24 >= kTypePreferenceOverUdp) return codec::IceServerTransport::kUdp;
  NiceAddress server;
  nice_candidate_relay_address(local, &server);
  return std::count(tls_bridges_.begin(), tls_bridges_.end(), AddressOf(server)) != 0
             ? codec::IceServerTransport::kTls
             : codec::IceServerTransport::kTcp;
}

void IceAgent::Impl::ReadCredentials() {
  gchar* ufrag = nullptr;
  gchar* password = nullptr;
  CHECK(nice_agent_get_local_credentials(agent_, stream_, &ufrag, &password));
  const GString0 owned_ufrag(ufrag, g_free);
  const GString0 owned_password(password, g_free);
  credentials_.username_fragment = ufrag;
  credentials_.password = Secret(password);
}

template <typename Visit>
void IceAgent::Impl::ForEachSocket(Visit visit) const {
  GPtrArray* sockets = nice_agent_get_sockets(agent_, stream_, kComponent);
  if (sockets == nullptr) return;
  for (guint i = 0; i < sockets->len; ++i) visit(static_cast<GSocket*>(sockets->pdata[i]));
  g_ptr_array_unref(sockets);
}

void IceAgent::Impl::EnlargeSocketBuffers() {
  ForEachSocket([](GSocket* socket) {
    EnlargeBuffer(g_socket_get_fd(socket), SO_RCVBUFFORCE, SO_RCVBUF);
    EnlargeBuffer(g_socket_get_fd(socket), SO_SNDBUFFORCE, SO_SNDBUF);
  });
}

int IceAgent::Impl::DescriptorAt(const net::SocketAddress& address) const {
  int found = -1;
  ForEachSocket([&address, &found](GSocket* socket) {
    if (g_socket_get_socket_type(socket) != G_SOCKET_TYPE_DATAGRAM) return;
    const int fd = g_socket_get_fd(socket);
    if (net::LocalAddressOf(fd) == address) found = fd;
  });
  return found;
}

void IceAgent::Impl::SetRemoteCredentials(const codec::IceCredentials& credentials) {
  RunEngine([this, credentials] {
    nice_agent_set_remote_credentials(agent_, stream_, credentials.username_fragment.c_str(),
                                      credentials.password.Reveal().c_str());
  });
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
  RunEngine([this, candidate] {
    const CandidatePtr nice(nice_candidate_new(NiceTypeOf(candidate.type)), nice_candidate_free);
    nice->transport = NICE_CANDIDATE_TRANSPORT_UDP;
    nice->component_id = kComponent;
    nice->stream_id = stream_;
    nice->priority = candidate.priority;
    candidate.foundation.copy(nice->foundation, NICE_CANDIDATE_MAX_FOUNDATION - 1);
    CHECK(nice_address_set_from_string(&nice->addr, candidate.address.c_str()));
    nice_address_set_port(&nice->addr, candidate.port.value());
    GSList* list = g_slist_append(nullptr, nice.get());
    nice_agent_set_remote_candidates(agent_, stream_, kComponent, list);
    g_slist_free(list);
  });
  return Status::Ok();
}

void IceAgent::Impl::SetRemoteCandidatesDone() {
  RunEngine([this] { nice_agent_peer_candidate_gathering_done(agent_, stream_); });
}

void IceAgent::Impl::Close() {
  if (std::exchange(closing_, true)) return;
  lookups_.clear();
  stun_.reset();
  RunEngine([this] {
    Flush();
    // Only allocations take time to give back; sockets close with the agent.
    if (HasTurn()) {
      StartClose();
    } else {
      Queue(ClosedEvent{});
    }
  });
}

bool IceAgent::Impl::HasTurn() const {
  return std::any_of(options_.servers.begin(), options_.servers.end(),
                     [](const auto& server) { return server.kind == codec::IceServerKind::kTurn; });
}

void IceAgent::Impl::StartClose() {
  close_started_ = true;
  close_ticket_ = new CloseTicket{this};
  nice_agent_close_async(agent_, &Impl::OnNiceClosed, close_ticket_);
}

IceStats IceAgent::Impl::stats() const {
  IceStats stats = stats_;
  if (path_) stats.datagrams_dropped += path_->dropped();
  return stats;
}

void IceAgent::Impl::SendDatagram(ByteSpan datagram) {
  if (!pair_ || closing_ || batch_.bytes() + datagram.size() > kMaxBatchBytes) {
    ++stats_.datagrams_dropped;
    return;
  }
  ++stats_.datagrams_sent;
  stats_.bytes_sent += datagram.size();
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
  FlushThroughEngine();
}

void IceAgent::Impl::FlushThroughEngine() {
  while (!batch_.empty()) {
    const DatagramBatch::Run run = batch_.FrontAlone();
    const gint sent =
        nice_agent_send(agent_, stream_, kComponent, base::CheckedCast<guint>(run.bytes.size()),
                        reinterpret_cast<const gchar*>(run.bytes.data()));
    if (sent < 0) ++stats_.datagrams_dropped;
    batch_.Pop(run);
  }
  services_.glib.Arm();
}

void IceAgent::Impl::UsePair(const SelectedPair& pair) {
  stats_ = stats();
  path_.reset();
  pair_ = pair;
  pair_->relay_transport = RelayTransport();
  GSocket* socket = nice_agent_get_selected_socket(agent_, stream_, kComponent);
  if (socket == nullptr) return;  // relayed by our TURN server
  const int fd = fcntl(g_socket_get_fd(socket), F_DUPFD_CLOEXEC, 0);
  g_object_unref(socket);
  if (fd < 0) {
    PLOG(WARNING) << "dup of an ICE socket";
    return;
  }
  path_ = std::make_unique<UdpPath>(services_.reactor, net::UniqueFd(fd), pair.remote,
                                    [this] { flush_hook_.Request(); });
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
  services_.glib.Arm();
}

void IceAgent::Impl::OnTurnEnd() {
  while (!commands_.empty()) {
    const std::function<void()> command = std::move(commands_.front());
    commands_.pop_front();
    command();
    services_.glib.Arm();
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
    if (std::exchange(state_, state->state) != state->state) observer_.OnIceState(state->state);
  } else if (auto* candidate = std::get_if<CandidateEvent>(&event)) {
    observer_.OnLocalCandidate(candidate->candidate);
  } else if (const auto* pair = std::get_if<PairEvent>(&event)) {
    UsePair(pair->pair);
    observer_.OnSelectedPair(SelectedPair(*pair_));
  } else if (std::holds_alternative<GatheringDoneEvent>(event)) {
    gathering_ = false;
    ReportGatheringDone();
  }
}

void IceAgent::Impl::ReportGatheringDone() {
  if (gathering_ || pending_lookups_ > 0 || candidates_done_) return;
  candidates_done_ = true;
  observer_.OnLocalCandidatesDone();
}

void IceAgent::Impl::OnNiceState(NiceAgent* /*agent*/, guint /*stream*/, guint /*component*/,
                                 guint state, gpointer self) noexcept {
  static_cast<Impl*>(self)->Queue(StateEvent{StateOf(state)});
}

void IceAgent::Impl::OnNiceCandidate(NiceAgent* agent, NiceCandidate* candidate,
                                     gpointer self) noexcept {
  auto* impl = static_cast<Impl*>(self);
  const GString0 text(nice_agent_generate_local_candidate_sdp(agent, candidate), g_free);
  Result<codec::IceCandidate> parsed = codec::ParseIceCandidate(text.get());
  if (!parsed.ok()) {
    LOG(ERROR) << "libnice wrote a candidate we cannot read: " << parsed.status().message();
    return;
  }
  // The related address would tell the peer what kRelayOnly hides (RFC 8828, section 5.2).
  if (impl->options_.policy == CandidatePolicy::kRelayOnly) {
    parsed->related_address = "0.0.0.0";
    parsed->related_port = Port(9);
  }
  impl->local_candidates_.push_back(*parsed);
  if (!impl->starting_) impl->Queue(CandidateEvent{*std::move(parsed)});
}

void IceAgent::Impl::OnNiceGatheringDone(NiceAgent* /*agent*/, guint /*stream*/,
                                         gpointer self) noexcept {
  static_cast<Impl*>(self)->Queue(GatheringDoneEvent{});
}

// NOLINTNEXTLINE(readability-function-size): the signature is libnice's
void IceAgent::Impl::OnNicePair(NiceAgent* /*agent*/, guint /*stream*/, guint /*component*/,
                                NiceCandidate* local, NiceCandidate* remote,
                                gpointer self) noexcept {
  SelectedPair pair;
  pair.local_type = TypeOf(local->type);
  pair.remote_type = TypeOf(remote->type);
  pair.local = AddressOf(local->addr);
  pair.remote = AddressOf(remote->addr);
  static_cast<Impl*>(self)->Queue(PairEvent{pair});
}

// NOLINTNEXTLINE(readability-function-size): the signature is libnice's
void IceAgent::Impl::OnNiceDatagram(NiceAgent* /*agent*/, guint /*stream*/, guint /*component*/,
                                    guint size, gchar* bytes, gpointer self) noexcept {
  auto* impl = static_cast<Impl*>(self);
  const ByteSpan datagram(reinterpret_cast<const uint8_t*>(bytes), size);
  if (impl->closing_ || codec::ClassifyPacket(datagram) == codec::PacketKind::kStun) return;
  ++impl->stats_.datagrams_received;
  impl->stats_.bytes_received += size;
  const bool outer = std::exchange(impl->in_engine_, true);
  impl->observer_.OnDatagram(datagram);
  impl->in_engine_ = outer;
}

void IceAgent::Impl::OnNiceClosed(GObject* /*agent*/, GAsyncResult* /*result*/,
                                  gpointer ticket) noexcept {
  const std::unique_ptr<CloseTicket> owned(static_cast<CloseTicket*>(ticket));
  if (owned->impl == nullptr) return;
  owned->impl->close_ticket_ = nullptr;
  owned->impl->Queue(ClosedEvent{});
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
