// Outstanding: every packet with DATA chunks that the engine handed over and that is not
// acknowledged up to its end, in the order of its TSNs. It knows which of them wait for their first
// transmission, are on the way, are lost, or arrived behind a gap. Pure.
//
// TSNs are handed over without gaps and in order, first transmissions go out in that order, and a
// packet arrives whole or not at all.
#ifndef MING_SCTP_OUTSTANDING_H_
#define MING_SCTP_OUTSTANDING_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "ming/base/bytes.h"
#include "ming/base/time.h"
#include "ming/sctp/sack.h"

namespace ming::sctp {

// What had been delivered when a packet was sent: where a sample of the rate begins.
struct SendSnapshot {
  uint64_t delivered = 0;  // bytes
  Timestamp delivered_at;
  Timestamp first_sent_at;  // of the packets that this sample covers
  bool limited_by_sender = false;
};

class Outstanding {
 public:
  // What is told of a packet that is newly acknowledged.
  struct Delivery {
    size_t bytes = 0;
    uint32_t first_tsn = 0;
    uint32_t transmissions = 0;
    Timestamp sent_at;
    SendSnapshot snapshot;
  };

  // Counts packets since the start, so that it names one for ever.
  using Index = uint64_t;
  static constexpr Index kNone = std::numeric_limits<Index>::max();

  static constexpr uint32_t kUnlimited = std::numeric_limits<uint32_t>::max();

  enum class State : uint8_t { kQueued, kOnTheWay, kLost, kArrived };

  struct Packet {
    ByteBuffer wire;  // with the common header
    uint32_t first_tsn = 0;
    uint32_t last_tsn = 0;
    State state = State::kQueued;
    bool abandoned = false;  // counts as arrived
    uint32_t transmissions = 0;
    uint32_t most_transmissions = kUnlimited;
    Timestamp sent_at;  // the last time
    SendSnapshot snapshot;

    size_t size() const { return wire.size(); }

    // The places in the lists of Outstanding. In the order of TSNs: sent and not arrived.
    Index previous_missing = kNone;
    Index next_missing = kNone;
    // In the order of sending: on the way; or, in the order of finding out: lost.
    Index previous = kNone;
    Index next = kNone;
  };

  bool empty() const { return begin_ == end_; }
  Index begin() const { return begin_; }
  Index end() const { return end_; }
  const Packet& At(Index index) const { return slots_[index & (slots_.size() - 1)]; }
  Packet& At(Index index) { return slots_[index & (slots_.size() - 1)]; }

  uint32_t first_tsn() const { return At(begin_).first_tsn; }
  uint32_t last_tsn() const { return At(end_ - 1).last_tsn; }
  bool Covers(uint32_t tsn) const;
  // The packet that holds a TSN that is covered.
  Index Find(uint32_t tsn) const;

  // Bytes with headers. `arrived` counts those behind a gap, and what was given up.
  size_t queued_bytes() const { return queued_bytes_; }
  size_t bytes_on_the_way() const { return bytes_on_the_way_; }
  size_t lost_bytes() const { return lost_bytes_; }
  size_t arrived_bytes() const { return arrived_bytes_; }
  size_t total_bytes() const {
    return queued_bytes_ + bytes_on_the_way_ + lost_bytes_ + arrived_bytes_;
  }
  size_t packet_count() const { return end_ - begin_; }
  size_t arrived_chunks() const { return arrived_chunks_; }
  // Behind a gap, without what was given up.
  size_t arrived_packets() const { return arrived_packets_; }

  // A packet of the common header `header` and of DATA chunks with these TSNs, the first of which
  // follows last_tsn(). It is worth so many transmissions.
  void Append(ByteSpan header, ByteSpan chunks, TsnRange tsns, uint32_t most_transmissions);

  // The next one to send: a lost one, or else one that was never sent; kNone.
  Index NextToSend() const { return first_lost_ != kNone ? first_lost_ : NextQueued(); }
  Index NextQueued() const { return next_queued_ < end_ ? next_queued_ : kNone; }
  // The one sent longest ago that is on the way, and the one of the highest TSN.
  Index Oldest() const { return first_on_the_way_; }
  Index NextOldest(Index index) const { return At(index).next; }
  Index LastOnTheWay() const;

  void MarkSent(Index index, Timestamp now);
  void MarkLost(Index index);
  void MarkAllLost();
  // Gives a lost packet up.
  void Abandon(Index index);
  // Where the receiver may go on to because what it lacks up to there was given up (RFC 3758).
  std::optional<uint32_t> ForwardPoint() const;

  // Takes the packets off that a SACK newly acknowledges and appends them to `newly`: all
  // up to the cumulative TSN leave, those in a block stay as arrived. A block that does not come
  // behind the one before ends the reading.
  void Acknowledge(const Sack& sack, std::vector<Delivery>& newly);
  // Whether the receiver lacks what it had acknowledged behind a gap: it took that back (RFC 9260,
  // section 6.2.1). ForgetArrived then takes all of it for lost.
  bool LacksArrived() const;
  void ForgetArrived();
  void Clear();
  // Gives the memory of many packets back when nothing is outstanding.
  void Trim();

  // For tests and fuzzers.
  bool IsConsistent() const;

 private:
  // One packet beside its state and the one before it.
  bool IsInPlace(Index index) const;
  void Grow();
  void AddMissing(Index index);
  void RemoveMissing(Index index);
  void PushBack(Index index, Index& first, Index& last);
  void Unlink(Index index, Index& first, Index& last);
  void UnlinkByState(Index index);
  void Arrive(Index index, std::vector<Delivery>& newly);
  void PopThrough(uint32_t tsn, std::vector<Delivery>& newly);

  std::vector<Packet> slots_;  // a ring; the size is a power of two
  Index begin_ = 0;
  Index end_ = 0;
  Index next_queued_ = 0;
  Index first_missing_ = kNone;
  Index last_missing_ = kNone;
  Index first_on_the_way_ = kNone;
  Index last_on_the_way_ = kNone;
  Index first_lost_ = kNone;
  Index last_lost_ = kNone;
  size_t queued_bytes_ = 0;
  size_t bytes_on_the_way_ = 0;
  size_t lost_bytes_ = 0;
  size_t arrived_bytes_ = 0;
  size_t arrived_chunks_ = 0;
  size_t arrived_packets_ = 0;
  size_t abandoned_ = 0;
};

}  // namespace ming::sctp

#endif  // MING_SCTP_OUTSTANDING_H_
