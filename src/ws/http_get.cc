#include "ming/ws/http_get.h"

#include <glog/logging.h>
#include <libwebsockets.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "ming/base/checked_cast.h"
#include "ming/base/utf8.h"
#include "ming/net/resolver.h"
#include "ming/net/turn_end_hook.h"
#include "ming/ws/lws_engine.h"
#include "ming/ws/ws_client.h"
#include "ming/ws/ws_context.h"

namespace ming::ws {
namespace {

constexpr size_t kReadSlice = 4096;
constexpr size_t kMaxTarget = 2048;

class LwsHttpGet final : public HttpGet, private LwsHandler {
 public:
  LwsHttpGet(LwsEngine& engine, const HttpGetOptions& options, DoneCallback done);
  ~LwsHttpGet() override;
  LwsHttpGet(const LwsHttpGet&) = delete;
  LwsHttpGet& operator=(const LwsHttpGet&) = delete;

  void Begin(net::Resolver& resolver);

 private:
  int OnLwsEvent(lws* wsi, int reason, void* in, size_t size) override;
  void OnResolved(Result<std::vector<net::SocketAddress>> addresses);
  void TryNext();
  int OnConnectionError(lws* wsi, std::string_view text);
  int OnReadable(lws* wsi);
  int OnBody(std::string_view part);
  void Note(Result<HttpAnswer> outcome);
  void OnTurnEnd();
  void DropSocket();

