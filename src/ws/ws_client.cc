#include "ming/ws/ws_client.h"

#include <glog/logging.h>
#include <libwebsockets.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <openssl/x509v3.h>

#include "ming/base/utf8.h"
#include "ming/net/resolver.h"
#include "ming/net/turn_end_hook.h"
#include "ming/ws/lws_connection.h"
#include "ming/ws/lws_engine.h"
#include "ming/ws/ws_context.h"

namespace ming::ws {
namespace {

constexpr size_t kMaxHeaders = 16;

bool IsFieldValue(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

// RFC 9110, section 5.6.2.
bool IsToken(std::string_view text) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return letter || kOthers.find(c) != std::string_view::npos;
  });
}

// libwebsockets cuts the host at its first colon before it compares it with the certificate.
bool NeedsOwnNameCheck(const WsClientOptions& options) {
  return options.url.secure() && options.trust.mode != WsTrust::Mode::kInsecure &&
         options.url.endpoint.host.find(':') != std::string::npos;
}

// Whether the peer's certificate is for the IPv6 address we connect to.
bool IsForAddress(lws* wsi, const std::string& address) {
  X509* certificate = SSL_get1_peer_certificate(lws_get_ssl(wsi));
  if (certificate == nullptr) return false;
  const bool matches = X509_check_ip_asc(certificate, address.c_str(), 0) == 1;
  X509_free(certificate);
  return matches;
}

int TlsFlags(const WsClientOptions& options) {
  if (!options.url.secure()) return 0;
  int flags = LCCSCF_USE_SSL;
  if (NeedsOwnNameCheck(options)) flags |= LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK;
  if (options.trust.mode == WsTrust::Mode::kInsecure) {
    flags |= LCCSCF_ALLOW_SELFSIGNED | LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK |
             LCCSCF_ALLOW_EXPIRED | LCCSCF_ALLOW_INSECURE;
  }
  return flags;
}

// `http`: the status of the answer, or 0 where there was none; `text`: libwebsockets' own words.
Status DescribeFailure(int http, std::string_view text) {
  if (http == 401) return {StatusCode::kPermissionDenied, "the server refuses our token", http};
  if (http == 403) return {StatusCode::kPermissionDenied, "the server refuses us", http};
  if (http >= 100 && http != 101) {
    return {StatusCode::kUnavailable, "the server answered HTTP " + std::to_string(http), http};
  }
  if (http == 101 || text.substr(0, 3) == "HS:") {
    return {StatusCode::kProtocolViolation,
            "no WebSocket server (" + PrintableText(text, 100) + ")"};
  }
  return {StatusCode::kUnavailable, PrintableText(text, 100)};
}

// The TCP handshake has not begun to succeed.
bool IsUnanswered(int fd) {
  tcp_info info{};
  socklen_t size = sizeof(info);
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return false;
  return info.tcpi_state == TCP_SYN_SENT;
}

// None where the failure has nothing to do with TLS; libwebsockets' own words for it say nothing.
std::optional<Status> DescribeTlsFailure(const WsClientOptions& options, lws* wsi) {
  const SSL* const ssl = lws_get_ssl(wsi);
  if (ssl == nullptr || SSL_is_init_finished(ssl) == 1) return std::nullopt;
  const long verdict = SSL_get_verify_result(ssl);  // NOLINT(google-runtime-int): OpenSSL's type
  if (verdict != X509_V_OK && options.trust.mode != WsTrust::Mode::kInsecure) {
    return Status(StatusCode::kUnavailable, std::string("the server's certificate is refused: ") +
                                                X509_verify_cert_error_string(verdict));
  }
  return Status(StatusCode::kUnavailable, "the TLS handshake failed");
}

class LwsClient final : public WsClient, private LwsHandler {
 public:
  LwsClient(LwsEngine& engine, net::Resolver& resolver, const WsClientOptions& options,
            DoneCallback done);
  ~LwsClient() override;
  LwsClient(const LwsClient&) = delete;
  LwsClient& operator=(const LwsClient&) = delete;

  void Start();

 private:
  int OnLwsEvent(lws* wsi, int reason, void* in, size_t size) override;
  void OnResolved(Result<std::vector<net::SocketAddress>> addresses);
  void TryNext();
  void Connect(const net::SocketAddress& address);
  void OnAttemptTimeout();
  void OnReachTimeout();
  int AppendHeaders(lws* wsi, void* in, size_t room);
  void NoteFailure(Status why);
  void OnTurnEnd();
  void Finish();
  void DropSocket();

