#include "ming/sctp/sctp_association.h"

#include <glog/logging.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>
#include <variant>

#include "ming/base/checked_cast.h"
#include "ming/sctp/chunks.h"
#include "ming/sctp/crc32c.h"
#include "ming/sctp/engine_socket.h"
#include "ming/sctp/sack.h"

namespace ming::sctp {
namespace {

constexpr size_t kTagOffset = 4;
constexpr size_t kChecksumOffset = 8;
// A peer says something every second.
constexpr Duration kSilence = std::chrono::milliseconds(1200);
// One read: of small messages, and of what our own tunnel sends in bulk.
constexpr size_t kReadSize = size_t{16} << 10;
constexpr size_t kLargeRead = size_t{64} << 10;
// A reset of all 65535 streams by number.
constexpr size_t kMaxNotification = size_t{256} << 10;
// Less room than this in the send buffer counts as none: it would only make small messages.
constexpr size_t kMinSendable = size_t{16} << 10;
// INIT chunks that are answered in the life of an association: a peer sends it again while it
// waits, 16 times at most. Each costs a signed cookie and a packet.
constexpr uint32_t kMaxInits = 64;
// Packets; with less of a window a sender waits until it grows.
constexpr size_t kStuckWindow = 2;
// A peer that takes part answers within a few round trips.
constexpr Duration kGrowthLimit = std::chrono::seconds(10);

// `error` is what the engine left on the socket: ECONNRESET and ECONNREFUSED for an ABORT of the
// peer, else it was our own end that gave up.
Status StatusOfEnd(const EngineDown& down, int error) {
  const bool by_peer = error == ECONNRESET || error == ECONNREFUSED;
  switch (down.how) {
    case EngineEnd::kShutDown:
      return Status::Ok();
    case EngineEnd::kRestarted:
      return {StatusCode::kProtocolViolation, "sctp: the peer restarted the association"};
    case EngineEnd::kCouldNotStart:
      if (!by_peer) return {StatusCode::kTimeout, "sctp: the peer did not answer"};
      break;
    case EngineEnd::kLost:
      if (by_peer) break;
      if (down.cause == 0) return {StatusCode::kTimeout, "sctp: the peer stopped answering"};
      return {StatusCode::kProtocolViolation, "sctp: the peer broke the protocol", down.cause};
  }
  return {StatusCode::kClosed, "sctp: the peer aborted the association", down.cause};
}

RecoveryOptions RecoveryOptionsOf(const SctpOptions& options) {
  RecoveryOptions recovery;
  recovery.packet_size = options.max_packet_size;
  recovery.delayed_ack = options.delayed_ack;
  recovery.longest_timeout = options.rto_initial;
  return recovery;
}

}  // namespace

SctpAssociation::SctpAssociation(const SctpOptions& options, SctpStack& stack, Observer& observer,
                                 PacketSink& sink)
    : options_(options),
      stack_(stack),
      observer_(observer),
      sink_(sink),
      window_(options.receive_buffer),
      reassembly_(options.max_message_size, options.max_reassembly_bytes),
      packet_size_(options.max_packet_size),
      recovery_(RecoveryOptionsOf(options)),
      queue_limit_(options.min_send_queue, options.send_buffer) {
  const Status valid = Validate(options);
  CHECK(valid.ok()) << valid.ToString();
  id_ = stack_.Register(*this);
  settle_soon_ = stack_.timers().CreateAlarm([this] { Settle(); });
  recovery_alarm_ = stack_.timers().CreateAlarm([this] { OnRecoveryTimeout(); });
  socket_ = std::make_unique<EngineSocket>(options_, EngineId(id_), &SctpStack::OnUpcall);
}

SctpAssociation::~SctpAssociation() { Abort(); }

Status SctpAssociation::Connect() {
  CHECK(state_ == State::kIdle) << "Connect once";
  state_ = State::kConnecting;
  stack_.NoteTraffic();
  return socket_->Connect();
}

void SctpAssociation::HandlePacket(ByteSpan packet, MorePackets more) {
  DCHECK(!settling_) << "HandlePacket inside a callback";
  if (socket_ == nullptr) return;
  if (packet.size() < kCommonHeader || ReadPacketChecksum(packet) != PacketChecksum(packet)) {
    ++dropped_packets_;
    return;
  }
  // Only an INIT has no tag (RFC 9260, section 8.5.1).
  const ByteSpan tag = packet.Skip(kTagOffset).First(sizeof(uint32_t));
  const bool init = std::all_of(tag.begin(), tag.end(), [](uint8_t byte) { return byte == 0; });
  if (init && ++inits_ > kMaxInits) {
    ++dropped_packets_;
    return;
  }
  stack_.NoteTraffic();
  NoteHeard();
  const ByteSpan told = recovery_.HandleInbound(ReadClock(), packet);
  if (const std::optional<ByteBuffer> passing = reset_gate_.HoldBack(told)) {
    if (passing->size() > kCommonHeader) socket_->Input(*passing);
  } else {
    socket_->Input(told);
  }
  if (more == MorePackets::kNo) HandlePacketsDone();
}

void SctpAssociation::HandlePacketsDone() {
  if (socket_ == nullptr) return;
  SendRecovered();
  if (IsDue(stack_.timers().Now())) Settle();
}

link::SendResult SctpAssociation::Send(StreamId stream, Ppid ppid, ByteSpan message,
                                       const link::ChannelTraits& traits) {
  if (state_ == State::kIdle || state_ == State::kConnecting) {
    waiting_for_space_ = true;
    return link::SendResult::kWouldBlock;
  }
  if (state_ != State::kUp || stream.value() >= outgoing_streams_) return link::SendResult::kClosed;
  DCHECK(!message.empty());
  stack_.NoteTraffic();
  if (traits.max_retransmits && ChunksAhead() >= kMostAhead) {
    waiting_for_space_ = too_far_ahead_ = true;
    return link::SendResult::kWouldBlock;
  }
  recovery_.SetRetransmissionLimit(stream.value(), traits.max_retransmits);
  switch (socket_->Send(stream, ppid, message, traits)) {
    case 0:
      ++taken_messages_;
      queue_limit_.NoteSent(stack_.timers().Now(), message.size());
      return link::SendResult::kAccepted;
    case EWOULDBLOCK:
      // A stream that is being reset says the same; it is never writable again before its reset.
      waiting_for_space_ = true;
      return link::SendResult::kWouldBlock;
    case EMSGSIZE:
      return link::SendResult::kTooLarge;
    default:
      return link::SendResult::kClosed;
  }
}

size_t SctpAssociation::ChunksAhead() {
  taken_messages_ = std::max(taken_messages_, recovery_.sent_chunks());
  const uint64_t queued = taken_messages_ - recovery_.sent_chunks();
  return recovery_.unacknowledged_chunks() + static_cast<size_t>(queued);
}

size_t SctpAssociation::SendableBytes() {
  if (state_ == State::kUp && !waiting_for_space_) {
    const size_t backlog = Backlog();
    if (backlog + kMinSendable <= BacklogLimit()) return BacklogLimit() - backlog;
    queue_limit_.NoteFull();
  }
  waiting_for_space_ = true;
  return 0;
}

// What recovery has sent is on its way, and waits for nobody.
size_t SctpAssociation::Backlog() {
  const size_t queued = QueuedBytes();
  if (!recovery_.active()) return queued;
  return queued - std::min(queued, recovery_.kept_bytes()) + recovery_.unsent_bytes();
}

size_t SctpAssociation::BacklogLimit() const {
  return recovery_.active() ? std::min(recovery_.wanted_unsent(), options_.send_buffer)
                            : queue_limit_.limit();
}

size_t SctpAssociation::QueuedBytes() { return socket_ == nullptr ? 0 : socket_->QueuedBytes(); }

void SctpAssociation::PauseReceive() { paused_ = true; }

void SctpAssociation::ResumeReceive() {
  if (!std::exchange(paused_, false)) return;
  attention_ = true;
  SettleSoon();
}

Status SctpAssociation::ResetStreams(const std::vector<StreamId>& streams) {
  if (state_ != State::kUp) return {StatusCode::kClosed, "sctp: the association is not up"};
  if (!stream_reset_) return {StatusCode::kUnsupported, "sctp: the peer cannot reset streams"};
  for (const StreamId stream : streams) {
    if (stream.value() >= outgoing_streams_) {
      return {StatusCode::kInvalidArgument, "sctp: no such stream to reset"};
    }
  }
  stack_.NoteTraffic();
  for (size_t at = 0; at < streams.size(); at += EngineSocket::kMaxResetIds) {
    const auto begin = streams.begin() + static_cast<ptrdiff_t>(at);
    const size_t count = std::min(EngineSocket::kMaxResetIds, streams.size() - at);
    const int error = socket_->ResetStreams({begin, begin + static_cast<ptrdiff_t>(count)});
    if (error != 0) return Status::FromErrno("sctp: stream reset", error);
  }
  return Status::Ok();
}

Status SctpAssociation::RequestStreams(uint16_t total) {
  if (state_ != State::kUp) return {StatusCode::kClosed, "sctp: the association is not up"};
  if (options_.growth == StreamGrowth::kFixed) {
    return {StatusCode::kResourceExhausted,
            "sctp: the peer takes " + std::to_string(outgoing_streams_) + " streams at most"};
  }
  if (growth_requested_) {
    return {StatusCode::kUnavailable, "sctp: a request for streams is under way"};
  }
  growth_requested_ = true;
  wanted_streams_ = std::max(wanted_streams_, total);
  growth_deadline_ = stack_.timers().Now() + kGrowthLimit;
  stack_.NoteTraffic();
  SettleSoon();
  return Status::Ok();
}

Status SctpAssociation::SetMaxPacketSize(size_t bytes) {
  if (socket_ == nullptr) return {StatusCode::kClosed, "sctp: the association has ended"};
  SctpOptions changed = options_;
  changed.max_packet_size = bytes;
  Status valid = Validate(changed);
  if (!valid.ok()) return valid;
  Status set = socket_->SetPacketSize(bytes);
  if (!set.ok()) return set;
  packet_size_ = bytes;
  recovery_.SetPacketSize(bytes);
  return set;
}

size_t SctpAssociation::part_size() const {
  // Parts never grow, as one that has its TSN could not be cut again. They end at a multiple of 4.
  const size_t packet = std::min(options_.max_packet_size, packet_size_);
  const size_t headers = kCommonHeader + (interleaving_ ? kInterleavedDataHeader : kDataHeader);
  return (packet - headers) / 4 * 4;
}

bool SctpAssociation::HasFallenSilent(Timestamp now) const {
  return state_ == State::kUp && !silent_ && now - heard_at_ >= kSilence;
}

void SctpAssociation::NoteSilence() {
  silent_ = true;
  socket_->SetMaxRetransmissionTime(options_.rto_initial);
}

void SctpAssociation::NoteHeard() {
  heard_at_ = stack_.timers().Now();
  if (!std::exchange(silent_, false)) return;
  socket_->SetMaxRetransmissionTime(options_.rto_max);
}

void SctpAssociation::HandleNewPath() {
  if (state_ != State::kUp) return;
  stack_.NoteTraffic();
  queue_limit_.HandleNewPath();
  recovery_.HandleNewPath();
  socket_->RestartCongestionControl(0);
  SendRecovered();
  socket_->SendHeartbeat();
}

void SctpAssociation::Shutdown() {
  if (state_ == State::kUp) {
    state_ = State::kShuttingDown;
    const int error = socket_->ShutdownWrite();
    LOG_IF(WARNING, error != 0) << "sctp: shutdown: " << Status::FromErrno("", error).message();
    return;
  }
  if (state_ != State::kIdle && state_ != State::kConnecting) return;
  state_ = State::kEnding;
  SettleSoon();
}

void SctpAssociation::Abort() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  CloseSocket();
}

