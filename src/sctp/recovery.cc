#include "ming/sctp/recovery.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "ming/base/byte_io.h"
#include "ming/sctp/chunks.h"
#include "ming/sctp/tsn.h"

namespace ming::sctp {
namespace {

// Packets leave in bursts of so much time, and a sender that was late catches up on no more than
// kCatchUp.
constexpr Duration kBurst = std::chrono::milliseconds(1);
constexpr Duration kCatchUp = std::chrono::milliseconds(3);
// What a small message may wait for behind bulk, and what makes good messages all the same.
constexpr double kUnsentTime = 0.002;  // seconds
constexpr size_t kLeastUnsent = size_t{32} << 10;
// The engine charges so much for each chunk that it has on the way (sctp_peer_chunk_oh).
constexpr size_t kEngineChunkCost = 256;
constexpr Duration kWatchInterval = std::chrono::seconds(5);
// How far ahead of its first gap a receiver may be sent to, in TSNs. Blocks of a SACK reach 65,535;
// usrsctp, as `ming` has it, keeps a map of 4096 and drops what lies beyond.
constexpr uint32_t kFarthest = 4000;
// The first round trips may contain an acknowledgment that was kept back.
constexpr int kEnoughSamples = 4;

std::optional<uint32_t> TsnOf(const Chunk& chunk) { return ByteReader(chunk.value).ReadU32(); }

}  // namespace

Recovery::Recovery(const RecoveryOptions& options)
    : options_(options),
      rate_(options.packet_size),
      round_trip_(options.delayed_ack, options.longest_timeout) {}

size_t Recovery::kept_bytes() const {
  return outstanding_.total_bytes() - kCommonHeader * outstanding_.packet_count();
}

size_t Recovery::wanted_unsent() const {
  const double rate = std::max(rate_.bandwidth(), rate_.pacing_rate().value_or(0));
  return std::max(kLeastUnsent, static_cast<size_t>(kUnsentTime * rate));
}

size_t Recovery::engine_window() const {
  const size_t behind = outstanding_.lost_bytes() + outstanding_.arrived_bytes();
  return std::max(outstanding_.bytes_on_the_way(), rate_.window()) + behind + wanted_unsent();
}

bool Recovery::IsConsistent() const { return outstanding_.IsConsistent(); }

// -- what the engine sends ----------------------------------------------------------------------

size_t Recovery::HandleOutbound(Timestamp now, ByteSpan packet) {
  const ByteSpan header = packet.First(kCommonHeader);
  ByteSpan rest = packet.Skip(kCommonHeader);
  size_t passing = kCommonHeader;
  Run run;
  while (const std::optional<Chunk> chunk = NextChunk(rest)) {
    const std::optional<uint32_t> tsn = IsData(chunk->type) ? TsnOf(*chunk) : std::nullopt;
    const Fate fate = tsn ? FateOf(now, *tsn) : Fate::kPass;
    if (fate == Fate::kTake) {
      AddToRun(header, *chunk, *tsn, run);
      continue;
    }
    EndRun(header, run);
    // What comes behind a chunk that was taken cannot be new: the engine says it again.
    const auto at = static_cast<size_t>(chunk->whole.data() - packet.data());
    if (fate == Fate::kPass && at == passing) passing += chunk->whole.size();
  }
  EndRun(header, run);
  SetTimer();
  return passing;
}

void Recovery::AddToRun(ByteSpan header, const Chunk& chunk, uint32_t tsn, Run& run) {
  if (header.size() + run.chunks.size() + chunk.whole.size() > options_.packet_size) {
    EndRun(header, run);
  }
  if (run.chunks.empty()) run = {{chunk.whole.data(), 0}, {tsn, tsn}, 0};
  run.chunks = {run.chunks.data(), run.chunks.size() + chunk.whole.size()};
  run.tsns.last = tsn;
  run.most_transmissions = std::max(run.most_transmissions, MostTransmissions(chunk));
  interleaved_ = chunk.type == ChunkType::kInterleavedData;
}

void Recovery::EndRun(ByteSpan header, Run& run) {
  if (run.chunks.empty()) return;
  outstanding_.Append(header, run.chunks, run.tsns, run.most_transmissions);
  run = Run();
}

uint32_t Recovery::MostTransmissions(const Chunk& chunk) const {
  constexpr uint8_t kWholeAndUnordered = 7;
  if (limits_.empty() || !peer_forwards_ || (chunk.whole[1] & 7) != kWholeAndUnordered) {
    return Outstanding::kUnlimited;
  }
  const std::optional<uint16_t> stream = ByteReader(chunk.value.Skip(sizeof(uint32_t))).ReadU16();
  const auto limit = stream ? limits_.find(*stream) : limits_.end();
  return limit == limits_.end() ? Outstanding::kUnlimited : limit->second + uint32_t{1};
}

void Recovery::SetRetransmissionLimit(uint16_t stream, std::optional<uint16_t> limit) {
  if (limit) {
    limits_[stream] = *limit;
  } else if (!limits_.empty()) {
    limits_.erase(stream);
  }
}

Recovery::Fate Recovery::FateOf(Timestamp now, uint32_t tsn) {
  if (sent_any_ && !IsAfter(tsn, last_tsn_)) {
    if (!outstanding_.Covers(tsn)) return Fate::kPass;
    NoteRepeat(now, tsn);
    return Fate::kDrop;
  }
  if (owning_ && !outstanding_.empty() && tsn != last_owned_tsn_ + 1) {
    // The engine numbers without gaps. If it ever did not, it has to repair alone.
    LOG(DFATAL) << "sctp: TSN " << tsn << " behind " << last_owned_tsn_;
    outstanding_.Clear();
    owning_ = false;
  }
  if (!std::exchange(sent_any_, true)) {
    acknowledged_tsn_ = tsn - 1;
    reordering_.Start(tsn);
  }
  last_tsn_ = tsn;
  ++sent_chunks_;
  if (!owning_) {
    WatchSent(now, tsn);
    return Fate::kPass;
  }
  last_owned_tsn_ = tsn;
  NoteNewData(now);
  return Fate::kTake;
}

// The engine's timer ran out. While anything comes back we know better what is lost.
void Recovery::NoteRepeat(Timestamp now, uint32_t tsn) {
  const Outstanding::Index index = outstanding_.Find(tsn);
  const Outstanding::Packet& packet = outstanding_.At(index);
  if (packet.state != Outstanding::State::kOnTheWay) return;
  const Duration recently = round_trip_.assumed() + ReorderingWindow();
  if (now - std::max(packet.sent_at, delivered_at_) > recently) outstanding_.MarkLost(index);
}

// A rate that is measured while there was nothing to send is not that of the path.
void Recovery::NoteNewData(Timestamp now) {
  const bool idle = outstanding_.NextToSend() == Outstanding::kNone;
  if (idle && WindowHasRoom() && next_send_ + kBurst < now) {
    limited_until_ = delivered_ + outstanding_.bytes_on_the_way() + 1;
  }
}

void Recovery::WatchSent(Timestamp now, uint32_t tsn) {
  if (!mark_) mark_ = Mark{tsn, now};
}

void Recovery::WatchAcknowledged(Timestamp now, uint32_t tsn) {
  if (!mark_ || !IsAtOrAfter(tsn, mark_->tsn)) return;
  const Duration sample = std::max(Duration(0), now - mark_->sent_at);
  mark_.reset();
  round_trip_.Add(sample);
  NoteShortest(now, sample);
}

// Whether the path is a short one, by the shortest round trip of the last intervals.
void Recovery::NoteShortest(Timestamp now, Duration sample) {
  if (now >= interval_end_) {
    shortest_before_ = std::exchange(shortest_now_, Duration::max());
    interval_end_ = now + kWatchInterval;
  }
  shortest_now_ = std::min(shortest_now_, sample);
  if (++samples_ < kEnoughSamples) return;
  const Duration shortest = std::min(shortest_now_, shortest_before_);
  if (shortest < kShortPath) {
    owning_ = false;
  } else if (shortest > 2 * kShortPath && !owning_ && outstanding_.empty()) {
    owning_ = true;
    mark_.reset();
    rate_.Restart();
  }
}

// -- what the peer says -------------------------------------------------------------------------

ByteSpan Recovery::HandleInbound(Timestamp now, ByteSpan packet) {
  ByteSpan rest = packet.Skip(kCommonHeader);
  bool says_more = false;
  while (const std::optional<Chunk> chunk = NextChunk(rest)) {
    if (chunk->type == ChunkType::kInit || chunk->type == ChunkType::kInitAck) NotePeerInit(*chunk);
    if (chunk->type != ChunkType::kSack || !sent_any_) continue;
    const std::optional<Sack> sack = ParseSack(*chunk);
    // The engine ends the association for what was never sent.
    if (!sack || IsAfter(sack->cumulative_tsn, last_tsn_)) return packet;
    if (IsAfter(sack->cumulative_tsn, acknowledged_tsn_)) acknowledged_tsn_ = sack->cumulative_tsn;
    if (outstanding_.empty()) {
      WatchAcknowledged(now, sack->cumulative_tsn);
    } else {
      HandleSack(now, *sack);
      says_more = says_more || !sack->blocks.empty() || !sack->duplicates.empty();
    }
  }
  if (!says_more || outstanding_.empty()) return packet;
  return RewriteSacks(packet, ViewForEngine(), told_) ? told_.span() : packet;
}

// RFC 3758, section 3.1, or RFC 5061, section 4.2.7.
void Recovery::NotePeerInit(const Chunk& chunk) {
  constexpr size_t kFixedInit = 16;
  constexpr uint16_t kForwardTsnSupported = 0xC000;
  constexpr uint16_t kSupportedExtensions = 0x8008;
  ByteReader parameters(chunk.value.Skip(kFixedInit));
  while (true) {
    const std::optional<uint16_t> type = parameters.ReadU16();
    const std::optional<uint16_t> length = parameters.ReadU16();
    if (!type || !length || *length < kChunkHeader) return;
    const std::optional<ByteSpan> value = parameters.ReadBytes(*length - kChunkHeader);
    if (!value) return;
    if (*type == kForwardTsnSupported) peer_forwards_ = true;
    if (*type == kSupportedExtensions) {
      const auto known = static_cast<uint8_t>(ChunkType::kForwardTsn);
      peer_forwards_ =
          peer_forwards_ || std::find(value->begin(), value->end(), known) != value->end();
    }
    if (!parameters.ReadBytes(Padded(*length) - *length)) return;
  }
}

SackView Recovery::ViewForEngine() const {
  // The engine takes off the window what it has on the way, and counts what arrived behind a gap
  // among that, although the peer took it off already.
  const size_t chunks = outstanding_.arrived_chunks();
  const size_t bytes = outstanding_.arrived_bytes();
  const size_t headers = std::min(bytes, kCommonHeader * chunks);
  return {outstanding_.first_tsn(),
          static_cast<uint32_t>(bytes - headers + kEngineChunkCost * chunks)};
}

void Recovery::HandleSack(Timestamp now, const Sack& sack) {
  for (size_t i = 0; i < sack.duplicate_count(); ++i) reordering_.NoteDuplicate(sack.Duplicate(i));
  newly_.clear();
  outstanding_.Acknowledge(sack, newly_);
  size_t acknowledged = 0;
  for (const Outstanding::Delivery& delivery : newly_) {
    acknowledged += delivery.bytes;
    NoteLatest(now, delivery);
  }
  if (acknowledged > 0) HandleDeliveries(now, acknowledged);
  // A chunk that was said to have arrived is the first that the peer lacks: it took that back.
  if (outstanding_.LacksArrived()) outstanding_.ForgetArrived();
  outstanding_.Trim();
  SetTimer();
}

void Recovery::NoteLatest(Timestamp now, const Outstanding::Delivery& delivery) {
  reordering_.NoteDelivered(delivery.first_tsn, delivery.transmissions);
  const Duration round_trip = now - delivery.sent_at;
  // Too early to be the answer to the last transmission.
  if (delivery.transmissions > 1 &&
      round_trip < rate_.shortest_round_trip().value_or(Duration(0))) {
    return;
  }
  const bool later =
      delivery.sent_at > latest_sent_at_ ||
      (delivery.sent_at == latest_sent_at_ && IsAfter(delivery.first_tsn, latest_tsn_));
  if (!later) return;
  latest_sent_at_ = delivery.sent_at;
  latest_tsn_ = delivery.first_tsn;
  latest_round_trip_ = round_trip;
}

void Recovery::HandleDeliveries(Timestamp now, size_t acknowledged) {
  delivered_ += acknowledged;
  delivered_at_ = now;
  silences_ = 0;
  probed_ = false;
  last_activity_ = now;
  // The sample is about the one sent last.
  const Outstanding::Delivery* about = &newly_.front();
  std::optional<Duration> round_trip;
  for (const Outstanding::Delivery& delivery : newly_) {
    if (delivery.snapshot.delivered >= about->snapshot.delivered) about = &delivery;
    if (delivery.transmissions == 1) {
      const Duration sample = now - delivery.sent_at;
      round_trip = round_trip ? std::min(*round_trip, sample) : sample;
    }
  }
  if (round_trip) {
    round_trip_.Add(*round_trip);
    NoteShortest(now, *round_trip);
  }
  DetectLosses(now);
  first_sent_at_ = std::max(first_sent_at_, about->sent_at);
  const Duration interval =
      std::max(about->sent_at - about->snapshot.first_sent_at, now - about->snapshot.delivered_at);
  AckSample sample;
  sample.delivered = delivered_;
  sample.delivered_before = about->snapshot.delivered;
  sample.acknowledged = acknowledged;
  sample.lost = lost_;
  sample.on_the_way = outstanding_.bytes_on_the_way();
  sample.round_trip = round_trip;
  sample.smoothed_round_trip = round_trip_.smoothed().value_or(Duration(0));
  sample.limited_by_sender = about->snapshot.limited_by_sender;
  if (interval > Duration(0) && interval >= rate_.shortest_round_trip().value_or(Duration(0))) {
    sample.rate = static_cast<double>(delivered_ - about->snapshot.delivered) /
                  std::chrono::duration<double>(interval).count();
  }
  rate_.HandleAck(now, sample);
}

Duration Recovery::ReorderingWindow() const {
  return reordering_.Window(rate_.shortest_round_trip(), round_trip_.smoothed(),
                            outstanding_.arrived_packets());
}

// RFC 8985, section 6.2: lost is what was sent before something that was delivered, and had time
// enough to arrive.
void Recovery::DetectLosses(Timestamp now) {
  reordering_at_ = Timestamp::Max();
  const Duration allowed = latest_round_trip_ + ReorderingWindow();
  Outstanding::Index index = outstanding_.Oldest();
  while (index != Outstanding::kNone) {
    const Outstanding::Packet& packet = outstanding_.At(index);
    const bool before =
        packet.sent_at < latest_sent_at_ ||
        (packet.sent_at == latest_sent_at_ && IsAfter(latest_tsn_, packet.first_tsn));
    if (!before) return;
    if (packet.sent_at + allowed > now) {
      reordering_at_ = packet.sent_at + allowed;
      return;
    }
    const Outstanding::Index next = outstanding_.NextOldest(index);
    lost_ += packet.size();
    outstanding_.MarkLost(index);
    index = next;
  }
}

// -- time ---------------------------------------------------------------------------------------

void Recovery::SetTimer() {
  if (outstanding_.bytes_on_the_way() == 0) {
    timer_ = reordering_at_ = Timestamp::Max();
    return;
  }
  const bool probe_next = !probed_ && silences_ == 0;
  timer_ = last_activity_ +
           (probe_next ? round_trip_.ProbeTimeout() : round_trip_.SilenceTimeout(silences_));
}

Timestamp Recovery::NextTimeout() const {
  Timestamp next = std::min(timer_, reordering_at_);
  if (cutter_ || probe_due_) return next_send_;
  if (outstanding_.ForwardPoint()) next = std::min(next, forward_again_);
  if (NextToSend() != Outstanding::kNone && WindowHasRoom()) {
    const double rate = rate_.pacing_rate().value_or(0);
    const auto waiting = static_cast<double>(unsent_bytes() + outstanding_.lost_bytes());
    const Duration burst =
        rate > 0 ? std::min(kBurst, Duration(static_cast<Duration::rep>(waiting / rate * 1e9)))
                 : Duration(0);
    next = std::min(next, next_send_ + burst);
  }
  return next;
}

void Recovery::HandleTimeout(Timestamp now) {
  if (reordering_at_ <= now) DetectLosses(now);
  if (timer_ <= now && outstanding_.bytes_on_the_way() > 0) {
    if (!probed_ && silences_ == 0) {
      probed_ = probe_due_ = true;
    } else {
      HandleSilence(now);
    }
    last_activity_ = now;
  }
  SetTimer();
}

void Recovery::HandleSilence(Timestamp now) {
  ++silences_;
  outstanding_.MarkAllLost();
  rate_.HandleSilence();
  next_send_ = std::min(next_send_, now);
}

void Recovery::HandleNewPath() {
  outstanding_.MarkAllLost();
  rate_.Restart();
  round_trip_.Reset();
  latest_sent_at_ = Timestamp();
  next_send_ = Timestamp();
  reordering_.Reset();
  silences_ = 0;
  probed_ = probe_due_ = false;
  shortest_now_ = shortest_before_ = Duration::max();
  samples_ = 0;
  mark_.reset();
  // What the engine sent by itself is behind what is kept: until that is acknowledged it goes on.
  owning_ = owning_ || outstanding_.empty();
  SetTimer();
}

void Recovery::SetPacketSize(size_t bytes) {
  options_.packet_size = bytes;
  rate_.SetPacketSize(bytes);
}

// -- sending ------------------------------------------------------------------------------------

bool Recovery::WindowHasRoom() const {
  const size_t on_the_way = outstanding_.bytes_on_the_way();
  return on_the_way == 0 || on_the_way < rate_.window();
}

// A lost packet goes before a new one, and that not too far ahead of the first gap.
Outstanding::Index Recovery::NextToSend() const {
  const Outstanding::Index next = outstanding_.NextToSend();
  if (next == Outstanding::kNone || next != outstanding_.NextQueued()) return next;
  const bool near = outstanding_.At(next).last_tsn - outstanding_.first_tsn() < kFarthest;
  return near ? next : Outstanding::kNone;
}

std::optional<MutableByteSpan> Recovery::PollPacket(Timestamp now) {
  if (cutter_) {
    if (const std::optional<MutableByteSpan> piece = cutter_->Next()) return piece;
    cutter_.reset();
  }
  const Outstanding::Index next = NextWorthSending();
  const bool too_far = next == Outstanding::kNone && outstanding_.NextToSend() != next;
  if (too_far) rate_.HandleLimit();
  if (const std::optional<MutableByteSpan> forward = PollForward(now)) return forward;
  if (std::exchange(probe_due_, false)) {
    // RFC 8985, section 7.3: something new, or else the last of what is on the way.
    const Outstanding::Index probe =
        next == Outstanding::kNone ? outstanding_.LastOnTheWay() : next;
    if (probe != Outstanding::kNone) return Transmit(now, probe);
  }
  if (next == Outstanding::kNone || !WindowHasRoom() || next_send_ > now) return std::nullopt;
  return Transmit(now, next);
}

// Gives up what was sent as often as it is worth.
Outstanding::Index Recovery::NextWorthSending() {
  while (true) {
    const Outstanding::Index next = NextToSend();
    if (next == Outstanding::kNone) return next;
    const Outstanding::Packet& packet = outstanding_.At(next);
    if (packet.transmissions < packet.most_transmissions) return next;
    abandoned_messages_ += packet.last_tsn - packet.first_tsn + uint64_t{1};
    outstanding_.Abandon(next);
  }
}

// RFC 3758, section 3.5: the receiver goes on without what was given up. Streams need not be named
// for unordered messages of one chunk, of which it has no part.
std::optional<MutableByteSpan> Recovery::PollForward(Timestamp now) {
  if (now < forward_again_) return std::nullopt;
  const std::optional<uint32_t> point = outstanding_.ForwardPoint();
  if (!point) return std::nullopt;
  forward_again_ = now + std::max(options_.delayed_ack, round_trip_.assumed() + ReorderingWindow());
  forward_.Clear();
  forward_.Append(outstanding_.At(outstanding_.begin()).wire.span().First(kCommonHeader));
  ByteWriter writer(forward_);
  writer.WriteU8(static_cast<uint8_t>(interleaved_ ? ChunkType::kInterleavedForwardTsn
                                                   : ChunkType::kForwardTsn));
  writer.WriteU8(0);
  writer.WriteU16(kChunkHeader + sizeof(uint32_t));
  writer.WriteU32(*point);
  return forward_.mutable_span();
}

std::optional<MutableByteSpan> Recovery::Transmit(Timestamp now, Outstanding::Index index) {
  if (outstanding_.bytes_on_the_way() == 0) {
    first_sent_at_ = delivered_at_ = now;
    rate_.HandleIdleStart(now);
  }
  outstanding_.MarkSent(index, now);
  Outstanding::Packet& packet = outstanding_.At(index);
  packet.snapshot = {delivered_, delivered_at_, first_sent_at_, delivered_ < limited_until_};
  if (packet.transmissions > 1) {
    ++retransmissions_;
    reordering_.NoteRepeated(packet.first_tsn);
  }
  last_activity_ = now;
  if (const std::optional<double> rate = rate_.pacing_rate()) {
    const double time = static_cast<double>(packet.size()) / *rate * 1e9;
    next_send_ = std::max(next_send_, now - kCatchUp) + Duration(static_cast<Duration::rep>(time));
  }
  SetTimer();
  if (packet.size() <= options_.packet_size) return packet.wire.mutable_span();
  cut_ = ByteBuffer::CopyOf(packet.wire);
  cutter_.emplace(cut_.mutable_span(), options_.packet_size);
  return cutter_->Next();
}

}  // namespace ming::sctp