  LwsEngine& engine_;
  net::Resolver& resolver_;
  const WsClientOptions options_;
  DoneCallback done_;
  Timestamp deadline_;
  std::unique_ptr<net::Resolver::Request> request_;
  std::vector<net::SocketAddress> addresses_;
  size_t tried_ = 0;
  lws* wsi_ = nullptr;
  std::unique_ptr<LwsConnection> connection_;
  Status failure_;
  bool final_ = false;  // no further address is tried
  std::unique_ptr<link::Alarm> alarm_;
  std::unique_ptr<link::Alarm> reach_alarm_;
  net::TurnEndHook turn_end_;
};

LwsClient::LwsClient(LwsEngine& engine, net::Resolver& resolver, const WsClientOptions& options,
                     DoneCallback done)
    : engine_(engine),
      resolver_(resolver),
      options_(options),
      done_(std::move(done)),
      deadline_(engine.reactor().Now() + options.connect_timeout),
      alarm_(engine.reactor().CreateAlarm([this] { OnAttemptTimeout(); })),
      reach_alarm_(engine.reactor().CreateAlarm([this] { OnReachTimeout(); })),
      turn_end_(engine.reactor(), [this] { OnTurnEnd(); }) {}

LwsClient::~LwsClient() { DropSocket(); }

void LwsClient::Start() {
  alarm_->ArmAt(deadline_);
  const HostPort& endpoint = options_.url.endpoint;
  request_ = resolver_.Resolve(endpoint.host, endpoint.port,
                               [this](Result<std::vector<net::SocketAddress>> addresses) {
                                 OnResolved(std::move(addresses));
                               });
}

void LwsClient::OnResolved(Result<std::vector<net::SocketAddress>> addresses) {
  if (addresses.ok()) {
    addresses_ = *std::move(addresses);
    TryNext();
    return;
  }
  failure_ = addresses.status();
  final_ = true;
  turn_end_.Request();
}

// Each address gets an equal share of the time that is left, so that one that swallows everything
// does not use it up.
void LwsClient::TryNext() {
  const size_t left = addresses_.size() - tried_;
  const Timestamp now = engine_.reactor().Now();
  alarm_->ArmAt(now + (deadline_ - now) / static_cast<Duration::rep>(left));
  reach_alarm_->ArmAt(now + options_.reach_timeout);
  failure_ = Status::Ok();
  Connect(addresses_[tried_++]);
}

void LwsClient::Connect(const net::SocketAddress& address) {
  auto vhost = engine_.ClientVhost(options_.url.scheme, options_.trust, options_.limits.read_slice);
  if (!vhost.ok()) {
    final_ = true;
    NoteFailure(vhost.status());
    return;
  }
  LwsRequest request;
  request.vhost = *vhost;
  request.address = address;
  request.host = options_.url.HostHeader();
  request.target = options_.url.target;
  request.tls_flags = TlsFlags(options_);
  if (!engine_.Connect(request, *this, wsi_) && failure_.ok()) {
    NoteFailure(Status(StatusCode::kUnavailable, "cannot connect to " + address.ToString()));
  }
}

int LwsClient::OnLwsEvent(lws* wsi, int reason, void* in, size_t size) {
  switch (reason) {
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
      return AppendHeaders(wsi, in, size);
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
      wsi_ = nullptr;
      connection_ = std::make_unique<LwsConnection>(
          engine_, wsi, std::make_shared<const WsLimits>(options_.limits), addresses_[tried_ - 1],
          nullptr);
      turn_end_.Request();
      return 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR: {
      const std::string_view text =
          in == nullptr ? std::string_view() : std::string_view(static_cast<const char*>(in), size);
      const int http = static_cast<int>(lws_http_client_http_response(wsi));
      VLOG(1) << "ws: connecting failed, HTTP " << http << ": " << text;
      const std::optional<Status> tls = DescribeTlsFailure(options_, wsi);
      // What a server said stands: another address failing in its way would only hide it.
      final_ = http != 0 || tls;
      NoteFailure(tls ? *tls : DescribeFailure(http, text));
      return 0;
    }
    case LWS_CALLBACK_WSI_DESTROY:
      if (wsi != wsi_) return 0;
      wsi_ = nullptr;
      engine_.NoteSocketClosed();
      if (failure_.ok()) NoteFailure(Status(StatusCode::kUnavailable, "the connection was lost"));
      return 0;
    default:
      return 0;
  }
}