SctpStats SctpAssociation::stats() {
  SctpStats stats;
  stats.abandoned_messages = abandoned_messages_ + recovery_.abandoned_messages();
  stats.dropped_packets = dropped_packets_;
  if (socket_ == nullptr) return stats;
  const EngineSocket::PathState path = socket_->GetPathState();
  const bool known = recovery_.active() && recovery_.smoothed_round_trip();
  stats.smoothed_rtt = known ? *recovery_.smoothed_round_trip() : path.smoothed_rtt;
  stats.congestion_window =
      known ? base::CheckedCast<uint32_t>(recovery_.window()) : path.congestion_window;
  stats.peer_receive_window = path.peer_receive_window;
  stats.send_queue = socket_->QueuedBytes();
  return stats;
}

void SctpAssociation::OnOutput(MutableByteSpan packet) {
  if (packet.size() < kCommonHeader) return;
  const size_t passing = recovery_.HandleOutbound(ReadClock(), packet);
  if (passing > kCommonHeader) {
    // More than one packet where the path takes less than it did when the chunks were made.
    PacketCutter cutter({packet.data(), passing}, packet_size_);
    while (const std::optional<MutableByteSpan> piece = cutter.Next()) SendOne(*piece);
  }
  SendRecovered();
}

// Where packets pass untouched the time of the turn will do.
Timestamp SctpAssociation::ReadClock() const {
  return recovery_.active() ? stack_.timers().ReadClock() : stack_.timers().Now();
}

