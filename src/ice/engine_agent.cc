#include "ming/ice/engine_agent.h"

#include <gio/gio.h>
#include <glog/logging.h>
#include <nice/agent.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "ming/base/checked_cast.h"
#include "ming/ice/socket_filter.h"
#include "ming/net/socket_buffers.h"

namespace ming::ice {
namespace {

constexpr guint kComponent = 1;
// UDP's own buffers; SCTP's window is 1 MiB, and the kernel counts each packet's overhead as well.
constexpr int kSocketBufferBytes = 4 * 1024 * 1024;
// Below this a burst of one turn does not fit, and packets are lost without any network's help.
constexpr int kSmallSocketBuffer = 1024 * 1024;

// libnice's name of the timer that paces connectivity checks.
constexpr char kCheckTimer[] = "Connectivity check schedule";

using CandidatePtr = std::unique_ptr<NiceCandidate, decltype(&nice_candidate_free)>;
using GString0 = std::unique_ptr<gchar, decltype(&g_free)>;

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

// The id that the next source of `context` gets; they are given out in turn.
guint NextSourceId(GMainContext* context) {
  GSource* marker = g_idle_source_new();
  const guint id = g_source_attach(marker, context);
  g_source_destroy(marker);
  g_source_unref(marker);
  return id + 1;
}

}  // namespace

// Where the end of closing is reported, unless the agent is gone by then.
struct EngineAgent::CloseTicket {
  EngineAgent* agent;
};

struct EngineAgent::Callbacks {
  static Observer& ObserverOf(gpointer self) { return static_cast<EngineAgent*>(self)->observer_; }

  static void OnState(NiceAgent* /*agent*/, guint /*stream*/, guint /*component*/, guint state,
                      gpointer self) noexcept {
    ObserverOf(self).OnEngineState(StateOf(state));
  }

  static void OnCandidate(NiceAgent* agent, NiceCandidate* candidate, gpointer self) noexcept {
    const GString0 text(nice_agent_generate_local_candidate_sdp(agent, candidate), g_free);
    Result<codec::IceCandidate> parsed = codec::ParseIceCandidate(text.get());
    if (!parsed.ok()) {
      LOG(ERROR) << "libnice wrote a candidate we cannot read: " << parsed.status().message();
      return;
    }
    ObserverOf(self).OnEngineCandidate(*std::move(parsed));
  }

  static void OnGatheringDone(NiceAgent* /*agent*/, guint /*stream*/, gpointer self) noexcept {
    ObserverOf(self).OnEngineGatheringDone();
  }

  // NOLINTNEXTLINE(readability-function-size): the signature is libnice's
  static void OnPair(NiceAgent* /*agent*/, guint /*stream*/, guint /*component*/,
                     NiceCandidate* local, NiceCandidate* remote, gpointer self) noexcept {
    SelectedPair pair;
    pair.local_type = TypeOf(local->type);
    pair.remote_type = TypeOf(remote->type);
    pair.local = AddressOf(local->addr);
    pair.remote = AddressOf(remote->addr);
    ObserverOf(self).OnEnginePair(pair);
  }

  // NOLINTNEXTLINE(readability-function-size): the signature is libnice's
  static void OnDatagram(NiceAgent* /*agent*/, guint /*stream*/, guint /*component*/, guint size,
                         gchar* bytes, gpointer self) noexcept {
    ObserverOf(self).OnEngineDatagram({reinterpret_cast<const uint8_t*>(bytes), size});
  }

