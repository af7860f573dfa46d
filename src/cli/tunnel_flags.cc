#include "ming/cli/tunnel_flags.h"

#include <gflags/gflags.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ming/base/units.h"
#include "ming/cli/common_flags.h"
#include "ming/cli/flag_value.h"
#include "ming/cli/gflags_table.h"
#include "ming/cli/small_file.h"
#include "ming/codec/ice_server_url.h"
#include "ming/tls/tls_trust.h"

DEFINE_string(id, "", "the host's ID at the signaling server");
DEFINE_string(signal, "ws://localhost:8080", "signaling server, ws:// or wss://");
DEFINE_string(protocol, "tcp", "what is tunnelled");
DEFINE_string(local, "localhost:25565", "where local applications connect");
DEFINE_string(remote, "localhost:25565", "the service to forward to");
DEFINE_string(token, "", "the signaling server's token");

DEFINE_string(stun_server, "stun:stun.l.google.com:19302", "STUN servers; none: `none`");
DEFINE_string(turn_server, "", "TURN servers: turn:HOST:PORT[?transport=tcp], turns:...");
DEFINE_string(turn_username, "", "user name for all of them");
DEFINE_string(turn_password, "", "password for all of them");
DEFINE_bool(relay_only, false, "use TURN relays only: the peer does not see our addresses");
DEFINE_string(port_range, "", "local UDP ports, as 20000-20100");
DEFINE_string(interfaces, "", "network interfaces to use, as eth0,wlan0; none: all");
DEFINE_bool(loopback, false, "offer 127.0.0.1 beside other addresses");
DEFINE_bool(udp_offload, true, "many UDP datagrams a system call, where the kernel can");
DEFINE_string(ca_file, "", "authorities (PEM) of wss:// and turns: servers; none: the system's");
DEFINE_bool(insecure, false, "believe any certificate of wss:// and turns: servers");
DEFINE_string(path_mtu, "auto", "largest datagram to a ming; off: 1200B; auto: as the path allows");
DEFINE_bool(extensions, true, "half-close and flow control between two ming");

DEFINE_string(wait, "", "at start, wait so long for the server and the host");
DEFINE_string(connect_timeout, "", "time to find a path to the peer");
DEFINE_string(session_timeout, "", "how long a session whose path was lost is kept");
DEFINE_string(disconnect_after, "", "silence of the peer that counts as a lost path");
DEFINE_string(dial_timeout, "", "time to connect to --remote");
DEFINE_string(max_clients, "", "clients at once");
DEFINE_string(max_waiting, "", "connections that wait for a path at once");
DEFINE_string(max_wait, "", "how long each of them waits before it is refused");
DEFINE_string(buffer_size, "", "bytes kept for each connection and direction");
DEFINE_string(data_message_size, "", "longest message on a data channel");
DEFINE_string(idle_timeout, "", "TCP: end connections idle for so long; 0: never");
DEFINE_string(udp_idle_timeout, "", "UDP: forget sources idle for so long");
DEFINE_string(max_flows, "", "UDP: sources at once");
DEFINE_string(max_datagram_size, "", "UDP: longer datagrams are dropped");
DECLARE_string(max_connections);
DECLARE_string(drain_timeout);