void SctpAssociation::SendRecovered() {
  const Timestamp now = ReadClock();
  while (const std::optional<MutableByteSpan> packet = recovery_.PollPacket(now)) SendOne(*packet);
  const Timestamp next = recovery_.NextTimeout();
  if (next == recovery_armed_) return;
  recovery_armed_ = next;
  recovery_alarm_->ArmAt(next);
}

void SctpAssociation::OnRecoveryTimeout() {
  recovery_armed_ = Timestamp::Max();
  recovery_.HandleTimeout(ReadClock());
  SendRecovered();
  if (waiting_for_space_) Settle();
}

// The window of the engine grows while it is used up and what was sent is acknowledged without a
// gap, so it is late. And its timer, which acknowledgments do not start anew, takes a gap that is
// being repaired for silence: the window would be one packet, and grow by one in a round trip.
void SctpAssociation::HoldEngineWindow() {
  if (state_ != State::kUp || recovery_.kept_bytes() == 0) return;
  const size_t needed = recovery_.engine_window();
  if (socket_->GetPathState().congestion_window >= needed) return;
  // Until the next tick the path's window may become twice as long.
  socket_->RestartCongestionControl(std::min(needed + recovery_.window(), options_.send_buffer));
}

void SctpAssociation::SendOne(MutableByteSpan packet) {
  const uint32_t checksum = PacketChecksum(packet);
  for (size_t i = 0; i < 4; ++i) {
    packet.data()[kChecksumOffset + i] = static_cast<uint8_t>(checksum >> (8 * i));
  }
  reset_gate_.NoteOutbound(packet);
  NoteOutboundSack(packet);
  sink_.SendPacket(packet);
}

