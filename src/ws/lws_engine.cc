#include "ming/ws/lws_engine.h"

#include <glib.h>
#include <glog/logging.h>
#include <libwebsockets.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>

#include "ming/ws/heartbeat.h"
#include "ming/ws/lws_connection.h"

namespace ming::ws {
namespace {

// Room for the request or response header of one handshake; browsers send up to 8 KiB of cookies.
constexpr unsigned short kMaxHeaderBytes = 8192;  // NOLINT(google-runtime-int): the engine's type

// Above every handshake and connect time-out of ours, which end an attempt first.
constexpr unsigned kEngineTimeoutSeconds = 300;

// The engine allocates two tables with an entry (16 bytes together) for each descriptor the process
// may open, which is a billion where the limit is "unlimited".
constexpr rlim_t kMaxDescriptors = 65'536;

// Bundles of the system's CAs: Debian, Fedora, SUSE.
constexpr std::array<const char*, 3> kSystemCaFiles = {"/etc/ssl/certs/ca-certificates.crt",
                                                       "/etc/pki/tls/certs/ca-bundle.crt",
                                                       "/etc/ssl/ca-bundle.pem"};

// The heartbeat is ours: it can be set for each connection, and shares its wake-ups.
constexpr lws_retry_bo_t kNoEngineHeartbeat = {};

void LogLine(int level, const char* line) {
  std::string_view text(line);
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  const bool is_problem = (level & (LLL_ERR | LLL_WARN)) != 0;
  VLOG(is_problem ? 1 : 3) << "libwebsockets: " << text;
}

int Dispatch(lws* wsi, lws_callback_reasons reason, void* /*user*/, void* in,
             size_t size) noexcept {
  if (reason == LWS_CALLBACK_GET_THREAD_ID || wsi == nullptr) return 0;
  auto* handler = static_cast<LwsHandler*>(lws_get_opaque_user_data(wsi));
  return handler == nullptr ? 0 : handler->OnLwsEvent(wsi, reason, in, size);
}

bool IsReadable(const std::string& file) { return std::ifstream(file).good(); }

// While it lives the soft descriptor limit is at most `limit`.
class DescriptorLimitCap {
 public:
  explicit DescriptorLimitCap(rlim_t limit) {
    PCHECK(getrlimit(RLIMIT_NOFILE, &previous_) == 0);
    rlimit capped = previous_;
    capped.rlim_cur = std::min(previous_.rlim_cur, limit);
    PCHECK(setrlimit(RLIMIT_NOFILE, &capped) == 0);
  }
  ~DescriptorLimitCap() { PCHECK(setrlimit(RLIMIT_NOFILE, &previous_) == 0); }
  DescriptorLimitCap(const DescriptorLimitCap&) = delete;
  DescriptorLimitCap& operator=(const DescriptorLimitCap&) = delete;

