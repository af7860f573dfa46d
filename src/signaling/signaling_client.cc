#include "ming/signaling/signaling_client.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "ming/net/network_view_core.h"
#include "ming/net/reactor.h"
#include "ming/net/resolver.h"
#include "ming/ws/ws_context.h"

namespace ming::signaling {
namespace {

// Offers and candidates of many sessions at once; a server that lets more pile up is stuck.
constexpr size_t kSendQueueBytes = size_t{1} << 20;

SignalingClientCoreOptions CoreOptionsOf(const SignalingClientOptions& options) {
  SignalingClientCoreOptions core;
  core.role = options.role;
  core.id = options.id;
  core.backoff = options.backoff;
  core.settle_time = options.settle_time;
  core.max_message_size = options.max_message_size;
  return core;
}

ws::WsClientOptions WsOptionsOf(const SignalingClientOptions& options) {
  ws::WsClientOptions out;
  out.url = options.url;
  out.bearer_token = options.token;
  out.trust = options.trust;
  out.connect_timeout = options.connect_timeout;
  out.reach_timeout = options.reach_timeout;
  out.limits.max_message_size = options.max_message_size;
  out.limits.send_queue_bytes = kSendQueueBytes;
  out.limits.ping_interval = options.ping_interval;
  out.limits.peer_timeout = options.peer_timeout;
  return out;
}

class WsSignalingClient final : public SignalingClient, private link::MessageChannel::Observer {
 public:
  WsSignalingClient(ws::WsContext& context, net::Resolver& resolver, Random& random,
                    const SignalingClientOptions& options);

  void Begin(SignalingClient::Observer& observer);

  Status Send(const codec::SignalingMessage& message) override;
  void SetUrgency(SignalingUrgency urgency) override;
  void HandleNetworkChanged(const net::NetworkChange& change) override;
  bool connected() const override { return core_.connected() && !overflowed_; }
  const std::string& id() const override { return options_.id; }

 private:
  void OnMessage(link::MessageKind kind, ByteBuffer message) override;
  void OnSendReady() override {}
  void OnChannelClosed(const Status& why) override;

  void OnAttemptDone(Result<std::unique_ptr<ws::WsConnection>> outcome);
  void OnAlarm();
  void Pump();
  void Apply(OpenConnection event);
  void Apply(const SendToServer& event);
  void Apply(DropConnection event);
  void Apply(CheckConnection event);
  void Apply(SignalingConnected event);
  void Apply(const SignalingArrived& event);
  void Apply(const SignalingDisconnected& event);
  void Apply(const SignalingErrorText& event);
  void DropConnectionNow();