void SctpAssociation::SettleSoon() { settle_soon_->ArmAt(stack_.timers().Now()); }

// Everything that the engine left for us, in one place and outside of it.
void SctpAssociation::Settle() {
  if (settling_) return;  // from inside an observer: the call below goes on
  settling_ = true;
  attention_ = false;
  if (state_ == State::kEnding) {
    Finish(Status::Ok());
  } else if (state_ != State::kClosed) {
    SettleOnce();
  }
  settling_ = false;
  const bool more = (attention_ && !paused_) || reset_gate_.HasDue() || HasSpaceToOffer();
  if (more && state_ != State::kClosed) SettleSoon();
}

void SctpAssociation::SettleOnce() {
  if (HasFallenSilent(stack_.timers().Now())) NoteSilence();
  if (reset_gate_.HasDue()) socket_->Input(reset_gate_.TakeDue());
  ReadAll();
  UnblockWindow();
  if (state_ == State::kUp) Grow();
  if (state_ == State::kUp) {
    const size_t queued = QueuedBytes();
    if (queued == 0) taken_messages_ = recovery_.sent_chunks();
    queue_limit_.NoteQueued(stack_.timers().Now(), queued);
    OfferSpace();
  }
}

void SctpAssociation::ReadAll() {
  // The end goes past a pause: what is left to read is at most the receive buffer.
  bool ended = false;
  while (socket_ != nullptr) {
    if (paused_ && !ended) {
      if (state_ == State::kConnecting || socket_->HasAssociation()) return;
      ended = true;
    }
    if (read_.empty()) read_ = ByteBuffer::Uninitialized(large_messages_ ? kLargeRead : kReadSize);
    const EngineSocket::Received received = socket_->Receive(read_.mutable_span());
    switch (received.state) {
      case EngineSocket::ReceiveState::kNothing:
        read_ = ByteBuffer();  // an idle association holds no memory
        return;
      case EngineSocket::ReceiveState::kEnd:
        // The peer's half is over; what it means comes as an event, unless the engine lost it.
        if (state_ != State::kIdle && !socket_->HasAssociation()) {
          Finish(StatusOfEnd({EngineEnd::kLost, 0}, received.error));
        }
        return;
      case EngineSocket::ReceiveState::kNotification:
        ReadNotification(received.size, received.last_piece);
        break;
      case EngineSocket::ReceiveState::kData:
        DeliverData({received.stream, received.ppid, received.ordering, {}}, received.size,
                    received.last_piece);
        break;
    }
  }
}

