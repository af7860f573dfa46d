#include "ming/webrtc/channel_hub.h"

#include <glog/logging.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

#include "ming/codec/dcep.h"
#include "ming/webrtc/data_channel.h"

namespace ming::webrtc {
namespace {

// Every known peer takes as much, so this may be sent before its description is there.
constexpr size_t kMessageSizeOfAnyPeer = 16384;

// What is sent in order on an unreliable channel, before its ACK: FORWARD-TSN names every ordered
// message that is given up, and after a flood that was lost it would have to name thousands.
constexpr uint16_t kHardlyEverGivenUp = std::numeric_limits<uint16_t>::max();

constexpr std::array<uint8_t, 1> kDummyByte = {0};

sctp::StreamId ToSctp(StreamNumber stream) { return sctp::StreamId(stream.value()); }
StreamNumber FromSctp(sctp::StreamId stream) { return StreamNumber(stream.value()); }
sctp::Ppid ToSctp(codec::Ppid ppid) { return sctp::Ppid(static_cast<uint32_t>(ppid)); }

codec::Ppid PpidOf(link::MessageKind kind, bool empty) {
  if (kind == link::MessageKind::kText) {
    return empty ? codec::Ppid::kStringEmpty : codec::Ppid::kString;
  }
  return empty ? codec::Ppid::kBinaryEmpty : codec::Ppid::kBinary;
}

// None: not of a data channel, or a form that is never used any more.
std::optional<link::MessageKind> KindOf(codec::Ppid ppid) {
  switch (ppid) {
    case codec::Ppid::kString:
    case codec::Ppid::kStringEmpty:
      return link::MessageKind::kText;
    case codec::Ppid::kBinary:
    case codec::Ppid::kBinaryEmpty:
      return link::MessageKind::kBinary;
    case codec::Ppid::kDcep:
    case codec::Ppid::kBinaryPartial:
    case codec::Ppid::kStringPartial:
      break;
  }
  return std::nullopt;
}

bool IsEmptyForm(codec::Ppid ppid) {
  return ppid == codec::Ppid::kStringEmpty || ppid == codec::Ppid::kBinaryEmpty;
}

ChannelTableOptions TableOptionsOf(const ChannelLimits& limits) {
  ChannelTableOptions options;
  options.max_channels = limits.max_channels;
  options.max_label_bytes = limits.max_label_bytes;
  return options;
}

}  // namespace

ChannelHub::ChannelHub(link::TimerService& timers, const ChannelLimits& limits, Observer& observer)
    : timers_(timers),
      limits_(limits),
      observer_(observer),
      table_(TableOptionsOf(limits)),
      max_message_size_(kMessageSizeOfAnyPeer),
      table_alarm_(timers.CreateAlarm([this] {
        table_.HandleTimeout(timers_.Now());
        Pump();
      })),
      serve_alarm_(timers.CreateAlarm([this] { ServeTurns(); })),
      stall_alarm_(timers.CreateAlarm([this] { OnStallTimeout(); })) {}

ChannelHub::~ChannelHub() {
  for (const auto& [id, channel] : channels_) channel->Detach();
}

Result<std::unique_ptr<link::MessageChannel>> ChannelHub::Open(const std::string& label,
                                                               const link::ChannelTraits& traits) {
  const Result<ChannelId> id = table_.Open(label, traits);
  if (!id.ok()) return id.status();
  auto channel = std::make_unique<DataChannel>(*this, timers_, *id, traits);
  channels_[*id] = channel.get();
  Pump();
  return std::unique_ptr<link::MessageChannel>(std::move(channel));
}

void ChannelHub::HandleAssociationUp(sctp::SctpAssociation& association, StreamParity ours) {
  association_ = &association;
  UpdatePause();
  table_.HandleAssociationUp(
      ours, std::min(association.outgoing_streams(), association.incoming_streams()));
  Pump();
}

void ChannelHub::HandleMessage(sctp::InboundMessage message) {
  const StreamNumber stream = FromSctp(message.stream);
  const auto ppid = static_cast<codec::Ppid>(message.ppid.value());
  if (ppid == codec::Ppid::kDcep) {
    table_.HandleControl(timers_.Now(), stream, message.bytes);
    return Pump();
  }
  const std::optional<link::MessageKind> kind = KindOf(ppid);
  const std::optional<ChannelId> id = table_.Find(stream);
  DataChannel* channel = id ? Find(*id) : nullptr;
  if (channel == nullptr || !kind) {
    ++dropped_messages_;
    return;
  }
  if (IsEmptyForm(ppid)) message.bytes.Clear();
  channel->HandleMessage(*kind, std::move(message.bytes));
}

void ChannelHub::HandleSendReady() {
  association_full_ = false;
  FlushControls();
  ServeTurns();
}

void ChannelHub::HandleStreamsReset(sctp::ResetDirection direction,
                                    const std::vector<sctp::StreamId>& ids) {
  const Timestamp now = timers_.Now();
  const auto handle = [&](StreamNumber stream) {
    if (direction == sctp::ResetDirection::kIncoming) {
      table_.HandleIncomingReset(now, stream);
    } else {
      table_.HandleOutgoingReset(now, stream);
    }
  };
  for (const sctp::StreamId id : ids) handle(FromSctp(id));
  if (ids.empty() && association_ != nullptr) {  // all of them
    const uint16_t count = association_->outgoing_streams();
    for (uint16_t i = 0; i < count; ++i) handle(StreamNumber(i));
  }
  Pump();
}

void ChannelHub::HandleStreamResetFailed(const std::vector<sctp::StreamId>& ids) {
  for (const sctp::StreamId id : ids) table_.HandleResetFailed(FromSctp(id));
  Pump();
}

void ChannelHub::HandleStreamsAdded(const Status& result) {
  if (association_ == nullptr) return;
  if (result.ok()) {
    table_.HandleStreams(
        std::min(association_->outgoing_streams(), association_->incoming_streams()));
  } else {
    table_.HandleStreamsRefused();
  }
  Pump();
}

void ChannelHub::HandleAssociationDown(const Status& why) {
  association_ = nullptr;
  controls_.clear();
  line_.Clear();
  serve_alarm_->Cancel();
  stall_alarm_->Cancel();
  table_.HandleAssociationDown(why);
  Pump();
}

void ChannelHub::Pump() {
  if (std::exchange(pumping_, true)) return;
  while (std::optional<ChannelEvent> event = table_.PollEvent()) {
    if (auto* control = std::get_if<SendControl>(&*event)) {
      controls_.emplace_back(std::move(*control));
    } else if (const auto* reset = std::get_if<ResetStream>(&*event)) {
      controls_.emplace_back(*reset);
    } else if (const auto* request = std::get_if<RequestStreams>(&*event)) {
      Apply(*request);
    } else if (auto* remote = std::get_if<RemoteChannel>(&*event)) {
      FlushControls();  // the ACK leaves before anything the new channel sends
      Apply(std::move(*remote));
    } else if (const auto* closed = std::get_if<ChannelClosed>(&*event)) {
      Apply(*closed);
    }
  }
  pumping_ = false;
  FlushControls();
  table_alarm_->ArmAt(table_.NextTimeout());
}

void ChannelHub::Apply(RemoteChannel event) {
  auto channel = std::make_unique<DataChannel>(*this, timers_, event.id, event.traits);
  channels_[event.id] = channel.get();
  const bool ack_waits = std::any_of(controls_.begin(), controls_.end(), [&](const Control& c) {
    const auto* control = std::get_if<SendControl>(&c);
    return control != nullptr && control->id == event.id;
  });
  if (!ack_waits) channel->HandleStreamReady(event.stream);
  observer_.OnRemoteChannel(std::move(channel), event.label);
}

void ChannelHub::Apply(const ChannelClosed& event) {
  if (DataChannel* channel = Find(event.id)) {
    channel->HandleClosed(event.why, DataChannel::Held::kDeliver);
  }
}

void ChannelHub::Apply(const RequestStreams& event) {
  if (association_ == nullptr) return;
  const Status asked = association_->RequestStreams(event.total);
  // kUnavailable: another request is under way, and its answer will do.
  if (!asked.ok() && asked.code() != StatusCode::kUnavailable) table_.HandleStreamsRefused();
}

void ChannelHub::FlushControls() {
  while (association_ != nullptr && !controls_.empty()) {
    if (!Carry(controls_.front())) return;
    const Control done = std::move(controls_.front());
    controls_.pop_front();
    if (const auto* control = std::get_if<SendControl>(&done)) {
      DataChannel* channel = Find(control->id);
      if (channel != nullptr) channel->HandleStreamReady(control->stream);
    }
  }
}

// False: try again when there is room, or a reset is done.
bool ChannelHub::Carry(const Control& control) {
  if (const auto* send = std::get_if<SendControl>(&control)) {
    const link::SendResult result = association_->Send(
        ToSctp(send->stream), ToSctp(codec::Ppid::kDcep), send->wire, link::ChannelTraits());
    return result == link::SendResult::kAccepted;
  }
  const StreamNumber stream = std::get<ResetStream>(control).stream;
  const Status asked = association_->ResetStreams({ToSctp(stream)});
  if (!asked.ok()) table_.HandleResetFailed(stream);
  return true;
}

bool ChannelHub::MaySend(const DataChannel& channel) const {
  return line_.empty() || line_.MaySend(channel);
}

size_t ChannelHub::RoomFor(const DataChannel& channel) {
  if (association_ == nullptr || !MaySend(channel)) return 0;
  const size_t room = association_->SendableBytes();
  if (room == 0) association_full_ = true;
  return room;
}

link::SendResult ChannelHub::SendNow(const DataChannel& channel, StreamNumber stream,
                                     link::MessageKind kind, ByteSpan message) {
  if (association_ == nullptr) return link::SendResult::kClosed;
  link::ChannelTraits traits = channel.traits();
  if (!table_.acknowledged(channel.id())) {
    // An unordered message could overtake the OPEN (RFC 8832, section 6).
    traits.ordering = link::Ordering::kOrdered;
    if (traits.max_retransmits) traits.max_retransmits = kHardlyEverGivenUp;
  }
  const ByteSpan bytes = message.empty() ? ByteSpan(kDummyByte.data(), kDummyByte.size()) : message;
  const link::SendResult result =
      association_->Send(ToSctp(stream), ToSctp(PpidOf(kind, message.empty())), bytes, traits);
  if (result == link::SendResult::kWouldBlock) association_full_ = true;
  if (result == link::SendResult::kAccepted) line_.NoteSent(channel, bytes.size());
  return result;
}

void ChannelHub::Enlist(ChannelId id) {
  if (DataChannel* channel = Find(id)) line_.Add(*channel);
}

void ChannelHub::ServeSoon(ChannelId id) {
  Enlist(id);
  serve_alarm_->ArmAt(timers_.Now());
}

// Whoever stands in line is served sooner or later: the association owes OnSendReady when it is
// full, and otherwise this loop or serve_alarm_ goes on.
void ChannelHub::ServeTurns() {
  if (std::exchange(serving_, true)) return;
  while (association_ != nullptr && !line_.empty() && !association_full_) {
    static_cast<DataChannel&>(line_.BeginTurn()).Serve();
    line_.EndTurn(association_full_ ? SendLine::Room::kUsedUp : SendLine::Room::kLeft);
  }
  serving_ = false;
}

void ChannelHub::Close(ChannelId id) {
  table_.Close(timers_.Now(), id);
  Pump();
}

void ChannelHub::Forget(DataChannel& channel) {
  const ChannelId id = channel.id();
  channels_.erase(id);
  stalled_.erase(id);
  line_.Remove(channel);
  table_.Close(timers_.Now(), id);
  Pump();
  UpdatePause();
}

bool ChannelHub::Hold(const DataChannel& channel, size_t cost) {
  const bool above = channel.held_bytes() + cost > limits_.max_held_bytes ||
                     held_total_ + cost > limits_.max_held_total;
  if (above && !channel.reliable()) {
    ++dropped_messages_;
    return false;
  }
  held_total_ += cost;
  return true;
}

void ChannelHub::Release(const DataChannel& channel, size_t cost) {
  held_total_ -= cost;
  UpdateStall(channel);
}

void ChannelHub::UpdateStall(const DataChannel& channel) {
  if (channel.held_bytes() > limits_.max_held_bytes) {
    stalled_.insert(channel.id());
  } else if (channel.held_bytes() <= limits_.max_held_bytes / 2) {
    stalled_.erase(channel.id());
  }
  if (held_total_ > limits_.max_held_total) {
    total_stalled_ = true;
  } else if (held_total_ <= limits_.max_held_total / 2) {
    total_stalled_ = false;
  }
  UpdatePause();
}

void ChannelHub::UpdatePause() {
  const bool pause = !stalled_.empty() || total_stalled_;
  if (association_ == nullptr || pause == receiving_paused_) return;
  receiving_paused_ = pause;
  if (pause) {
    association_->PauseReceive();
    stall_alarm_->ArmAt(timers_.Now() + limits_.stall_timeout);
  } else {
    stall_alarm_->Cancel();
    association_->ResumeReceive();
  }
}

// The last resort: the channel that holds most is closed so that the others go on.
void ChannelHub::OnStallTimeout() {
  DataChannel* most = nullptr;
  for (const auto& [id, channel] : channels_) {
    if (most == nullptr || channel->held_bytes() > most->held_bytes()) most = channel;
  }
  if (most == nullptr || table_.channel_count() < 2) {
    stall_alarm_->ArmAt(timers_.Now() + limits_.stall_timeout);
    return;
  }
  const ChannelId id = most->id();
  LOG(WARNING) << "data channel " << id << " stopped the whole connection for "
               << std::chrono::duration_cast<std::chrono::seconds>(limits_.stall_timeout).count()
               << " s: closed";
  most->HandleClosed(
      Status(StatusCode::kResourceExhausted, "the receiver of this channel held up all the others"),
      DataChannel::Held::kDrop);
  Close(id);
  if (receiving_paused_) stall_alarm_->ArmAt(timers_.Now() + limits_.stall_timeout);
}

DataChannel* ChannelHub::Find(ChannelId id) {
  const auto found = channels_.find(id);
  return found == channels_.end() ? nullptr : found->second;
}

}  // namespace ming::webrtc