 private:
  rlimit previous_{};
};

// `address` without port and brackets, with its zone.
std::string NumericHost(const net::SocketAddress& address) {
  std::string numeric = address.ToString();
  numeric.resize(numeric.rfind(':'));
  return numeric.front() == '[' ? numeric.substr(1, numeric.size() - 2) : numeric;
}

}  // namespace

struct LwsEngine::Vhost {
  std::string name;
  std::string key;  // of a client's: scheme, trust, slice
  // Refers to the strings below while it is created.
  std::array<lws_protocols, 2> protocols{};
  lws_context_creation_info info{};
  lws_vhost* vhost = nullptr;
};

LwsEngine::LwsEngine(net::Reactor& reactor, net::GlibBridge& bridge)
    : reactor_(reactor),
      bridge_(bridge),
      heartbeat_alarm_(reactor.CreateAlarm([this] { RunHeartbeats(); })) {}

Result<std::unique_ptr<LwsEngine>> LwsEngine::Create(net::Reactor& reactor,
                                                     net::GlibBridge& bridge) {
  std::unique_ptr<LwsEngine> engine(new LwsEngine(reactor, bridge));
  int levels = LLL_ERR | LLL_WARN;
  if (VLOG_IS_ON(3)) levels |= LLL_NOTICE | LLL_INFO;
  lws_set_log_level(levels, LogLine);

  engine->main_loop_ = g_main_loop_new(bridge.context(), FALSE);
  lws_context_creation_info info{};
  info.options = LWS_SERVER_OPTION_GLIB | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                 LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_NO_LWS_SYSTEM_STATES;
  info.foreign_loops = &engine->main_loop_;
  info.port = CONTEXT_PORT_NO_LISTEN;
  info.gid = -1;
  info.uid = -1;
  info.max_http_header_data = kMaxHeaderBytes;
  info.timeout_secs = kEngineTimeoutSeconds;
  info.connect_timeout_secs = kEngineTimeoutSeconds;
  info.retry_and_idle_policy = &kNoEngineHeartbeat;
  info.server_string = "ming";
  {
    const DescriptorLimitCap cap(kMaxDescriptors);
    engine->context_ = lws_create_context(&info);
  }
  if (engine->context_ == nullptr) {
    return Status(StatusCode::kInternal,
                  "libwebsockets does not start; is its GLib plugin installed (Debian package "
                  "libwebsockets-evlib-glib)?");
  }
  engine->Touch();
  return engine;
}

LwsEngine::~LwsEngine() {
  while (!connections_.empty()) {
    (*connections_.begin())->Abort(Status(StatusCode::kClosed, "WebSockets were shut down"));
  }
  CHECK_EQ(sockets_, 0u) << "a WsServer or WsClient outlives its WsContext";
  if (context_ != nullptr) lws_context_destroy(context_);
  if (main_loop_ != nullptr) g_main_loop_unref(static_cast<GMainLoop*>(main_loop_));
  Touch();
}

LwsEngine::Vhost& LwsEngine::AddVhost(const std::string& name, size_t read_slice) {
  auto added = std::make_unique<Vhost>();
  added->name = name + std::to_string(vhosts_made_++);
  added->protocols[0].name = "ming";
  added->protocols[0].callback = Dispatch;
  added->protocols[0].rx_buffer_size = read_slice;
  lws_context_creation_info& info = added->info;
  info.vhost_name = added->name.c_str();
  info.protocols = added->protocols.data();
  info.retry_and_idle_policy = &kNoEngineHeartbeat;
  // Without it the environment's http_proxy would apply, also to loopback.
  info.http_proxy_address = "";
  // No HTTP/2: one socket is one WebSocket.
  info.alpn = "http/1.1";
  vhosts_.push_back(std::move(added));
  return *vhosts_.back();
}

Result<lws_vhost*> LwsEngine::CreateServerVhost(const std::optional<WsServerTls>& tls,
                                                size_t read_slice) {
  if (tls) {
    for (const std::string& file : {tls->certificate_file, tls->key_file}) {
      if (!IsReadable(file)) {
        return Status(StatusCode::kInvalidArgument, "cannot read '" + file + "'");
      }
    }
  }
  Vhost& added = AddVhost("server", read_slice);
  added.info.port = CONTEXT_PORT_NO_LISTEN_SERVER;
  if (tls) {
    added.info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    added.info.ssl_cert_filepath = tls->certificate_file.c_str();
    added.info.ssl_private_key_filepath = tls->key_file.c_str();
    added.info.ssl_options_set = SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1;
  }
  added.vhost = lws_create_vhost(context_, &added.info);
  if (added.vhost == nullptr) {
    vhosts_.pop_back();
    return Status(StatusCode::kInvalidArgument, tls ? "certificate '" + tls->certificate_file +
                                                          "' and key '" + tls->key_file +
                                                          "' cannot be used (see -v=1)"
                                                    : "libwebsockets refuses a virtual host");
  }
  Touch();
  return added.vhost;
}

void LwsEngine::DestroyServerVhost(lws_vhost* vhost) {
  lws_vhost_destroy(vhost);
  Kick();
}

Result<lws_vhost*> LwsEngine::ClientVhost(const WsUrl::Scheme scheme, const WsTrust& trust,
                                          size_t read_slice) {
  const bool secure = scheme == WsUrl::Scheme::kWss;
  std::string ca_file;
  if (secure && trust.mode == WsTrust::Mode::kCaFile) {
    ca_file = trust.ca_file;
    if (!IsReadable(ca_file)) {
      return Status(StatusCode::kInvalidArgument, "cannot read '" + ca_file + "'");
    }
  } else if (secure && trust.mode == WsTrust::Mode::kSystem) {
    const auto* found = std::find_if(kSystemCaFiles.begin(), kSystemCaFiles.end(), IsReadable);
    if (found == kSystemCaFiles.end()) {
      return Status(StatusCode::kUnavailable,
                    "this system has no CA certificates (Debian package "
                    "ca-certificates)");
    }
    ca_file = *found;
  }
  const std::string key = (secure ? "wss " : "ws ") + std::to_string(read_slice) + " " + ca_file;
  for (const auto& known : vhosts_) {
    if (known->key == key) return known->vhost;
  }
  Vhost& added = AddVhost("client", read_slice);
  added.info.port = CONTEXT_PORT_NO_LISTEN;
  if (secure) added.info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
  if (!ca_file.empty()) added.info.client_ssl_ca_filepath = ca_file.c_str();
  added.info.ssl_client_options_set = SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1;
  added.vhost = lws_create_vhost(context_, &added.info);
  if (added.vhost == nullptr) {
    vhosts_.pop_back();
    return Status(StatusCode::kInvalidArgument, "CA file '" + ca_file + "' cannot be used");
  }
  added.key = key;
  Touch();
  return added.vhost;
}

void LwsEngine::Kick() {
  lws_cancel_service(context_);
  Touch();
}

bool LwsEngine::Connect(const LwsRequest& request, LwsHandler& handler, lws*& wsi) {
  // Numeric: libwebsockets would look a name up in this thread. The name is still what Host and the
  // certificate are about.
  const std::string numeric = NumericHost(request.address);
  lws_client_connect_info info{};
  info.context = context_;
  info.vhost = request.vhost;
  info.address = numeric.c_str();
  info.port = request.address.port().value();
  info.host = request.host.c_str();
  info.path = request.target.c_str();
  info.method = request.plain_get ? "GET" : nullptr;
  info.ssl_connection = request.tls_flags | LCCSCF_HTTP_NO_FOLLOW_REDIRECT;
  info.local_protocol_name = "ming";
  info.alpn = "http/1.1";
  info.pwsi = &wsi;
  info.opaque_user_data = &handler;
  NoteSocketOpened();
  const bool started = lws_client_connect_via_info(&info) != nullptr;
  if (!started) {
    wsi = nullptr;
    NoteSocketClosed();
  }
  Kick();
  return started;
}

void LwsEngine::DropSocket(lws* wsi) {
  lws_set_opaque_user_data(wsi, nullptr);
  // Killed at once, a socket whose peer has not taken all that was written would be kept until it
  // has; a time-out of the engine's own ends it without regard to that.
  const bool unsent = lws_partial_buffered(wsi) != 0;
  lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, unsent ? LWS_TO_KILL_ASYNC : LWS_TO_KILL_SYNC);
  Kick();
}

void LwsEngine::ScheduleHeartbeat(LwsHeartbeatUser& user, Timestamp when) {
  if (when == Timestamp::Max()) return;
  heartbeats_.emplace(when, &user);
  ArmHeartbeats();
}

void LwsEngine::CancelHeartbeat(LwsHeartbeatUser& user, Timestamp when) {
  heartbeats_.erase({when, &user});
  if (heartbeats_.empty()) ArmHeartbeats();
}

void LwsEngine::ArmHeartbeats() {
  heartbeat_alarm_->ArmAt(heartbeats_.empty() ? Timestamp::Max()
                                              : RoundUpToSecond(heartbeats_.begin()->first));
}

void LwsEngine::RunHeartbeats() {
  const Timestamp now = reactor_.Now();
  while (!heartbeats_.empty() && heartbeats_.begin()->first <= now) {
    LwsHeartbeatUser* user = heartbeats_.begin()->second;
    heartbeats_.erase(heartbeats_.begin());
    const Timestamp next = user->OnHeartbeat(now);
    if (next != Timestamp::Max()) heartbeats_.emplace(next, user);
  }
  ArmHeartbeats();
}

}  // namespace ming::ws
