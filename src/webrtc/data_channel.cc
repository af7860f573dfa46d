#include "ming/webrtc/data_channel.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "ming/webrtc/channel_hub.h"

namespace ming::webrtc {
namespace {

// What one channel delivers of its held messages before the loop goes on.
constexpr int kMessagesPerTurn = 64;

}  // namespace

DataChannel::DataChannel(ChannelHub& hub, link::TimerService& timers, ChannelId id,
                         const link::ChannelTraits& traits)
    : hub_(&hub), timers_(timers), id_(id), traits_(traits) {}

DataChannel::~DataChannel() {
  if (hub_ == nullptr) return;
  DropHeld();
  hub_->Forget(*this);
}

void DataChannel::SetObserver(Observer* observer) {
  observer_ = observer;
  DeliverSoon();
}

size_t DataChannel::max_message_size() const {
  return hub_ == nullptr ? 0 : hub_->max_message_size();
}

link::SendResult DataChannel::Send(link::MessageKind kind, ByteSpan message) {
  if (hub_ == nullptr || closing_ || closed_) return link::SendResult::kClosed;
  if (message.size() > hub_->max_message_size()) return link::SendResult::kTooLarge;
  if (!stream_ || !early_.empty()) return SendEarly(kind, message);
  if (!hub_->MaySend(*this)) {
    Promise();
    return link::SendResult::kWouldBlock;
  }
  const link::SendResult result = hub_->SendNow(*this, *stream_, kind, message);
  if (result == link::SendResult::kWouldBlock) Promise();
  return result;
}

link::SendResult DataChannel::SendEarly(link::MessageKind kind, ByteSpan message) {
  const size_t cost = message.size() + kMessageOverhead;
  // One message is always taken, whatever its size.
  if (!early_.empty() && early_bytes_ + cost > hub_->limits().max_early_bytes) {
    Promise();
    return link::SendResult::kWouldBlock;
  }
  early_.push_back({kind, ByteBuffer::CopyOf(message)});
  early_bytes_ += cost;
  return link::SendResult::kAccepted;
}

size_t DataChannel::SendableBytes() const {
  if (hub_ == nullptr || closing_ || closed_) return 0;
  size_t room = 0;
  if (!stream_ || !early_.empty()) {
    const size_t limit = hub_->limits().max_early_bytes;
    room = early_.empty() ? hub_->max_message_size()
                          : limit - std::min(limit, early_bytes_ + kMessageOverhead);
  } else {
    room = hub_->RoomFor(*this);
  }
  if (room == 0) Promise();
  return std::min(room, hub_->max_message_size());
}

size_t DataChannel::message_step() const { return hub_ == nullptr ? 1 : hub_->message_step(); }

void DataChannel::Promise() const {
  send_ready_owed_ = true;
  // Without a stream, HandleStreamReady lines it up.
  if (stream_) hub_->Enlist(id_);
}

void DataChannel::HandleStreamReady(StreamNumber stream) {
  stream_ = stream;
  if (!early_.empty() || send_ready_owed_ || closing_) hub_->ServeSoon(id_);
}

void DataChannel::Serve() {
  if (closed_) return;
  while (!early_.empty()) {
    if (!hub_->MaySend(*this)) return hub_->Enlist(id_);
    const Message& message = early_.front();
    const link::SendResult result = hub_->SendNow(*this, *stream_, message.kind, message.bytes);
    if (result == link::SendResult::kWouldBlock) return hub_->Enlist(id_);
    // Anything else means that the stream is going down, which is reported on its own.
    early_bytes_ -= CostOf(message);
    early_.pop_front();
  }
  if (closing_) return hub_->Close(id_);
  if (std::exchange(send_ready_owed_, false) && observer_ != nullptr) observer_->OnSendReady();
}

void DataChannel::HandleMessage(link::MessageKind kind, ByteBuffer message) {
  if (closed_) return;
  if (may_deliver() && held_.empty()) return observer_->OnMessage(kind, std::move(message));
  Message held{kind, std::move(message)};
  const size_t cost = CostOf(held);
  if (!hub_->Hold(*this, cost)) return;
  held_bytes_ += cost;
  held_.push_back(std::move(held));
  hub_->UpdateStall(*this);
}

void DataChannel::ResumeReceiving() {
  paused_ = false;
  DeliverSoon();
}

void DataChannel::Close() {
  if (std::exchange(closing_, true) || hub_ == nullptr || closed_) return;
  // Otherwise Serve closes it behind the last message.
  if (early_.empty()) hub_->Close(id_);
}

void DataChannel::HandleClosed(const Status& why, Held held) {
  if (closed_) return;
  closed_ = why;
  early_.clear();
  early_bytes_ = 0;
  if (held == Held::kDrop) DropHeld();
  DeliverSoon();
}

void DataChannel::Detach() {
  HandleClosed(Status(StatusCode::kClosed, "the connection was destroyed"), Held::kDeliver);
  hub_ = nullptr;
}

void DataChannel::DeliverSoon() {
  if (held_.empty() && (!closed_ || close_reported_)) return;
  if (observer_ == nullptr || (paused_ && !held_.empty())) return;
  if (!deliver_alarm_) deliver_alarm_ = timers_.CreateAlarm([this] { Deliver(); });
  deliver_alarm_->ArmAt(timers_.Now());
}

void DataChannel::Deliver() {
  for (int i = 0; i < kMessagesPerTurn && !held_.empty() && may_deliver(); ++i) {
    Message message = std::move(held_.front());
    held_.pop_front();
    const size_t cost = CostOf(message);
    held_bytes_ -= cost;
    if (hub_ != nullptr) hub_->Release(*this, cost);
    observer_->OnMessage(message.kind, std::move(message.bytes));
  }
  if (held_.empty() && closed_ && !close_reported_ && observer_ != nullptr) {
    close_reported_ = true;
    observer_->OnChannelClosed(*closed_);
    return;
  }
  DeliverSoon();
  // An idle channel keeps no alarm.
  if (deliver_alarm_ && !deliver_alarm_->armed()) deliver_alarm_.reset();
}

void DataChannel::DropHeld() {
  if (held_.empty()) return;
  held_.clear();
  const size_t cost = std::exchange(held_bytes_, 0);
  if (hub_ != nullptr) hub_->Release(*this, cost);
}

}  // namespace ming::webrtc