  net::Reactor& reactor_;
  ws::WsContext& context_;
  net::Resolver& resolver_;
  const SignalingClientOptions options_;
  SignalingClient::Observer* observer_ = nullptr;
  SignalingClientCore core_;
  bool pumping_ = false;
  bool overflowed_ = false;  // the server does not read: the connection is given up from the loop
  std::unique_ptr<ws::WsClient> attempt_;
  std::unique_ptr<ws::WsConnection> connection_;
  std::unique_ptr<link::Alarm> alarm_;
};

WsSignalingClient::WsSignalingClient(ws::WsContext& context, net::Resolver& resolver,
                                     Random& random, const SignalingClientOptions& options)
    : reactor_(context.reactor()),
      context_(context),
      resolver_(resolver),
      options_(options),
      core_(CoreOptionsOf(options), random),
      alarm_(reactor_.CreateAlarm([this] { OnAlarm(); })) {}

void WsSignalingClient::Begin(SignalingClient::Observer& observer) {
  observer_ = &observer;
  core_.Start(reactor_.Now());
  Pump();
}

Status WsSignalingClient::Send(const codec::SignalingMessage& message) {
  if (overflowed_) {
    return {StatusCode::kResourceExhausted, "the signaling server does not read"};
  }
  Status status = core_.Send(message);
  if (!status.ok()) return status;
  Pump();
  if (!overflowed_) return Status::Ok();
  return {StatusCode::kResourceExhausted, "the signaling server does not read"};
}

void WsSignalingClient::SetUrgency(SignalingUrgency urgency) {
  core_.SetUrgency(reactor_.Now(), urgency);
  Pump();
}

void WsSignalingClient::HandleNetworkChanged(const net::NetworkChange& change) {
  const bool gone =
      connection_ != nullptr && std::find(change.removed.begin(), change.removed.end(),
                                          connection_->local_address()) != change.removed.end();
  core_.HandleNetworkChanged(reactor_.Now(),
                             gone ? LocalAddress::kGone : LocalAddress::kStillThere);
  Pump();
}

void WsSignalingClient::OnAttemptDone(Result<std::unique_ptr<ws::WsConnection>> outcome) {
  reactor_.DeferDelete(std::move(attempt_));
  if (outcome.ok()) {
    connection_ = *std::move(outcome);
    connection_->SetObserver(this);
    core_.HandleConnected(reactor_.Now());
  } else {
    core_.HandleDisconnected(reactor_.Now(), outcome.status(), std::nullopt);
  }
  Pump();
}

void WsSignalingClient::OnMessage(link::MessageKind /*kind*/, ByteBuffer message) {
  core_.HandleMessage(reactor_.Now(), message);
  Pump();
}

void WsSignalingClient::OnChannelClosed(const Status& why) {
  std::optional<uint16_t> code;
  if (connection_->peer_close()) code = connection_->peer_close()->code;
  DropConnectionNow();
  core_.HandleDisconnected(reactor_.Now(), why, code);
  Pump();
}

void WsSignalingClient::OnAlarm() {
  if (overflowed_) {
    DropConnectionNow();
    core_.HandleDisconnected(reactor_.Now(),
                             Status(StatusCode::kTimeout, "the signaling server does not read"),
                             std::nullopt);
  }
  core_.HandleTimeout(reactor_.Now());
  Pump();
}

// Re-entered from an observer: returns at once, the outer loop does the rest.
void WsSignalingClient::Pump() {
  if (std::exchange(pumping_, true)) return;
  while (auto event = core_.PollEvent()) {
    std::visit([this](const auto& e) { Apply(e); }, *event);
  }
  pumping_ = false;
  alarm_->ArmAt(overflowed_ ? reactor_.Now() : core_.NextTimeout());
}

void WsSignalingClient::Apply(OpenConnection /*event*/) {
  attempt_ = ws::WsClient::Connect(context_, resolver_, WsOptionsOf(options_),
                                   [this](Result<std::unique_ptr<ws::WsConnection>> outcome) {
                                     OnAttemptDone(std::move(outcome));
                                   });
}

void WsSignalingClient::Apply(const SendToServer& event) {
  if (connection_ == nullptr) return;  // lost since
  const auto result = connection_->Send(link::MessageKind::kText, ByteSpan(event.text));
  // kClosed: OnChannelClosed is on its way.
  if (result == link::SendResult::kWouldBlock) overflowed_ = true;
}

void WsSignalingClient::Apply(DropConnection /*event*/) {
  if (attempt_ != nullptr) reactor_.DeferDelete(std::move(attempt_));
  DropConnectionNow();
}

void WsSignalingClient::Apply(CheckConnection /*event*/) {
  if (connection_ == nullptr) return;  // lost since
  connection_->Ping([this] {
    core_.HandlePong(reactor_.Now());
    Pump();
  });
}

void WsSignalingClient::Apply(SignalingConnected /*event*/) {
  LOG(INFO) << "signaling: connected to " << options_.url.ToString();
  observer_->OnSignalingConnected();
}

void WsSignalingClient::Apply(const SignalingArrived& event) {
  observer_->OnSignalingMessage(event.message);
}

void WsSignalingClient::Apply(const SignalingDisconnected& event) {
  observer_->OnSignalingDisconnected(event.why, event.loss);
}

void WsSignalingClient::Apply(const SignalingErrorText& event) {
  observer_->OnSignalingError(event);
}

void WsSignalingClient::DropConnectionNow() {
  overflowed_ = false;
  if (connection_ == nullptr) return;
  connection_->SetObserver(nullptr);
  reactor_.DeferDelete(std::move(connection_));
}

}  // namespace

std::vector<std::string> Validate(const SignalingClientOptions& options) {
  std::vector<std::string> problems = Validate(CoreOptionsOf(options));
  for (std::string& problem : Validate(WsOptionsOf(options))) {
    problems.push_back(std::move(problem));
  }
  return problems;
}

std::unique_ptr<SignalingClient> SignalingClient::Start(ws::WsContext& context,
                                                        net::Resolver& resolver, Random& random,
                                                        const SignalingClientOptions& options,
                                                        Observer& observer) {
  const auto problems = Validate(options);
  CHECK(problems.empty()) << problems.front();
  auto client = std::make_unique<WsSignalingClient>(context, resolver, random, options);
  client->Begin(observer);
  return client;
}

}  // namespace ming::signaling