void SctpAssociation::NoteOutboundSack(ByteSpan packet) {
  ByteSpan rest = packet.Skip(kCommonHeader);
  const std::optional<Chunk> chunk = NextChunk(rest);
  const std::optional<Sack> sack = chunk ? ParseSack(*chunk) : std::nullopt;
  if (sack) window_ = sack->window;
}

bool SctpAssociation::WindowIsStuck() const {
  return window_ < (in_pieces_ ? options_.receive_buffer / 2 : kStuckWindow * packet_size_);
}

void SctpAssociation::UnblockWindow() {
  if (socket_ == nullptr || paused_ || in_pieces_ == WindowIsStuck()) return;
  // What was read just now had filled it.
  if (!in_pieces_ && socket_->UnfinishedBytes() < options_.receive_buffer / 2) return;
  in_pieces_ = !in_pieces_;
  socket_->SetPieces(in_pieces_ ? 1 : EngineSocket::kUsualPieces);
}

void SctpAssociation::ReadNotification(size_t size, bool last_piece) {
  if (notification_.size() + size <= kMaxNotification) {
    notification_.Append(read_.span().First(size));
  }
  if (!last_piece) return;
  const ByteBuffer whole = std::exchange(notification_, ByteBuffer());
  Apply(ParseNotification(whole));
}

void SctpAssociation::DeliverData(const InboundMessage& about, size_t size, bool last_piece) {
  // A message in pieces is copied once more to be joined.
  large_messages_ = !last_piece || size > kReadSize;
  Result<std::optional<ByteBuffer>> whole =
      reassembly_.Add(about.stream, about.ordering, TakeRead(size), last_piece);
  if (!whole.ok()) {
    Finish(whole.status().WithContext("sctp"));
    return;
  }
  if (!whole->has_value()) return;
  observer_.OnMessage({about.stream, about.ppid, about.ordering, *std::move(*whole)});
}

// Hands the room itself over where it was well used, else a copy, so that small messages do not
// hold large buffers.
ByteBuffer SctpAssociation::TakeRead(size_t size) {
  if (2 * size < read_.size()) return ByteBuffer::CopyOf(read_.span().First(size));
  ByteBuffer taken = std::exchange(read_, ByteBuffer());
  taken.Truncate(size);
  return taken;
}

void SctpAssociation::Apply(EngineEvent event) {
  if (const auto* up = std::get_if<EngineUp>(&event)) {
    OnUp(*up);
  } else if (const auto* down = std::get_if<EngineDown>(&event)) {
    Finish(StatusOfEnd(*down, socket_->TakeError()));
  } else if (const auto* reset = std::get_if<EngineStreamsReset>(&event)) {
    OnStreamsReset(*reset);
  } else if (const auto* changed = std::get_if<EngineStreamsChanged>(&event)) {
    OnStreamsChanged(*changed);
  } else if (const auto* partial = std::get_if<EnginePartialDiscarded>(&event)) {
    reassembly_.Discard(partial->stream);
  } else if (std::holds_alternative<EngineMessageAbandoned>(event)) {
    ++abandoned_messages_;
  }
}

