#include "ming/sctp/outstanding.h"

#include <glog/logging.h>

#include <utility>

#include "ming/sctp/chunks.h"
#include "ming/sctp/tsn.h"

namespace ming::sctp {
namespace {

constexpr size_t kFirstSlots = 4;

size_t ChunksOf(const Outstanding::Packet& packet) {
  return packet.last_tsn - packet.first_tsn + size_t{1};
}

Outstanding::Delivery DeliveryOf(const Outstanding::Packet& packet) {
  return {packet.size(), packet.first_tsn, packet.transmissions, packet.sent_at, packet.snapshot};
}

}  // namespace

bool Outstanding::Covers(uint32_t tsn) const {
  return !empty() && IsAtOrAfter(tsn, first_tsn()) && IsAtOrAfter(last_tsn(), tsn);
}

Outstanding::Index Outstanding::Find(uint32_t tsn) const {
  DCHECK(Covers(tsn));
  Index low = begin_;
  Index high = end_ - 1;
  while (low < high) {
    const Index middle = low + (high - low) / 2;
    if (IsAtOrAfter(At(middle).last_tsn, tsn)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

void Outstanding::Append(ByteSpan header, ByteSpan chunks, TsnRange tsns,
                         uint32_t most_transmissions) {
  DCHECK(empty() || tsns.first == last_tsn() + 1);
  if (packet_count() == slots_.size()) Grow();
  Packet& packet = At(end_++);
  // The slot keeps the room of the packet it had before.
  packet.wire.Clear();
  packet.wire.Append(header);
  packet.wire.Append(chunks);
  packet.first_tsn = tsns.first;
  packet.last_tsn = tsns.last;
  packet.state = State::kQueued;
  packet.abandoned = false;
  packet.transmissions = 0;
  packet.most_transmissions = most_transmissions;
  packet.next_missing = packet.previous_missing = kNone;
  packet.next = packet.previous = kNone;
  queued_bytes_ += packet.size();
}

void Outstanding::Grow() {
  std::vector<Packet> larger(slots_.empty() ? kFirstSlots : 2 * slots_.size());
  for (Index i = begin_; i != end_; ++i) larger[i & (larger.size() - 1)] = std::move(At(i));
  slots_ = std::move(larger);
}

Outstanding::Index Outstanding::LastOnTheWay() const {
  Index index = last_missing_;
  while (index != kNone && At(index).state != State::kOnTheWay) index = At(index).previous_missing;
  return index;
}

void Outstanding::MarkSent(Index index, Timestamp now) {
  Packet& packet = At(index);
  DCHECK(packet.state != State::kArrived);
  if (packet.state == State::kQueued) {
    DCHECK_EQ(index, next_queued_);
    ++next_queued_;
    queued_bytes_ -= packet.size();
    AddMissing(index);
  } else {
    UnlinkByState(index);
  }
  packet.state = State::kOnTheWay;
  packet.sent_at = now;
  ++packet.transmissions;
  bytes_on_the_way_ += packet.size();
  PushBack(index, first_on_the_way_, last_on_the_way_);
}

void Outstanding::MarkLost(Index index) {
  DCHECK(At(index).state == State::kOnTheWay);
  UnlinkByState(index);
  At(index).state = State::kLost;
  lost_bytes_ += At(index).size();
  PushBack(index, first_lost_, last_lost_);
}

void Outstanding::MarkAllLost() {
  while (first_on_the_way_ != kNone) MarkLost(first_on_the_way_);
}

void Outstanding::Abandon(Index index) {
  Packet& packet = At(index);
  DCHECK(packet.state == State::kLost);
  UnlinkByState(index);
  RemoveMissing(index);
  packet.state = State::kArrived;
  packet.abandoned = true;
  ++abandoned_;
  arrived_bytes_ += packet.size();
  arrived_chunks_ += ChunksOf(packet);
}

std::optional<uint32_t> Outstanding::ForwardPoint() const {
  std::optional<uint32_t> point;
  if (abandoned_ == 0) return point;
  for (Index i = begin_; i != next_queued_ && At(i).state == State::kArrived; ++i) {
    if (At(i).abandoned) point = At(i).last_tsn;
  }
  return point;
}

void Outstanding::Acknowledge(const Sack& sack, std::vector<Delivery>& newly) {
  PopThrough(sack.cumulative_tsn, newly);
  Index index = first_missing_;
  uint32_t read_to = sack.cumulative_tsn;
  for (size_t i = 0; i < sack.block_count() && index != kNone; ++i) {
    const TsnRange block = sack.Block(i);
    if (!IsAfter(block.first, read_to) || IsAfter(block.first, block.last)) return;
    read_to = block.last;
    while (index != kNone && IsAfter(block.first, At(index).first_tsn)) {
      index = At(index).next_missing;
    }
    while (index != kNone && IsAtOrAfter(block.last, At(index).last_tsn)) {
      const Index next = At(index).next_missing;
      Arrive(index, newly);
      index = next;
    }
  }
}

void Outstanding::PopThrough(uint32_t tsn, std::vector<Delivery>& newly) {
  while (begin_ != end_ && IsAtOrAfter(tsn, At(begin_).last_tsn)) {
    Packet& packet = At(begin_);
    switch (packet.state) {
      case State::kQueued:  // of a peer that acknowledges what it cannot have
        queued_bytes_ -= packet.size();
        ++next_queued_;
        break;
      case State::kArrived:
        --(packet.abandoned ? abandoned_ : arrived_packets_);
        arrived_bytes_ -= packet.size();
        arrived_chunks_ -= ChunksOf(packet);
        break;
      case State::kOnTheWay:
      case State::kLost:
        newly.push_back(DeliveryOf(packet));
        UnlinkByState(begin_);
        RemoveMissing(begin_);
        break;
    }
    ++begin_;
  }
}

void Outstanding::Arrive(Index index, std::vector<Delivery>& newly) {
  newly.push_back(DeliveryOf(At(index)));
  UnlinkByState(index);
  RemoveMissing(index);
  At(index).state = State::kArrived;
  ++arrived_packets_;
  arrived_bytes_ += At(index).size();
  arrived_chunks_ += ChunksOf(At(index));
}

bool Outstanding::LacksArrived() const {
  return !empty() && At(begin_).state == State::kArrived && !At(begin_).abandoned;
}

void Outstanding::ForgetArrived() {
  // Once in a great while: both lists are made anew.
  first_missing_ = last_missing_ = first_lost_ = last_lost_ = kNone;
  MarkAllLost();
  first_lost_ = last_lost_ = kNone;
  lost_bytes_ = arrived_bytes_ = arrived_chunks_ = arrived_packets_ = abandoned_ = 0;
  for (Index i = begin_; i != next_queued_; ++i) {
    At(i).state = State::kLost;
    At(i).abandoned = false;
    lost_bytes_ += At(i).size();
    AddMissing(i);
    PushBack(i, first_lost_, last_lost_);
  }
}

void Outstanding::Clear() { *this = Outstanding(); }

void Outstanding::Trim() {
  if (empty() && slots_.size() > kFirstSlots) slots_ = std::vector<Packet>();
}

void Outstanding::AddMissing(Index index) {
  Packet& packet = At(index);
  packet.next_missing = kNone;
  packet.previous_missing = last_missing_;
  (last_missing_ == kNone ? first_missing_ : At(last_missing_).next_missing) = index;
  last_missing_ = index;
}

void Outstanding::RemoveMissing(Index index) {
  const Packet& packet = At(index);
  const Index previous = packet.previous_missing;
  const Index next = packet.next_missing;
  (previous == kNone ? first_missing_ : At(previous).next_missing) = next;
  (next == kNone ? last_missing_ : At(next).previous_missing) = previous;
}

void Outstanding::PushBack(Index index, Index& first, Index& last) {
  Packet& packet = At(index);
  packet.next = kNone;
  packet.previous = last;
  (last == kNone ? first : At(last).next) = index;
  last = index;
}

void Outstanding::Unlink(Index index, Index& first, Index& last) {
  const Packet& packet = At(index);
  const Index previous = packet.previous;
  const Index next = packet.next;
  (previous == kNone ? first : At(previous).next) = next;
  (next == kNone ? last : At(next).previous) = previous;
}

void Outstanding::UnlinkByState(Index index) {
  const Packet& packet = At(index);
  if (packet.state == State::kOnTheWay) {
    bytes_on_the_way_ -= packet.size();
    Unlink(index, first_on_the_way_, last_on_the_way_);
  } else {
    DCHECK(packet.state == State::kLost);
    lost_bytes_ -= packet.size();
    Unlink(index, first_lost_, last_lost_);
  }
}

bool Outstanding::IsInPlace(Index index) const {
  const Packet& packet = At(index);
  if ((packet.state == State::kQueued) != (index >= next_queued_)) return false;
  if (packet.abandoned && packet.state != State::kArrived) return false;
  return index == begin_ || packet.first_tsn == At(index - 1).last_tsn + 1;
}

bool Outstanding::IsConsistent() const {
  size_t bytes[4] = {};
  size_t counts[4] = {};
  size_t arrived_chunks = 0;
  size_t abandoned = 0;
  Index missing = first_missing_;
  for (Index i = begin_; i != end_; ++i) {
    const Packet& packet = At(i);
    const auto state = static_cast<size_t>(packet.state);
    bytes[state] += packet.size();
    ++counts[state];
    if (!IsInPlace(i)) return false;
    if (packet.state == State::kArrived) arrived_chunks += ChunksOf(packet);
    if (packet.abandoned) ++abandoned;
    if (packet.state == State::kOnTheWay || packet.state == State::kLost) {
      if (missing != i) return false;
      missing = packet.next_missing;
    }
  }
  const auto length = [this](Index index) {
    size_t count = 0;
    for (; index != kNone && count <= packet_count(); index = At(index).next) ++count;
    return count;
  };
  return missing == kNone && bytes[0] == queued_bytes_ && bytes[1] == bytes_on_the_way_ &&
         bytes[2] == lost_bytes_ && bytes[3] == arrived_bytes_ &&
         length(first_on_the_way_) == counts[1] && length(first_lost_) == counts[2] &&
         arrived_chunks == arrived_chunks_ && abandoned == abandoned_ &&
         counts[3] == arrived_packets_ + abandoned_ && next_queued_ >= begin_ &&
         next_queued_ <= end_;
}

}  // namespace ming::sctp
