#include "ming/webrtc/channel_table.h"

#include <glog/logging.h>

#include <algorithm>
#include <limits>

#include "ming/base/utf8.h"

namespace ming::webrtc {
namespace {

// Stream 65535 does not exist (RFC 8832, section 6).
constexpr size_t kMaxStreams = 65535;

codec::DataChannelOpen MakeOpen(const std::string& label, const link::ChannelTraits& traits) {
  codec::DataChannelOpen open;
  open.label = label;
  open.reliability.ordering = traits.ordering == link::Ordering::kOrdered
                                  ? codec::DcepOrdering::kOrdered
                                  : codec::DcepOrdering::kUnordered;
  if (traits.max_retransmits) open.reliability.max_retransmits = *traits.max_retransmits;
  return open;
}

// A channel with a lifetime limit is carried as a reliable one: its messages arrive no worse.
link::ChannelTraits TraitsOf(const codec::DcepReliability& reliability) {
  link::ChannelTraits traits;
  traits.ordering = reliability.ordering == codec::DcepOrdering::kOrdered
                        ? link::Ordering::kOrdered
                        : link::Ordering::kUnordered;
  if (reliability.max_retransmits) {
    constexpr uint32_t kMost = std::numeric_limits<uint16_t>::max();
    traits.max_retransmits = static_cast<uint16_t>(std::min(*reliability.max_retransmits, kMost));
  }
  return traits;
}

}  // namespace

uint16_t StreamsFor(size_t channels) {
  return static_cast<uint16_t>(std::min(2 * channels + 2, kMaxStreams));
}

ChannelTable::ChannelTable(const ChannelTableOptions& options) : options_(options) {
  CHECK_GE(options_.max_channels, 1u);
}

Result<ChannelId> ChannelTable::Open(const std::string& label, const link::ChannelTraits& traits) {
  if (down_) return Status(StatusCode::kUnavailable, "the connection has ended");
  if (label.size() > std::numeric_limits<uint16_t>::max() || !IsValidUtf8(label)) {
    return Status(StatusCode::kInvalidArgument, "a channel label is UTF-8 of at most 65535 bytes");
  }
  if (channels_.size() >= options_.max_channels) {
    return Status(StatusCode::kResourceExhausted,
                  "at most " + std::to_string(options_.max_channels) + " channels at a time");
  }
  const ChannelId id(next_channel_++);
  channels_[id].open = codec::SerializeDataChannelOpen(MakeOpen(label, traits));
  waiting_.push_back(id);
  AssignWaiting();
  return id;
}

void ChannelTable::Close(Timestamp now, ChannelId id) {
  const auto found = channels_.find(id);
  if (found == channels_.end()) return;
  Channel& channel = found->second;
  if (channel.state == ChannelState::kClosing) return;
  if (channel.state == ChannelState::kWaiting) {
    waiting_.remove(id);
    return Finish(id, Status::Ok());
  }
  channel.state = ChannelState::kClosing;
  const StreamNumber stream = *channel.stream;
  EmitReset(stream);
  FinishIfDone(now, stream);
}

void ChannelTable::HandleAssociationUp(StreamParity ours, uint16_t streams) {
  if (up_ || down_) return;
  up_ = true;
  parity_ = ours;
  next_unused_ = ours == StreamParity::kEven ? 0 : 1;
  HandleStreams(streams);
}

void ChannelTable::HandleStreams(uint16_t streams) {
  stream_count_ = std::max<uint32_t>(stream_count_, streams);
  stream_request_pending_ = false;
  AssignWaiting();
}

void ChannelTable::HandleStreamsRefused() {
  stream_request_pending_ = false;
  streams_refused_ = true;
  AssignWaiting();
}

void ChannelTable::HandleControl(Timestamp /*now*/, StreamNumber stream, ByteSpan wire) {
  if (!up_ || down_ || stream.value() >= stream_count_) {
    ++violations_;
    return;
  }
  Result<codec::DcepMessage> message = codec::ParseDcepMessage(wire);
  if (!message.ok()) {
    // A message type of the future does not end a channel that works.
    if (message.status().code() == StatusCode::kUnsupported && Find(stream)) {
      ++violations_;
      return;
    }
    return Refuse(stream, message.status().WithContext("DCEP"));
  }
  if (auto* open = std::get_if<codec::DataChannelOpen>(&*message)) {
    return HandleOpen(stream, std::move(*open));
  }
  HandleAck(stream);
}

void ChannelTable::HandleOpen(StreamNumber stream, codec::DataChannelOpen open) {
  const Stream& state = StreamAt(stream);
  // The peer opens the stream again only after it saw our reset: that closes the old channel, even
  // though the confirmation is still on its way.
  if (state.channel && state.incoming_reset) Finish(*state.channel, Status::Ok());
  if (state.channel || !state.incoming_reset || state.retired) {
    return Refuse(stream, Status(StatusCode::kProtocolViolation, "DCEP: OPEN on a stream in use"));
  }
  if (OwnParity(stream)) {
    return Refuse(stream, Status(StatusCode::kProtocolViolation, "DCEP: OPEN on our own stream"));
  }
  if (open.label.size() > options_.max_label_bytes ||
      open.protocol.size() > options_.max_label_bytes) {
    return Refuse(stream, Status(StatusCode::kResourceExhausted, "DCEP: label too long"));
  }
  if (channels_.size() >= options_.max_channels) {
    return Refuse(stream, Status(StatusCode::kResourceExhausted, "DCEP: too many channels"));
  }
  const ChannelId id(next_channel_++);
  Channel& channel = channels_[id];
  channel.state = ChannelState::kOpen;
  channel.stream = stream;
  Stream& slot = StreamAt(stream);
  slot.channel = id;
  slot.incoming_reset = false;
  events_.Push(SendControl{id, stream, codec::SerializeDataChannelAck()});
  events_.Push(RemoteChannel{id, stream, std::move(open.label), TraitsOf(open.reliability)});
}

void ChannelTable::HandleAck(StreamNumber stream) {
  const std::optional<ChannelId> id = Find(stream);
  if (!id) {
    ++violations_;
    return;
  }
  Channel& channel = channels_.at(*id);
  if (channel.state == ChannelState::kOpening) channel.state = ChannelState::kOpen;
}

void ChannelTable::Refuse(StreamNumber stream, const Status& why) {
  ++violations_;
  VLOG(1) << "stream " << stream << ": " << why.ToString();
  Stream& state = StreamAt(stream);
  if (state.retired) return;
  if (state.channel) {
    const ChannelId id = *state.channel;
    const bool closing = channels_.at(id).state == ChannelState::kClosing;
    Finish(id, why);
    if (!closing) EmitReset(stream);
    return;
  }
  // Only the first refused message of a stream is answered: the peer cannot make us send more.
  if (!state.incoming_reset) return;
  state.incoming_reset = false;
  free_.remove(stream);
  EmitReset(stream);
}

void ChannelTable::HandleIncomingReset(Timestamp now, StreamNumber stream) {
  if (stream.value() >= streams_.size()) return;
  Stream& state = StreamAt(stream);
  if (state.incoming_reset) return;
  state.incoming_reset = true;
  if (state.channel) {
    const ChannelId id = *state.channel;
    switch (channels_.at(id).state) {
      case ChannelState::kOpening:
        Finish(id, Status(StatusCode::kUnavailable, "the peer refused the channel"));
        EmitReset(stream);
        break;
      case ChannelState::kOpen:
        Finish(id, Status::Ok());
        EmitReset(stream);
        break;
      case ChannelState::kClosing:
        FinishIfDone(now, stream);
        break;
      case ChannelState::kWaiting:
        break;
    }
  }
  ReleaseIfFree(stream);
}

void ChannelTable::HandleOutgoingReset(Timestamp now, StreamNumber stream) {
  if (stream.value() >= streams_.size()) return;
  Stream& state = StreamAt(stream);
  if (state.outgoing_resets == 0) return;
  --state.outgoing_resets;
  FinishIfDone(now, stream);
  ReleaseIfFree(stream);
}

void ChannelTable::HandleResetFailed(StreamNumber stream) {
  if (stream.value() >= streams_.size()) return;
  Stream& state = StreamAt(stream);
  if (state.outgoing_resets == 0) return;
  state.retired = true;
  state.outgoing_resets = 0;
  if (state.channel && channels_.at(*state.channel).state == ChannelState::kClosing) {
    Finish(*state.channel, Status(StatusCode::kUnsupported, "the peer does not reset streams"));
  }
}

void ChannelTable::HandleAssociationDown(const Status& why) {
  if (down_) return;
  down_ = true;
  std::vector<ChannelId> ids;
  ids.reserve(channels_.size());
  for (const auto& [id, channel] : channels_) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  for (const ChannelId id : ids) Finish(id, why);
  waiting_.clear();
  lingering_.clear();
}

void ChannelTable::HandleTimeout(Timestamp now) {
  while (!lingering_.empty() && lingering_.front().first <= now) {
    const ChannelId id = lingering_.front().second;
    lingering_.pop_front();
    if (channels_.count(id) != 0) Finish(id, Status::Ok());
  }
}

Timestamp ChannelTable::NextTimeout() const {
  return lingering_.empty() ? Timestamp::Max() : lingering_.front().first;
}

std::optional<ChannelEvent> ChannelTable::PollEvent() { return events_.Poll(); }

std::optional<ChannelId> ChannelTable::Find(StreamNumber stream) const {
  if (stream.value() >= streams_.size()) return std::nullopt;
  return streams_[stream.value()].channel;
}

bool ChannelTable::acknowledged(ChannelId id) const {
  const auto found = channels_.find(id);
  return found != channels_.end() && found->second.state == ChannelState::kOpen;
}

std::optional<StreamNumber> ChannelTable::stream(ChannelId id) const {
  const auto found = channels_.find(id);
  if (found == channels_.end()) return std::nullopt;
  return found->second.stream;
}

bool ChannelTable::OwnParity(StreamNumber stream) const {
  return (stream.value() % 2 == 0) == (parity_ == StreamParity::kEven);
}

ChannelTable::Stream& ChannelTable::StreamAt(StreamNumber stream) {
  if (stream.value() >= streams_.size()) streams_.resize(stream.value() + size_t{1});
  return streams_[stream.value()];
}

// Streams that were never used come first: the longer a stream rests, the surer it is that the peer
// has forgotten it too.
std::optional<StreamNumber> ChannelTable::TakeFreeStream() {
  while (next_unused_ < stream_count_) {
    const StreamNumber stream(static_cast<uint16_t>(next_unused_));
    next_unused_ += 2;
    const Stream& state = StreamAt(stream);
    // The peer may have misused it; ReleaseIfFree then brings it back.
    if (state.outgoing_resets == 0 && state.incoming_reset && !state.retired) return stream;
  }
  if (free_.empty()) return std::nullopt;
  const StreamNumber stream = free_.front();
  free_.pop_front();
  return stream;
}

void ChannelTable::AssignWaiting() {
  if (!up_ || down_) return;
  // A peer with the same limit takes no more than these, and refuses a request beyond as a whole.
  const uint32_t most = StreamsFor(options_.max_channels);
  while (!waiting_.empty()) {
    if (const std::optional<StreamNumber> stream = TakeFreeStream()) {
      const ChannelId id = waiting_.front();
      waiting_.pop_front();
      Assign(id, channels_.at(id), *stream);
      continue;
    }
    if (stream_request_pending_) return;
    if (!streams_refused_ && stream_count_ < most) {
      stream_request_pending_ = true;
      const uint32_t total = std::min(most, std::max<uint32_t>(2 * stream_count_, 64));
      events_.Push(RequestStreams{static_cast<uint16_t>(total)});
      return;
    }
    const ChannelId id = waiting_.front();
    waiting_.pop_front();
    Finish(id, Status(StatusCode::kResourceExhausted, "no free SCTP stream"));
  }
}

void ChannelTable::Assign(ChannelId id, Channel& channel, StreamNumber stream) {
  channel.state = ChannelState::kOpening;
  channel.stream = stream;
  Stream& state = StreamAt(stream);
  state.channel = id;
  state.incoming_reset = false;
  events_.Push(SendControl{id, stream, std::move(channel.open)});
}

void ChannelTable::EmitReset(StreamNumber stream) {
  ++StreamAt(stream).outgoing_resets;
  events_.Push(ResetStream{stream});
}

void ChannelTable::Finish(ChannelId id, const Status& why) {
  const auto found = channels_.find(id);
  CHECK(found != channels_.end());
  if (found->second.stream) StreamAt(*found->second.stream).channel.reset();
  channels_.erase(found);
  events_.Push(ChannelClosed{id, why});
}

void ChannelTable::FinishIfDone(Timestamp now, StreamNumber stream) {
  const Stream& state = StreamAt(stream);
  if (!state.channel || state.outgoing_resets != 0) return;
  const ChannelId id = *state.channel;
  if (channels_.at(id).state != ChannelState::kClosing) return;
  if (state.incoming_reset) return Finish(id, Status::Ok());
  lingering_.emplace_back(now + options_.linger, id);
}

void ChannelTable::ReleaseIfFree(StreamNumber stream) {
  const Stream& state = StreamAt(stream);
  if (state.channel || state.outgoing_resets != 0 || !state.incoming_reset || state.retired) return;
  // One that was never taken is still found by counting.
  if (!OwnParity(stream) || stream.value() >= next_unused_) return;
  free_.push_back(stream);
  AssignWaiting();
}

bool ChannelTable::IsConsistent() const {
  size_t placed = 0;
  for (const auto& [id, channel] : channels_) {
    if (channel.stream.has_value() != (channel.state != ChannelState::kWaiting)) return false;
    if (!channel.stream) continue;
    ++placed;
    if (channel.stream->value() >= streams_.size()) return false;
    if (streams_[channel.stream->value()].channel != id) return false;
  }
  size_t used = 0;
  for (const Stream& stream : streams_) used += stream.channel ? size_t{1} : size_t{0};
  for (const StreamNumber stream : free_) {
    const Stream& state = streams_[stream.value()];
    if (state.channel || state.outgoing_resets != 0 || !state.incoming_reset) return false;
  }
  return used == placed && channels_.size() <= options_.max_channels;
}

}  // namespace ming::webrtc
