#include "ming/tunnel/tunnel_connection.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

namespace ming::tunnel {

TunnelConnection::TunnelConnection(link::TimerService& timers, ConnectionId id, Observer& observer)
    : timers_(timers), id_(id), observer_(observer) {}

TunnelConnection::~TunnelConnection() = default;

void TunnelConnection::AttachLocal(std::unique_ptr<link::ByteStream> local,
                                   const RelayOptions& options) {
  CHECK(local_ == nullptr && !ended_);
  local_ = std::move(local);
  relay_options_ = options;
  if (channel_ != nullptr) return StartRelay();
  local_->SetObserver(this);
}

void TunnelConnection::AttachChannel(std::unique_ptr<link::MessageChannel> channel,
                                     const ChannelStreamOptions& options) {
  CHECK(channel_ == nullptr && !ended_);
  side_ = options.side;
  ChannelStream::CloseObserver* const close_observer = this;
  channel_ = std::make_unique<ChannelStream>(timers_, std::move(channel), options, close_observer);
  if (local_ != nullptr) return StartRelay();
  channel_->SetObserver(this);
}

void TunnelConnection::StartRelay() {
  if (side_ == ChannelSide::kAcceptor) channel_->ConfirmOpen();
  relay_ = CreateRelay(timers_, *local_, *channel_, relay_options_, *this);
  relay_->Start();
}

void TunnelConnection::Refuse(const Status& why) {
  if (ended_) return;
  CHECK(relay_ == nullptr);
  ended_ = true;
  if (local_ != nullptr) local_->Reset(why);
  if (channel_ != nullptr) {
    side_ == ChannelSide::kAcceptor ? channel_->Refuse(why) : channel_->Reset(why);
  }
  Linger(kFailureLinger);
}

void TunnelConnection::Abort(const Status& why) {
  if (ended_) return LingerUntil(std::min(linger_until_, timers_.Now() + kFailureLinger));
  ended_ = true;
  if (relay_ != nullptr) {
    relay_->Abort(why);
  } else {
    if (local_ != nullptr) local_->Reset(why);
    if (channel_ != nullptr) channel_->Reset(why);
  }
  Linger(kFailureLinger);
}

void TunnelConnection::OnStreamError(const Status& why) {
  ended_ = true;
  Linger(kFailureLinger);
  observer_.OnConnectionEnded(id_, why);
}

void TunnelConnection::OnRelayDone(const Status& why, const RelayCounts& /*counts*/) {
  if (ended_) return;
  ended_ = true;
  Linger(why.ok() ? kOrderlyLinger : kFailureLinger);
  observer_.OnConnectionEnded(id_, why);
}

void TunnelConnection::OnChannelStreamClosed(const Status& /*why*/) {
  // The stream has told its observer what this means; without a farewell to wait for we are done.
  if (linger_alarm_ != nullptr) LingerUntil(timers_.Now());
}

// The local stream needs no lingering: it owns the delivery of what it took, also when destroyed.
void TunnelConnection::Linger(Duration limit) {
  if (relay_ != nullptr) {
    counts_ = relay_->counts();
    timers_.DeferDelete(std::move(relay_));
  }
  if (channel_ != nullptr) channel_->SetObserver(nullptr);
  if (local_ != nullptr) {
    local_->SetObserver(nullptr);
    timers_.DeferDelete(std::move(local_));
  }
  linger_alarm_ = timers_.CreateAlarm([this] { OnLingerAlarm(); });
  const bool nothing_left = channel_ == nullptr || channel_->channel_closed();
  LingerUntil(nothing_left ? timers_.Now() : timers_.Now() + limit);
}

void TunnelConnection::LingerUntil(Timestamp when) {
  linger_until_ = when;
  linger_alarm_->ArmAt(when);
}

void TunnelConnection::OnLingerAlarm() {
  if (std::exchange(gone_, true)) return;
  observer_.OnConnectionGone(id_);
}

}  // namespace ming::tunnel