  LwsEngine& engine_;
  const HttpGetOptions options_;
  DoneCallback done_;
  std::unique_ptr<net::Resolver::Request> request_;
  std::vector<net::SocketAddress> addresses_;
  size_t tried_ = 0;
  lws* wsi_ = nullptr;
  bool connected_ = false;  // the request is on its way: no other address is tried
  HttpAnswer answer_;
  std::optional<Result<HttpAnswer>> outcome_;
  std::unique_ptr<link::Alarm> alarm_;
  net::TurnEndHook turn_end_;
};

LwsHttpGet::LwsHttpGet(LwsEngine& engine, const HttpGetOptions& options, DoneCallback done)
    : engine_(engine),
      options_(options),
      done_(std::move(done)),
      alarm_(engine.reactor().CreateAlarm([this] {
        outcome_.reset();
        Note(Status(StatusCode::kTimeout, "no answer in time"));
      })),
      turn_end_(engine.reactor(), [this] { OnTurnEnd(); }) {}

LwsHttpGet::~LwsHttpGet() { DropSocket(); }

void LwsHttpGet::Begin(net::Resolver& resolver) {
  alarm_->ArmAt(engine_.reactor().Now() + options_.timeout);
  request_ = resolver.Resolve(options_.server.host, options_.server.port,
                              [this](Result<std::vector<net::SocketAddress>> addresses) {
                                OnResolved(std::move(addresses));
                              });
}

void LwsHttpGet::OnResolved(Result<std::vector<net::SocketAddress>> addresses) {
  if (!addresses.ok()) {
    Note(addresses.status());
    return;
  }
  addresses_ = *std::move(addresses);
  TryNext();
}

void LwsHttpGet::TryNext() {
  const net::SocketAddress& address = addresses_[tried_++];
  outcome_.reset();
  const auto vhost = engine_.ClientVhost(WsUrl::Scheme::kWs, WsTrust(), kReadSlice);
  if (!vhost.ok()) {
    tried_ = addresses_.size();
    Note(vhost.status());
    return;
  }
  LwsRequest request;
  request.vhost = *vhost;
  request.address = address;
  request.host = options_.server.ToString();
  request.target = options_.target;
  request.plain_get = true;
  if (!engine_.Connect(request, *this, wsi_) && !outcome_) {
    Note(Status(StatusCode::kUnavailable, "nobody can be connected to"));
  }
}

int LwsHttpGet::OnLwsEvent(lws* wsi, int reason, void* in, size_t size) {
  const auto text = [in, size] {
    return in == nullptr ? std::string_view() : std::string_view(static_cast<char*>(in), size);
  };
  switch (reason) {
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
      connected_ = true;
      return 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
      return OnConnectionError(wsi, text());
    case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
      answer_.status = static_cast<int>(lws_http_client_http_response(wsi));
      return 0;
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP:
      return OnReadable(wsi);
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ:
      return OnBody(text());
    case LWS_CALLBACK_COMPLETED_CLIENT_HTTP:
      if (!outcome_) Note(std::move(answer_));
      return -1;
    case LWS_CALLBACK_WSI_DESTROY:
      if (wsi != wsi_) return 0;
      wsi_ = nullptr;
      engine_.NoteSocketClosed();
      if (!outcome_) {
        Note(Status(StatusCode::kClosed, "the connection ended before the answer did"));
      }
      return 0;
    default:
      return 0;
  }
}

int LwsHttpGet::OnConnectionError(lws* wsi, std::string_view text) {
  VLOG(1) << "ws: GET failed, HTTP " << lws_http_client_http_response(wsi) << ": " << text;
  if (outcome_) return 0;
  if (!connected_) {
    Note(Status(StatusCode::kUnavailable, "nobody can be connected to"));
  } else if (text.substr(0, 3) == "HS:") {
    Note(Status(StatusCode::kProtocolViolation,
                "the answer is not HTTP (" + PrintableText(text, 100) + ")"));
  } else {
    Note(Status(StatusCode::kClosed, "the connection ended before the answer did"));
  }
  return 0;
}

int LwsHttpGet::OnReadable(lws* wsi) {
  std::array<char, LWS_PRE + kReadSlice> block{};
  char* position = block.data() + LWS_PRE;
  int size = base::CheckedCast<int>(kReadSlice);
  return lws_http_client_read(wsi, &position, &size) < 0 ? -1 : 0;
}

int LwsHttpGet::OnBody(std::string_view part) {
  if (part.size() > options_.max_body - answer_.body.size()) {
    Note(Status(StatusCode::kResourceExhausted, "the answer is too long"));
    return -1;
  }
  answer_.body += part;
  return 0;
}

void LwsHttpGet::Note(Result<HttpAnswer> outcome) {
  outcome_ = std::move(outcome);
  turn_end_.Request();
}

void LwsHttpGet::OnTurnEnd() {
  DropSocket();
  request_.reset();
  const bool refused = !outcome_->ok() && outcome_->status().code() == StatusCode::kUnavailable;
  if (refused && tried_ < addresses_.size()) {
    TryNext();
    return;
  }
  alarm_.reset();
  DoneCallback done = std::move(done_);
  if (outcome_->ok()) {
    done(*std::move(outcome_));
  } else {
    const std::string url = "http://" + options_.server.ToString() + options_.target;
    done(outcome_->status().WithContext(url));
  }
}

void LwsHttpGet::DropSocket() {
  if (wsi_ == nullptr) return;
  lws* wsi = std::exchange(wsi_, nullptr);
  engine_.NoteSocketClosed();
  engine_.DropSocket(wsi);
}

}  // namespace

std::vector<std::string> Validate(const HttpGetOptions& options) {
  constexpr size_t kMaxBody = size_t{16} * 1024 * 1024;
  std::vector<std::string> problems;
  const auto require = [&](bool holds, const char* sentence) {
    if (!holds) problems.emplace_back(sentence);
  };
  require(!options.server.host.empty() && options.server.port != Port(0),
          "the HTTP server has no host or port");
  require(!options.target.empty() && options.target.front() == '/' &&
              options.target.size() <= kMaxTarget &&
              std::all_of(options.target.begin(), options.target.end(),
                          [](char c) { return c > ' ' && c < '\x7f'; }),
          "the request target must begin with '/' and hold visible ASCII characters only");
  require(options.timeout > Duration::zero() && options.timeout <= std::chrono::seconds(120),
          "the time for the answer must be positive and at most 2m");
  require(options.max_body >= 1 && options.max_body <= kMaxBody,
          "the longest body must be 1 byte to 16 MiB");
  return problems;
}

std::unique_ptr<HttpGet> HttpGet::Start(WsContext& context, net::Resolver& resolver,
                                        const HttpGetOptions& options, DoneCallback done) {
  const auto problems = Validate(options);
  CHECK(problems.empty()) << problems.front();
  auto get = std::make_unique<LwsHttpGet>(context.engine(), options, std::move(done));
  get->Begin(resolver);
  return get;
}

}  // namespace ming::ws