namespace ming::cli {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr uint64_t kMaxIdBytes = 128;
// Channels that one SCTP association gives the side that opens them, less the last one.
constexpr uint64_t kMaxChannels = 32'767;
constexpr Duration kDefaultDrainTimeout = seconds(5);

FlagSpec IdFlag(const std::string& help) {
  FlagSpec id = GflagsFlag("id", ValueType::kText, "ID");
  id.help = help;
  id.required = true;
  id.maximum = kMaxIdBytes;
  return id;
}

// What only a peer of its own right announces.
FlagSpec ExtensionsFlag() {
  FlagSpec flag = GflagsFlag("extensions", ValueType::kBool, "");
  flag.group = FlagGroup::kNetwork;
  return flag;
}

FlagSpec PathMtuFlag() {
  FlagSpec flag = GflagsFlag("path-mtu", ValueType::kSize, "auto|off|SIZE");
  flag.group = FlagGroup::kNetwork;
  flag.choices = {"auto", "off"};
  flag.minimum = p2p::kMinPathMtu;
  flag.maximum = p2p::kMaxPathMtu;
  return flag;
}

size_t PathMtu() {
  if (FLAGS_path_mtu == "auto") return p2p::kMaxPathMtu;
  return FLAGS_path_mtu == "off" ? p2p::kMinPathMtu : SizeValue(FLAGS_path_mtu);
}

// Those of both roles; the presets of both are the same.
std::vector<FlagSpec> CommonLimits(Duration wait, Duration connect, Duration session_timeout) {
  const p2p::TunnelClientOptions presets;
  const tunnel::UdpFlowOptions& flows = presets.udp.flows;
  return {
      TimeFlag("wait", wait, milliseconds(100), hours(24)),
      TimeFlag("connect-timeout", connect, seconds(1), minutes(5)),
      TimeFlag("session-timeout", session_timeout, seconds(1), hours(1)),
      TimeFlag("disconnect-after", presets.peer.disconnected_after, seconds(1), minutes(5)),
      CountFlag("max-connections", presets.tcp.admission.max_connections, 1, kMaxChannels),
      SizeFlag("buffer-size", presets.tcp.channel.receive_limit, 16 * kKiB, 256 * kMiB),
      SizeFlag("data-message-size", presets.peer.max_message_bytes, kKiB, kMiB),
      TimeFlag("idle-timeout", Duration(0), Duration(0), hours(24 * 365)),
      TimeFlag("udp-idle-timeout", flows.idle_timeout, milliseconds(100), hours(24)),
      CountFlag("max-flows", flows.max_flows, 1, kMaxChannels),
      SizeFlag("max-datagram-size", flows.max_datagram_bytes, 1, 65'507),
      TimeFlag("drain-timeout", kDefaultDrainTimeout, Duration(0), hours(1)),
      SpinFlag(),
  };
}

// `main` and `own_limits` are those of one role, in front of what both have.
FlagSet TunnelFlags(const std::vector<FlagSpec>& main, const std::vector<FlagSpec>& own_limits,
                    const std::vector<FlagSpec>& common_limits) {
  return JoinFlags({main,
                    AccessFlags(),
                    RoleFlags(),
                    {HelpFlag()},
                    NetworkFlags(),
                    {PathMtuFlag(), ExtensionsFlag()},
                    own_limits,
                    common_limits,
                    GlogFlags()});
}

size_t Count(const std::string& text) { return *ParseInteger(text); }

Result<codec::IceServer> ParseServer(const Settings& settings, const std::string& flag,
                                     const std::string& text, codec::IceServerKind kind) {
  Result<codec::IceServer> server = codec::ParseIceServerUrl(text);
  if (!server.ok()) return server.status().WithContext(settings.Get(flag).where);
  if (server->kind == kind) return server;
  const bool want_turn = kind == codec::IceServerKind::kTurn;
  return BadValue(settings, flag,
                  want_turn ? "a STUN server (set it by --stun-server)"
                            : "a TURN server (set it by --turn-server)");
}

Status SetStunServers(const Settings& settings, ice::IceOptions& ice) {
  if (FLAGS_stun_server == "none") return Status::Ok();
  for (const std::string& text : SplitList(FLAGS_stun_server)) {
    Result<codec::IceServer> server =
        ParseServer(settings, "stun-server", text, codec::IceServerKind::kStun);
    if (!server.ok()) return server.status();
    ice.servers.push_back(*std::move(server));
  }
  return Status::Ok();
}

Status SetTurnServers(const Settings& settings, ice::IceOptions& ice) {
  for (const std::string& text : SplitList(FLAGS_turn_server)) {
    Result<codec::IceServer> server =
        ParseServer(settings, "turn-server", text, codec::IceServerKind::kTurn);
    if (!server.ok()) return server.status();
    if (server->username.empty()) {
      server->username = FLAGS_turn_username;
      server->password = Secret(FLAGS_turn_password);
    }
    if (server->username.empty() || server->password.empty()) {
      return BadValue(settings, "turn-server",
                      "a TURN server needs --turn-username and --turn-password-file");
    }
    ice.servers.push_back(*std::move(server));
  }
  if (FLAGS_relay_only && FLAGS_turn_server.empty()) {
    return BadValue(settings, "relay-only", "needs a relay: set --turn-server");
  }
  return Status::Ok();
}

bool UsesTls(const codec::IceServer& server) {
  return server.transport == codec::IceServerTransport::kTls;
}

// The system's authorities are loaded here, once, and not for each peer connection.
Status SetTurnTrust(const Settings& settings, p2p::PeerAccess& peer) {
  std::shared_ptr<const tls::TlsTrust>& trust = peer.turn_trust;
  if (FLAGS_insecure) trust = tls::TlsTrust::Insecure();
  if (FLAGS_ca_file.empty()) {
    const std::vector<codec::IceServer>& servers = peer.ice.servers;
    if (trust || std::none_of(servers.begin(), servers.end(), UsesTls)) return Status::Ok();
    auto system = tls::TlsTrust::System();
    if (!system.ok()) return system.status().WithContext(settings.Get("turn-server").where);
    trust = *std::move(system);
    return Status::Ok();
  }
  const Result<std::string> file = ReadSmallFile(FLAGS_ca_file, 16 * kMiB);
  if (!file.ok()) return file.status().WithContext(settings.Get("ca-file").where);
  auto authorities = tls::TlsTrust::FromPem(ByteSpan(*file));
  if (!authorities.ok()) return authorities.status().WithContext(settings.Get("ca-file").where);
  trust = *std::move(authorities);
  return Status::Ok();
}

Status SetPeer(const Settings& settings, p2p::TunnelProtocol protocol, p2p::PeerAccess& peer) {
  if (Status set = SetIce(settings, peer.ice); !set.ok()) return set;
  if (Status set = SetTurnTrust(settings, peer); !set.ok()) return set;
  peer.path_mtu = PathMtu();
  peer.announce_features = FLAGS_extensions;
  peer.max_message_bytes = SizeValue(FLAGS_data_message_size);
  peer.disconnected_after = DurationValue(FLAGS_disconnect_after);
  const bool tcp = protocol == p2p::TunnelProtocol::kTcp;
  peer.max_channels = Count(tcp ? FLAGS_max_connections : FLAGS_max_flows);
  return Status::Ok();
}

void SetStreams(tunnel::ChannelStreamOptions& channel, tunnel::RelayOptions& relay) {
  channel.receive_limit = SizeValue(FLAGS_buffer_size);
  channel.receive_high_water = channel.receive_limit / 4;
  channel.receive_low_water = channel.receive_limit / 16;
  const Duration idle = DurationValue(FLAGS_idle_timeout);
  if (idle > Duration(0)) relay.idle_timeout = idle;
}

void SetFlows(tunnel::UdpFlowOptions& flows) {
  flows.idle_timeout = DurationValue(FLAGS_udp_idle_timeout);
  flows.max_flows = Count(FLAGS_max_flows);
  flows.max_datagram_bytes = SizeValue(FLAGS_max_datagram_size);
}

// What both roles take from the same flags; `sessions` is a part of `options`.
template <typename Options, typename Sessions>
Status SetTunnel(const Settings& settings, Options& options, Sessions& sessions) {
  if (Status set = SetSignaling(settings, options.signaling); !set.ok()) return set;
  options.protocol = p2p::ParseTunnelProtocol(FLAGS_protocol).value();
  if (Status set = SetPeer(settings, options.protocol, options.peer); !set.ok()) return set;
  sessions.wait = DurationValue(FLAGS_wait);
  sessions.connect_timeout = DurationValue(FLAGS_connect_timeout);
  sessions.session_timeout = DurationValue(FLAGS_session_timeout);
  SetStreams(options.tcp.channel, options.tcp.relay);
  SetFlows(options.udp.flows);
  options.udp.sockets.offload = FLAGS_udp_offload;
  return Status::Ok();
}

// Where connections go to. Without a host it is this machine, as for the Go program.
Result<HostPort> Remote(const Settings& settings) {
  HostPort remote = AddressValue(FLAGS_remote);
  if (remote.port == Port(0)) return BadValue(settings, "remote", "port 0 cannot be connected to");
  if (remote.host.empty()) remote.host = "localhost";
  return remote;
}

// The flags checked each value; what is left are values that do not go together.
Status OneLine(const Status& problems) {
  std::string text = problems.message();
  for (size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at)) {
    text.replace(at, 1, "; ");
  }
  return problems.ok() ? Status::Ok() : Status(problems.code(), text);
}

}  // namespace