void SctpAssociation::OnUp(const EngineUp& event) {
  if (state_ != State::kConnecting) return;
  state_ = State::kUp;
  outgoing_streams_ = event.outgoing_streams;
  incoming_streams_ = event.incoming_streams;
  interleaving_ = event.interleaving;
  stream_reset_ = event.stream_reset;
  VLOG(1) << "sctp: up: streams out=" << outgoing_streams_ << " in=" << incoming_streams_
          << " interleaving=" << interleaving_;
  observer_.OnAssociationUp();
}

void SctpAssociation::OnStreamsReset(const EngineStreamsReset& event) {
  if (event.outcome != EngineOutcome::kDone) {
    observer_.OnStreamResetFailed(event.ids);
    return;
  }
  observer_.OnStreamsReset(event.incoming ? ResetDirection::kIncoming : ResetDirection::kOutgoing,
                           event.ids);
}

void SctpAssociation::OnStreamsChanged(const EngineStreamsChanged& event) {
  outgoing_streams_ = event.outgoing_streams;
  incoming_streams_ = event.incoming_streams;
  if (event.outcome != EngineOutcome::kDone) {
    FinishGrowth({StatusCode::kResourceExhausted, "sctp: the peer refused more streams"});
    return;
  }
  if (outgoing_streams_ >= asked_streams_) asked_streams_ = 0;
  // The peer wants to send on more streams: we need as many to answer on.
  if (options_.growth == StreamGrowth::kOnDemand && incoming_streams_ > outgoing_streams_ &&
      incoming_streams_ > wanted_streams_) {
    wanted_streams_ = incoming_streams_;
    growth_deadline_ = stack_.timers().Now() + kGrowthLimit;
  }
  // Where we already had as many to answer on nothing is left to do.
  if (wanted_streams_ == 0) return observer_.OnStreamsAdded(Status::Ok());
  Grow();  // before the messages on the new streams, which may have come together with this
}

// Both ends ask for their own outgoing streams only; the other follows. Requests for the peer's
// streams would be refused when both ends ask at the same time.
void SctpAssociation::Grow() {
  if (wanted_streams_ == 0) return;
  if (outgoing_streams_ >= wanted_streams_ && incoming_streams_ >= wanted_streams_) {
    FinishGrowth(Status::Ok());
    return;
  }
  if (stack_.timers().Now() >= growth_deadline_) {
    FinishGrowth({StatusCode::kResourceExhausted, "sctp: the peer did not add streams in time"});
    return;
  }
  if (asked_streams_ != 0 || outgoing_streams_ >= wanted_streams_) return;
  const int error =
      socket_->AddOutgoingStreams(static_cast<uint16_t>(wanted_streams_ - outgoing_streams_));
  if (error == 0) {
    asked_streams_ = wanted_streams_;
  } else if (error != EALREADY) {  // EALREADY: a reset is under way; the next tick tries again
    FinishGrowth(Status(StatusCode::kResourceExhausted, "sctp: cannot add streams", error));
  }
}

void SctpAssociation::FinishGrowth(const Status& result) {
  if (wanted_streams_ == 0) return;
  wanted_streams_ = 0;
  growth_requested_ = false;
  asked_streams_ = 0;
  observer_.OnStreamsAdded(result);
}

bool SctpAssociation::HasSpaceToOffer() {
  return state_ == State::kUp && waiting_for_space_ && Backlog() <= BacklogLimit() / 2 &&
         !(too_far_ahead_ && ChunksAhead() > kMostAhead / 2);
}

void SctpAssociation::OfferSpace() {
  if (!HasSpaceToOffer()) return;
  waiting_for_space_ = too_far_ahead_ = false;
  observer_.OnSendReady();
}

void SctpAssociation::Finish(const Status& why) {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  CloseSocket();
  observer_.OnAssociationClosed(why);
}

void SctpAssociation::CloseSocket() {
  settle_soon_->Cancel();
  socket_.reset();  // sends ABORT through OnOutput where there is an association
  recovery_alarm_->Cancel();
  stack_.Deregister(id_);
}

}  // namespace ming::sctp
