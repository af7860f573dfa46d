#include "ming/signaling/signaling_server.h"

#include <glog/logging.h>

#include <unordered_map>
#include <utility>

#include "ming/base/log_gate.h"
#include "ming/base/utf8.h"
#include "ming/net/reactor.h"
#include "ming/signaling/token_bucket.h"
#include "ming/ws/ws_context.h"

namespace ming::signaling {
namespace {

// Thousands of idle connections each hold a buffer of this size; an SDP fits into a few.
constexpr size_t kReadSlice = 1024;
// Sockets in their handshake, beside the established ones.
constexpr size_t kMaxHandshakes = 1024;
// Lines about hosts: all of them may come back at once after a restart, but one that comes and goes
// for ever does not fill the disk.
constexpr TokenBucketRule kLogRule{20.0, 20'000.0};
// Counting the queues of all connections takes microseconds to a millisecond.
constexpr Duration kRecountInterval = std::chrono::milliseconds(100);

std::string IdForLog(const std::string& id) { return PrintableText(id, 256); }

ws::WsServerOptions WsOptionsOf(const SignalingServerOptions& options) {
  ws::WsServerOptions out;
  out.listen = options.listen;
  out.tls = options.tls;
  out.limits.max_message_size = options.core.max_message_size;
  out.limits.send_queue_bytes = options.send_queue_bytes;
  out.limits.read_slice = kReadSlice;
  out.limits.ping_interval = options.ping_interval;
  out.limits.peer_timeout = options.peer_timeout;
  // A full server still answers with HTTP 503.
  out.max_connections = options.core.max_connections + kMaxHandshakes;
  out.max_handshakes = kMaxHandshakes;
  out.handshake_timeout = options.handshake_timeout;
  return out;
}

ws::WsCloseCode CodeOf(SignalingClose why) {
  switch (why) {
    case SignalingClose::kPolicy:
      return ws::WsCloseCode::kPolicyViolation;
    case SignalingClose::kMalformed:
      return ws::WsCloseCode::kInvalidPayload;
    case SignalingClose::kTimeout:
      return ws::WsCloseCode::kTryAgainLater;
    case SignalingClose::kGoingAway:
      return ws::WsCloseCode::kGoingAway;
  }
  return ws::WsCloseCode::kInternalError;
}

class WsSignalingServer final : public SignalingServer, private ws::WsServer::Observer {
 public:
  WsSignalingServer(net::Reactor& reactor, const SignalingServerOptions& options);

  Status Listen(ws::WsContext& context);

  Port port() const override { return server_->port(); }
  const SignalingServerMetrics& metrics() const override { return core_.metrics(); }
  size_t queued_bytes() const override;
  void Shutdown(std::function<void()> done) override;

 private:
  // One connection; turns what its channel says into calls of the server.
  class Session final : public link::MessageChannel::Observer {
   public:
    Session(WsSignalingServer& server, ConnectionId id, std::unique_ptr<ws::WsConnection> channel)
        : server_(server), id_(id), channel_(std::move(channel)) {}

    ws::WsConnection& channel() { return *channel_; }
    void NoteTaken() { full_since_.reset(); }
    // A message found no room; for how long that has been so with every one.
    Duration NoteFull(Timestamp now) {
      return now - full_since_.emplace(full_since_.value_or(now));
    }
    std::string Peer() const {
      return HostPort{channel_->peer_address().ToString(), channel_->peer_port()}.ToString();
    }

    void OnMessage(link::MessageKind /*kind*/, ByteBuffer message) override {
      server_.OnMessage(id_, message);
    }
    void OnSendReady() override {}
    void OnChannelClosed(const Status& why) override { server_.OnClosed(id_, why); }

   private:
    WsSignalingServer& server_;
    const ConnectionId id_;
    const std::unique_ptr<ws::WsConnection> channel_;
    std::optional<Timestamp> full_since_;  // until a message finds room again
  };

  std::optional<ws::WsHttpReply> CheckUpgrade(const ws::WsRequest& request) override;
  void OnConnection(std::unique_ptr<ws::WsConnection> connection,
                    const ws::WsRequest& request) override;
  ws::WsHttpReply AnswerHttp(const ws::WsRequest& request) override;

  void OnMessage(ConnectionId id, ByteSpan message);
  void OnClosed(ConnectionId id, const Status& why);
  void OnAlarm();
  void Pump();
  void Apply(const SendText& event);
  void Apply(const CloseConnection& event);
  void Apply(const ProbeConnection& event);
  void Apply(const PauseConnection& event);
  void Apply(const ResumeConnection& event);
  void Apply(const HostRegistered& event);
  void Apply(const HostRemoved& event);
  bool QueuesAreFull(Timestamp now);
  Session* Find(ConnectionId id);
  void Forget(ConnectionId id);
  bool MayLog();
  void FinishShutdown();

  net::Reactor& reactor_;
  const SignalingServerOptions options_;
  SignalingServerCore core_;
  bool pumping_ = false;
  uint64_t last_id_ = 0;
  size_t queued_at_most_ = 0;  // bytes that wait for readers
  Timestamp recount_at_;
  TokenBucket log_budget_;
  LogGate refusal_lines_{{0.5, 50.0}};
  std::function<void()> on_drained_;
  std::unique_ptr<link::Alarm> alarm_;
  std::unique_ptr<link::Alarm> drain_alarm_;
  std::unique_ptr<ws::WsServer> server_;
  // Goes before the server, which would report every connection lost.
  std::unordered_map<ConnectionId, std::unique_ptr<Session>> sessions_;
};

WsSignalingServer::WsSignalingServer(net::Reactor& reactor, const SignalingServerOptions& options)
    : reactor_(reactor),
      options_(options),
      core_(options.core),
      log_budget_(kLogRule, reactor.Now()),
      alarm_(reactor.CreateAlarm([this] { OnAlarm(); })),
      drain_alarm_(reactor.CreateAlarm([this] { FinishShutdown(); })) {}

Status WsSignalingServer::Listen(ws::WsContext& context) {
  auto server = ws::WsServer::Listen(context, WsOptionsOf(options_), *this);
  if (!server.ok()) return server.status();
  server_ = *std::move(server);
  return Status::Ok();
}

std::optional<ws::WsHttpReply> WsSignalingServer::CheckUpgrade(const ws::WsRequest& request) {
  const auto refusal = core_.CheckRequest(
      reactor_.Now(), {request.peer_address, request.origin, request.authorization.Reveal()});
  if (!refusal) return std::nullopt;
  if (refusal_lines_.Pass(reactor_.Now())) {
    LOG(WARNING) << "signaling: refused peer=" << request.peer_address.ToString()
                 << " status=" << refusal->status << ": " << refusal->text
                 << refusal_lines_.TakeHeldBack();
  }
  return ws::WsHttpReply{refusal->status, refusal->text};
}

void WsSignalingServer::OnConnection(std::unique_ptr<ws::WsConnection> connection,
                                     const ws::WsRequest& request) {
  const ConnectionId id(++last_id_);
  auto session = std::make_unique<Session>(*this, id, std::move(connection));
  VLOG(1) << "signaling: connected conn=" << id << " peer=" << session->Peer();
  session->channel().SetObserver(session.get());
  sessions_.emplace(id, std::move(session));
  core_.HandleConnected(reactor_.Now(), id,
                        {request.peer_address, request.origin, request.authorization.Reveal()});
  Pump();
}

ws::WsHttpReply WsSignalingServer::AnswerHttp(const ws::WsRequest& request) {
  if (request.path == "/healthz") return {200, "ok"};
  return {426,
          "This is a ming signaling server; it speaks WebSocket. Point a host or a client at it: "
          "ming host --signal ws://<this address> --id <name>"};
}

void WsSignalingServer::OnMessage(ConnectionId id, ByteSpan message) {
  core_.HandleMessage(reactor_.Now(), id, message);
  Pump();
}

void WsSignalingServer::OnClosed(ConnectionId id, const Status& why) {
  VLOG(1) << "signaling: closed conn=" << id << ": " << why.ToString();
  core_.HandleClosed(reactor_.Now(), id);
  Pump();
  Forget(id);
}

void WsSignalingServer::OnAlarm() {
  core_.HandleTimeout(reactor_.Now());
  Pump();
}

void WsSignalingServer::Pump() {
  if (std::exchange(pumping_, true)) return;
  while (auto event = core_.PollEvent()) {
    std::visit([this](const auto& e) { Apply(e); }, *event);
  }
  pumping_ = false;
  alarm_->ArmAt(core_.NextTimeout());
}

void WsSignalingServer::Apply(const SendText& event) {
  Session* session = Find(event.connection);
  if (session == nullptr) return;
  ws::WsConnection& channel = session->channel();
  const Timestamp now = reactor_.Now();
  auto result = link::SendResult::kWouldBlock;
  if (channel.queued_bytes() == 0 || !QueuesAreFull(now)) {
    result = channel.Send(link::MessageKind::kText, ByteSpan(event.text));
  }
  if (result == link::SendResult::kAccepted) {
    queued_at_most_ += event.text.size();
    session->NoteTaken();
  }
  // kClosed: OnClosed is on its way.
  if (result != link::SendResult::kWouldBlock) return;
  core_.HandleLost();
  if (session->NoteFull(now) < options_.slow_reader_limit) return;
  if (refusal_lines_.Pass(now)) {
    LOG(WARNING) << "signaling: dropped a slow reader conn=" << event.connection
                 << " peer=" << session->Peer() << refusal_lines_.TakeHeldBack();
  }
  core_.HandleTooSlow(now, event.connection);
  Forget(event.connection);
}

// What leaves the queues is not told, so they are asked, now and then: between that the count only
// grows.
bool WsSignalingServer::QueuesAreFull(Timestamp now) {
  if (queued_at_most_ <= options_.send_queue_total) return false;
  if (now < recount_at_) return true;
  recount_at_ = now + kRecountInterval;
  queued_at_most_ = queued_bytes();
  return queued_at_most_ > options_.send_queue_total;
}

size_t WsSignalingServer::queued_bytes() const {
  size_t bytes = 0;
  for (const auto& [id, session] : sessions_) bytes += session->channel().queued_bytes();
  return bytes;
}

void WsSignalingServer::Apply(const CloseConnection& event) {
  Session* session = Find(event.connection);
  if (session == nullptr) return;
  VLOG(1) << "signaling: closing conn=" << event.connection << ": " << event.reason;
  session->channel().Close(CodeOf(event.why), event.reason);
}

void WsSignalingServer::Apply(const ProbeConnection& event) {
  Session* session = Find(event.connection);
  if (session == nullptr) return;
  session->channel().Ping([this, id = event.connection] {
    core_.HandlePong(reactor_.Now(), id);
    Pump();
  });
}

void WsSignalingServer::Apply(const PauseConnection& event) {
  if (Session* session = Find(event.connection)) session->channel().PauseReceiving();
}

void WsSignalingServer::Apply(const ResumeConnection& event) {
  if (Session* session = Find(event.connection)) session->channel().ResumeReceiving();
}

void WsSignalingServer::Apply(const HostRegistered& event) {
  if (!MayLog()) return;
  const Session* session = Find(event.connection);
  LOG(INFO) << "Host registered: " << IdForLog(event.id) << " conn=" << event.connection
            << " peer=" << (session != nullptr ? session->Peer() : "gone");
}

void WsSignalingServer::Apply(const HostRemoved& event) {
  if (!MayLog()) return;
  LOG(INFO) << "Host removed: " << IdForLog(event.id) << " conn=" << event.connection;
}

bool WsSignalingServer::MayLog() {
  const Timestamp now = reactor_.Now();
  if (!log_budget_.HasToken(kLogRule, now)) return false;
  log_budget_.Take(kLogRule, now);
  return true;
}

WsSignalingServer::Session* WsSignalingServer::Find(ConnectionId id) {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : found->second.get();
}

// May run inside a callback of the session.
void WsSignalingServer::Forget(ConnectionId id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  found->second->channel().SetObserver(nullptr);
  reactor_.DeferDelete(std::move(found->second));
  sessions_.erase(found);
  if (on_drained_ && sessions_.empty()) drain_alarm_->ArmAt(reactor_.Now());
}

void WsSignalingServer::Shutdown(std::function<void()> done) {
  CHECK(!on_drained_) << "Shutdown called twice";
  on_drained_ = std::move(done);
  server_->StopListening();
  core_.Shutdown(reactor_.Now());
  Pump();
  drain_alarm_->ArmAt(sessions_.empty() ? reactor_.Now() : reactor_.Now() + options_.drain_timeout);
}

void WsSignalingServer::FinishShutdown() { std::exchange(on_drained_, nullptr)(); }

bool IsLoopback(const std::string& host) {
  if (host == "localhost") return true;
  const auto address = IpAddress::Parse(host);
  return address && address->Canonical().IsLoopback();
}

}  // namespace

std::vector<std::string> Validate(const SignalingServerOptions& options) {
  std::vector<std::string> problems = Validate(options.core);
  for (std::string& problem : Validate(WsOptionsOf(options))) {
    problems.push_back(std::move(problem));
  }
  if (options.send_queue_bytes < 2 * options.core.max_message_size) {
    problems.emplace_back("the send queue must hold at least two of the largest messages");
  }
  if (options.send_queue_total < options.send_queue_bytes ||
      options.send_queue_total > size_t{4} * 1024 * 1024 * 1024) {
    problems.emplace_back("the send queues together hold at least one of them, at most 4 GiB");
  }
  if (options.slow_reader_limit < std::chrono::milliseconds(10) ||
      options.slow_reader_limit > std::chrono::minutes(1)) {
    problems.emplace_back("a slow reader has 10ms to 1m");
  }
  if (options.drain_timeout < Duration::zero()) {
    problems.emplace_back("the drain time must not be negative");
  }
  return problems;
}

Result<std::unique_ptr<SignalingServer>> SignalingServer::Start(
    net::Reactor& reactor, ws::WsContext& context, const SignalingServerOptions& options) {
  const auto problems = Validate(options);
  CHECK(problems.empty()) << problems.front();
  auto server = std::make_unique<WsSignalingServer>(reactor, options);
  const Status listening = server->Listen(context);
  if (!listening.ok()) return listening;
  if (options.core.valid_tokens.empty() && !IsLoopback(options.listen.host)) {
    LOG(WARNING) << "signaling: anybody who reaches " << options.listen.ToString()
                 << " may register and connect; require a token with --valid-tokens";
  }
  return std::unique_ptr<SignalingServer>(std::move(server));
}

}  // namespace ming::signaling