std::vector<FlagSpec> AccessFlags() {
  FlagSpec protocol = GflagsFlag("protocol", ValueType::kChoice, "tcp|udp");
  protocol.choices = {"tcp", "udp"};
  FlagSpec token = GflagsFlag("token", ValueType::kText, "TOKEN");
  token.sensitivity = Sensitivity::kSecret;
  return {GflagsFlag("signal", ValueType::kText, "URL"), std::move(protocol), std::move(token)};
}

std::vector<FlagSpec> NetworkFlags() {
  FlagSpec turn_password = GflagsFlag("turn-password", ValueType::kText, "PASSWORD");
  turn_password.sensitivity = Sensitivity::kSecret;
  std::vector<FlagSpec> flags = {
      GflagsFlag("stun-server", ValueType::kTextList, "LIST"),
      GflagsFlag("turn-server", ValueType::kTextList, "LIST"),
      GflagsFlag("turn-username", ValueType::kText, "NAME"),
      std::move(turn_password),
      GflagsFlag("relay-only", ValueType::kBool, ""),
      GflagsFlag("port-range", ValueType::kPortRange, "LOW-HIGH"),
      GflagsFlag("interfaces", ValueType::kTextList, "LIST"),
      GflagsFlag("loopback", ValueType::kBool, ""),
      GflagsFlag("udp-offload", ValueType::kBool, ""),
      GflagsFlag("ca-file", ValueType::kPath, "FILE"),
      GflagsFlag("insecure", ValueType::kBool, ""),
  };
  for (FlagSpec& flag : flags) flag.group = FlagGroup::kNetwork;
  return flags;
}

