#include "ming/conformance/raw_signaling.h"

#include <utility>

#include "ming/net/reactor.h"

namespace ming::conformance {
namespace {

ws::WsClientOptions MakeOptions(const SignalingTarget& target) {
  ws::WsClientOptions options;
  options.url = target.url;
  options.bearer_token = target.token;
  options.trust = target.trust;
  options.limits.max_message_size = size_t{1} << 20;
  options.limits.send_queue_bytes = size_t{16} << 20;
  return options;
}

}  // namespace

RawSignaling::RawSignaling(const RawServices& services, const SignalingTarget& target) {
  attempt_ = ws::WsClient::Connect(services.websockets, services.resolver, MakeOptions(target),
                                   [this](Result<std::unique_ptr<ws::WsConnection>> connection) {
                                     if (!connection.ok())
                                       return OnChannelClosed(connection.status());
                                     connection_ = *std::move(connection);
                                     connection_->SetObserver(this);
                                     state_ = State::kOpen;
                                   });
}

RawSignaling::~RawSignaling() {
  if (connection_) connection_->SetObserver(nullptr);
}

bool RawSignaling::SendText(std::string_view text) {
  if (state_ != State::kOpen) return false;
  return connection_->Send(link::MessageKind::kText, ByteSpan(text)) == link::SendResult::kAccepted;
}

bool RawSignaling::Send(const codec::SignalingMessage& message) {
  return SendText(codec::SerializeSignalingMessage(message));
}

std::optional<std::string> RawSignaling::TakeText() {
  if (received_.empty()) return std::nullopt;
  std::string text = std::move(received_.front());
  received_.pop_front();
  return text;
}

std::optional<codec::SignalingMessage> RawSignaling::Take() {
  codec::SignalingLimits limits;
  limits.max_bytes = size_t{1} << 20;
  while (const std::optional<std::string> text = TakeText()) {
    Result<codec::SignalingMessage> message = codec::ParseSignalingMessage(*text, limits);
    if (message.ok()) return *std::move(message);
  }
  return std::nullopt;
}

void RawSignaling::Close() {
  if (state_ == State::kOpen) return connection_->Close();
  if (state_ != State::kConnecting) return;
  attempt_.reset();
  OnChannelClosed(Status(StatusCode::kClosed, "closed before it was connected"));
}

void RawSignaling::OnMessage(link::MessageKind /*kind*/, ByteBuffer message) {
  if (received_.size() >= kMaxReceived) return Close();
  received_.emplace_back(message.AsText());
}

void RawSignaling::OnChannelClosed(const Status& why) {
  state_ = State::kClosed;
  why_ = why;
}

}  // namespace ming::conformance