  static void OnClosed(GObject* /*agent*/, GAsyncResult* /*result*/, gpointer ticket) noexcept {
    const std::unique_ptr<CloseTicket> owned(static_cast<CloseTicket*>(ticket));
    if (owned->agent == nullptr) return;
    owned->agent->close_ticket_ = nullptr;
    owned->agent->observer_.OnEngineClosed();
  }
};

EngineAgent::EngineAgent(net::GlibBridge& glib, const IceOptions& options, IceRole role,
                         Observer& observer)
    : glib_(glib), observer_(observer) {
  // Without NICE_AGENT_OPTION_REGULAR_NOMINATION every pair that works is nominated, and the best
  // of them is used (aggressive nomination, RFC 5245, section 8.1.1.2). Regular nomination settles
  // for the first two pairs that work, mostly relays, and never leaves them for a direct one that
  // needs another retransmission to get through.
  constexpr auto kOptions = static_cast<NiceAgentOption>(NICE_AGENT_OPTION_ICE_TRICKLE |
                                                         NICE_AGENT_OPTION_CONSENT_FRESHNESS);
  agent_ = nice_agent_new_full(glib_.context(), NICE_COMPATIBILITY_RFC5245, kOptions);
  CHECK(agent_ != nullptr);
  g_object_set(agent_, "upnp", FALSE, "ice-tcp", FALSE, "controlling-mode",
               role == IceRole::kControlling ? TRUE : FALSE, "stun-pacing-timer",
               Milliseconds(options.pacing), "stun-initial-timeout",
               Milliseconds(options.initial_timeout), "force-relay",
               options.policy == CandidatePolicy::kRelayOnly ? TRUE : FALSE, nullptr);
  stream_ = nice_agent_add_stream(agent_, 1);
  CHECK_GT(stream_, 0u);
  if (options.ports) {
    nice_agent_set_port_range(agent_, stream_, kComponent, options.ports->first.value(),
                              options.ports->last.value());
  }
  const auto connect = [this](const char* signal, auto* handler) {
    g_signal_connect_data(agent_, signal, reinterpret_cast<GCallback>(handler), this, nullptr,
                          static_cast<GConnectFlags>(0));
  };
  connect("component-state-changed", &Callbacks::OnState);
  connect("new-candidate-full", &Callbacks::OnCandidate);
  connect("candidate-gathering-done", &Callbacks::OnGatheringDone);
  connect("new-selected-pair-full", &Callbacks::OnPair);
  nice_agent_attach_recv(agent_, stream_, kComponent, glib_.context(), &Callbacks::OnDatagram,
                         this);
}

EngineAgent::~EngineAgent() {
  nice_agent_attach_recv(agent_, stream_, kComponent, glib_.context(), nullptr, nullptr);
  g_signal_handlers_disconnect_by_data(agent_, this);
  // libnice holds the agent until the allocations are given back.
  if (has_turn_) Close();
  if (close_ticket_ != nullptr) close_ticket_->agent = nullptr;
  g_object_unref(agent_);
  glib_.Arm();
}

void EngineAgent::AddLocalAddress(const IpAddress& ip) {
  NiceAddress address;
  nice_address_init(&address);
  CHECK(nice_address_set_from_string(&address, ip.ToString().c_str()));
  nice_agent_add_local_address(agent_, &address);
}

void EngineAgent::SetStunServer(const std::string& host, Port port) {
  g_object_set(agent_, "stun-server", host.c_str(), "stun-server-port", guint{port.value()},
               nullptr);
}

bool EngineAgent::Gather() {
  const bool gathered = nice_agent_gather_candidates(agent_, stream_) != FALSE;
  glib_.Arm();
  return gathered;
}

bool EngineAgent::AddTurnServer(const codec::IceServer& server, const net::SocketAddress& at) {
  const NiceRelayType type = server.transport == codec::IceServerTransport::kUdp
                                 ? NICE_RELAY_TYPE_TURN_UDP
                                 : NICE_RELAY_TYPE_TURN_TCP;
  const bool taken = nice_agent_set_relay_info(
                         agent_, stream_, kComponent, at.ip().ToString().c_str(), at.port().value(),
                         server.username.c_str(), server.password.Reveal().c_str(), type) != FALSE;
  has_turn_ = has_turn_ || taken;
  glib_.Arm();
  return taken;
}

codec::IceCredentials EngineAgent::Credentials() const {
  gchar* ufrag = nullptr;
  gchar* password = nullptr;
  CHECK(nice_agent_get_local_credentials(agent_, stream_, &ufrag, &password));
  const GString0 owned_ufrag(ufrag, g_free);
  const GString0 owned_password(password, g_free);
  codec::IceCredentials credentials;
  credentials.username_fragment = ufrag;
  credentials.password = Secret(password);
  return credentials;
}

// The first connectivity check would wait for one pacing interval, though there is none before it
// to keep away from (RFC 8445, section 14.2). libnice has no call for this, but its timer is a
// source of our context that has a name, so those that `command` added are looked through. Before
// the peer's credentials are known a check could not be made.
template <typename Command>
void EngineAgent::StartChecks(Command command) {
  if (checks_started_ || !remote_known_) return command();
  const guint first = NextSourceId(glib_.context());
  command();
  const guint last = NextSourceId(glib_.context());
  for (guint id = first; id < last && !checks_started_; ++id) {
    GSource* source = g_main_context_find_source_by_id(glib_.context(), id);
    if (source == nullptr || g_strcmp0(g_source_get_name(source), kCheckTimer) != 0) continue;
    g_source_set_ready_time(source, 0);
    checks_started_ = true;
  }
}

void EngineAgent::SetRemoteCredentials(const codec::IceCredentials& credentials) {
  remote_known_ = true;
  StartChecks([&] {
    nice_agent_set_remote_credentials(agent_, stream_, credentials.username_fragment.c_str(),
                                      credentials.password.Reveal().c_str());
  });
  glib_.Arm();
}

void EngineAgent::AddRemoteCandidate(const codec::IceCandidate& candidate) {
  const CandidatePtr nice(nice_candidate_new(NiceTypeOf(candidate.type)), nice_candidate_free);
  nice->transport = NICE_CANDIDATE_TRANSPORT_UDP;
  nice->component_id = kComponent;
  nice->stream_id = stream_;
  nice->priority = candidate.priority;
  candidate.foundation.copy(nice->foundation, NICE_CANDIDATE_MAX_FOUNDATION - 1);
  CHECK(nice_address_set_from_string(&nice->addr, candidate.address.c_str()));
  nice_address_set_port(&nice->addr, candidate.port.value());
  GSList* list = g_slist_append(nullptr, nice.get());
  StartChecks([&] { nice_agent_set_remote_candidates(agent_, stream_, kComponent, list); });
  g_slist_free(list);
  glib_.Arm();
}

void EngineAgent::SetRemoteCandidatesDone() {
  nice_agent_peer_candidate_gathering_done(agent_, stream_);
  glib_.Arm();
}

template <typename Visit>
void EngineAgent::ForEachSocket(Visit visit) const {
  GPtrArray* sockets = nice_agent_get_sockets(agent_, stream_, kComponent);
  if (sockets == nullptr) return;
  for (guint i = 0; i < sockets->len; ++i) visit(static_cast<GSocket*>(sockets->pdata[i]));
  g_ptr_array_unref(sockets);
}

void EngineAgent::EnlargeSocketBuffers() {
  ForEachSocket([](GSocket* socket) {
    const net::SocketBuffers granted =
        net::SizeSocketBuffers(g_socket_get_fd(socket), {kSocketBufferBytes, kSocketBufferBytes});
    if (std::min(granted.receive, granted.send) >= kSmallSocketBuffer) return;
    LOG_FIRST_N(WARNING, 1) << "UDP socket buffers are small (receive " << granted.receive
                            << " B, send " << granted.send
                            << " B): fast transfers lose packets (sysctl -w "
                            << "net.core.rmem_max=" << kSocketBufferBytes
                            << " net.core.wmem_max=" << kSocketBufferBytes << ")";
  });
}

void EngineAgent::FilterSockets() {
  const std::string fragment = Credentials().username_fragment;
  ForEachSocket([&fragment](GSocket* socket) {
    if (g_socket_get_socket_type(socket) != G_SOCKET_TYPE_DATAGRAM) return;
    const Status filtered = FilterJunk(g_socket_get_fd(socket), fragment);
    // Works without it, only at more cost.
    LOG_IF(WARNING, !filtered.ok()) << filtered.message();
  });
}

int EngineAgent::DescriptorAt(const net::SocketAddress& address) const {
  int found = -1;
  ForEachSocket([&address, &found](GSocket* socket) {
    if (g_socket_get_socket_type(socket) != G_SOCKET_TYPE_DATAGRAM) return;
    const int fd = g_socket_get_fd(socket);
    if (net::LocalAddressOf(fd) == address) found = fd;
  });
  return found;
}

int EngineAgent::SelectedDescriptor() const {
  GSocket* socket = nice_agent_get_selected_socket(agent_, stream_, kComponent);
  if (socket == nullptr) return -1;
  const int fd = g_socket_get_fd(socket);
  g_object_unref(socket);
  return fd;
}

// libnice does not tell how, but its type preference (RFC 8445, section 5.1.2.1) of a relay is 30
// where it is reached over UDP, and 20 over TCP.
std::optional<EngineAgent::RelayLeg> EngineAgent::SelectedRelay() const {
  constexpr guint kTypePreferenceOverUdp = 30;
  // Of the agent, as the candidates of its signals lack their server.
  NiceCandidate* local = nullptr;
  NiceCandidate* remote = nullptr;
  if (!nice_agent_get_selected_pair(agent_, stream_, kComponent, &local, &remote) ||
      local->type != NICE_CANDIDATE_TYPE_RELAYED) {
    return std::nullopt;
  }
  NiceAddress server;
  nice_candidate_relay_address(local, &server);
  return RelayLeg{local->priority >> 24 < kTypePreferenceOverUdp, AddressOf(server)};
}

bool EngineAgent::Send(ByteSpan datagram) {
  return nice_agent_send(agent_, stream_, kComponent, base::CheckedCast<guint>(datagram.size()),
                         reinterpret_cast<const gchar*>(datagram.data())) >= 0;
}

void EngineAgent::Close() {
  if (std::exchange(close_started_, true)) return;
  close_ticket_ = new CloseTicket{this};
  nice_agent_close_async(agent_, &Callbacks::OnClosed, close_ticket_);
  glib_.Arm();
}

}  // namespace ming::ice