Status SetSignaling(const Settings& settings, p2p::SignalingAccess& access) {
  Result<ws::WsUrl> url = ws::ParseWsUrl(FLAGS_signal);
  if (!url.ok()) return url.status().WithContext(settings.Get("signal").where);
  access.url = *std::move(url);
  access.token = Secret(FLAGS_token);
  if (FLAGS_insecure && !FLAGS_ca_file.empty()) {
    return BadValue(settings, "insecure", "believes everybody, so --ca-file would be ignored");
  }
  if (FLAGS_insecure) access.trust.mode = ws::WsTrust::Mode::kInsecure;
  if (FLAGS_ca_file.empty()) return Status::Ok();
  access.trust.mode = ws::WsTrust::Mode::kCaFile;
  access.trust.ca_file = FLAGS_ca_file;
  return Status::Ok();
}

Status SetIce(const Settings& settings, ice::IceOptions& ice) {
  if (Status set = SetStunServers(settings, ice); !set.ok()) return set;
  if (Status set = SetTurnServers(settings, ice); !set.ok()) return set;
  if (FLAGS_relay_only) ice.policy = ice::CandidatePolicy::kRelayOnly;
  if (FLAGS_loopback) ice.loopback = ice::LoopbackUse::kAlways;
  if (!FLAGS_udp_offload) ice.offload = ice::UdpOffload::kOff;
  if (const auto range = ParsePortRange(FLAGS_port_range).value()) {
    ice.ports = ice::PortRange{range->low, range->high};
  }
  ice.interfaces = SplitList(FLAGS_interfaces);
  return Status::Ok();
}

FlagSet HostFlags() {
  const p2p::TunnelHostOptions presets;
  const p2p::HostSessionsOptions& sessions = presets.sessions;
  const std::vector<FlagSpec> own_limits = {
      CountFlag("max-clients", sessions.max_sessions, 1, 100'000),
      TimeFlag("dial-timeout", presets.tcp.dial_timeout, milliseconds(100), hours(1)),
  };
  return TunnelFlags(
      {IdFlag("the ID that clients reach this host by"),
       GflagsFlag("remote", ValueType::kAddress, "HOST:PORT")},
      own_limits, CommonLimits(sessions.wait, sessions.connect_timeout, sessions.session_timeout));
}

FlagSet ClientFlags() {
  const p2p::TunnelClientOptions presets;
  const p2p::ClientSessionOptions& session = presets.session;
  const std::vector<FlagSpec> own_limits = {
      CountFlag("max-waiting", presets.tcp.admission.max_waiting, 1, kMaxChannels),
      TimeFlag("max-wait", presets.tcp.admission.max_wait, milliseconds(1), hours(1)),
  };
  return TunnelFlags({IdFlag("the ID of the host to reach"),
                      GflagsFlag("local", ValueType::kAddress, "HOST:PORT")},
                     own_limits,
                     CommonLimits(session.wait, session.connect_timeout, session.session_timeout));
}

Result<p2p::TunnelHostOptions> HostOptions(const Settings& settings) {
  p2p::TunnelHostOptions options;
  options.id = FLAGS_id;
  if (Status set = SetTunnel(settings, options, options.sessions); !set.ok()) return set;
  options.sessions.max_sessions = Count(FLAGS_max_clients);
  const Result<HostPort> remote = Remote(settings);
  if (!remote.ok()) return remote.status();
  options.tcp.remote = options.udp.remote = *remote;
  options.tcp.dial_timeout = DurationValue(FLAGS_dial_timeout);
  options.tcp.max_channels = Count(FLAGS_max_connections);
  if (Status valid = p2p::Validate(options); !valid.ok()) return OneLine(valid);
  return options;
}

Result<p2p::TunnelClientOptions> ClientOptions(const Settings& settings) {
  p2p::TunnelClientOptions options;
  options.host_id = FLAGS_id;
  if (Status set = SetTunnel(settings, options, options.session); !set.ok()) return set;
  options.tcp.local = options.udp.local = AddressValue(FLAGS_local);
  options.tcp.admission.max_connections = Count(FLAGS_max_connections);
  options.tcp.admission.max_waiting = Count(FLAGS_max_waiting);
  options.tcp.admission.max_wait = DurationValue(FLAGS_max_wait);
  if (Status valid = p2p::Validate(options); !valid.ok()) return OneLine(valid);
  return options;
}

Duration DrainTimeout() { return DurationValue(FLAGS_drain_timeout); }

}  // namespace ming::cli