// The last moment before the request, with its token, is sent.
int LwsClient::AppendHeaders(lws* wsi, void* in, size_t room) {
  if (NeedsOwnNameCheck(options_) && !IsForAddress(wsi, options_.url.endpoint.host)) {
    NoteFailure(Status(StatusCode::kUnavailable, "the server's certificate is for another name"));
    return -1;
  }
  auto** position = static_cast<unsigned char**>(in);
  unsigned char* end = *position + room;
  const auto append = [&](const std::string& name, const std::string& value) {
    const std::string with_colon = name + ":";
    return lws_add_http_header_by_name(wsi,
                                       reinterpret_cast<const unsigned char*>(with_colon.c_str()),
                                       reinterpret_cast<const unsigned char*>(value.data()),
                                       static_cast<int>(value.size()), position, end) == 0;
  };
  if (!options_.bearer_token.empty() &&
      !append("Authorization", "Bearer " + options_.bearer_token.Reveal())) {
    return -1;
  }
  for (const WsHeader& header : options_.headers) {
    if (!append(header.name, header.value)) return -1;
  }
  return 0;
}

void LwsClient::NoteFailure(Status why) {
  failure_ = std::move(why);
  turn_end_.Request();
}

void LwsClient::OnAttemptTimeout() {
  DropSocket();
  request_.reset();
  if (tried_ == addresses_.size()) final_ = true;
  NoteFailure(Status(StatusCode::kTimeout, "no answer in time"));
}

void LwsClient::OnReachTimeout() {
  if (wsi_ != nullptr && IsUnanswered(lws_get_socket_fd(wsi_))) OnAttemptTimeout();
}

void LwsClient::OnTurnEnd() {
  if (connection_ != nullptr) {
    Finish();
    return;
  }
  DropSocket();
  if (final_ || tried_ == addresses_.size()) {
    Finish();
  } else {
    TryNext();
  }
}

void LwsClient::Finish() {
  alarm_.reset();
  reach_alarm_.reset();
  request_.reset();
  DoneCallback done = std::move(done_);
  if (connection_ != nullptr) {
    done(std::unique_ptr<WsConnection>(std::move(connection_)));
    return;
  }
  done(failure_.WithContext("cannot connect to " + options_.url.ToString()));
}

void LwsClient::DropSocket() {
  if (wsi_ == nullptr) return;
  lws* wsi = std::exchange(wsi_, nullptr);
  engine_.NoteSocketClosed();
  engine_.DropSocket(wsi);
}

}  // namespace

std::vector<std::string> Validate(const WsClientOptions& options) {
  std::vector<std::string> problems = Validate(options.limits);
  const auto require = [&](bool holds, const char* sentence) {
    if (!holds) problems.emplace_back(sentence);
  };
  require(!options.url.endpoint.host.empty() && options.url.endpoint.port != Port(0),
          "the WebSocket URL has no host or port");
  require(IsFieldValue(options.bearer_token.Reveal()), "the token has line breaks");
  require(options.headers.size() <= kMaxHeaders, "at most 16 request headers are possible");
  for (const WsHeader& header : options.headers) {
    require(IsToken(header.name) && IsFieldValue(header.value), "a request header is malformed");
  }
  require((options.trust.mode == WsTrust::Mode::kCaFile) == !options.trust.ca_file.empty(),
          "a CA file is needed where trust is by CA file, and only there");
  require(options.connect_timeout > Duration::zero() &&
              options.connect_timeout <= std::chrono::seconds(120),
          "the connect time must be positive and at most 2m");
  require(options.reach_timeout > Duration::zero(), "the time to reach a server must be positive");
  return problems;
}

std::unique_ptr<WsClient> WsClient::Connect(WsContext& context, net::Resolver& resolver,
                                            const WsClientOptions& options, DoneCallback done) {
  const auto problems = Validate(options);
  CHECK(problems.empty()) << problems.front();
  auto client = std::make_unique<LwsClient>(context.engine(), resolver, options, std::move(done));
  client->Start();
  return client;
}

}  // namespace ming::ws
